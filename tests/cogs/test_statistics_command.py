"""`/stats`: the sums of a server as numbers and as a picture, for its moderators."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from sandbox.wire import CannotDo, Reply
from tests.cogs.alerts import flagged, shows
from tests.conftest import Scene


def fields(reply: Reply) -> dict[str, str]:
    assert reply.ephemeral
    assert reply.deferred
    (embed,) = reply.message.embeds
    return {field["name"]: field["value"] for field in embed["fields"]}


async def flag_two_and_dismiss_one(scene: Scene) -> None:
    await scene.ada.post(scene.general, "hello")
    for _ in range(2):
        await scene.ada.post(scene.general, "you idiot")
        card = await scene.wire.wait_for_message(scene.log)
    await scene.mo.click(card, "Dismiss")
    await scene.wire.quiet()


async def test_numbers_and_a_picture(scene: Scene) -> None:
    async with scene.bot():
        await flag_two_and_dismiss_one(scene)
        reply = await scene.mo.run(scene.general, "stats", days=7)
    assert "The last 7 days" in reply.texts
    assert "**3** texts were screened" in reply.texts
    assert "**2** were flagged, 67% of them" in reply.texts
    shown = fields(reply)
    by_label = shown["Flags by label: all · upheld · false alarms"]
    (row,) = [line for line in by_label.splitlines() if "Insult" in line]
    assert row == "**Insult** 2 · 0 · 1 (100%)"
    assert "100% false alarms, by one verdict" in shown["Verdicts"]
    assert "say little" in shown["Verdicts"]
    assert "One flag was not judged" in shown["Verdicts"]
    assert "nobody was timed out" in shown["What was done"]
    assert ":t>: 3 texts" in shown["Busiest hours"] or ":t>: 2 texts" in shown["Busiest hours"]
    assert "Unscreened" not in shown
    (attached,) = reply.message.attachments
    (embed,) = reply.message.embeds
    assert attached["filename"] == "statistics.png"
    assert embed["image"]["url"]
    # Of nobody in particular.
    assert str(scene.ada.id) not in reply.texts


async def test_a_timeout_that_was_lifted_is_still_counted_and_called_so(
    scene: Scene, mia: Any
) -> None:
    async with scene.bot():
        _, card = await flagged(scene)
        await mia.select((await mia.click(card, "Timeout…")).message, ["3600"])
        await shows(scene, card, "**Author timed out**")
        before = await scene.mo.run(scene.general, "stats")
        await mia.click(card, "Undo")
        await shows(scene, card, "lifted <t:")
        after = await scene.mo.run(scene.general, "stats")
    given = "Members timed out: 0 times by this server’s rules, 1 by moderators."
    assert fields(before)["What was done"].splitlines()[1:] == [given]
    assert fields(after)["What was done"].splitlines()[1:] == [
        given,
        "One of these timeouts was lifted.",
    ]


async def test_without_a_picture_the_numbers_are_whole(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    async with scene.bot():
        await flag_two_and_dismiss_one(scene)
        await scene.mo.run(scene.general, "privacy retention", days=3)
        reply = await scene.mo.run(scene.general, "stats")
    assert "could not be drawn" in reply.texts
    assert "keeps decisions for 3 days" in reply.texts
    assert "The last 3 days" in reply.texts
    assert "**3** texts were screened" in reply.texts
    assert not reply.message.attachments


async def test_before_anything_was_screened(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        pass
    values = f"5, {scene.server.id}, 7, '2099-01-01T00:00:00.000000Z', 'away'"
    scene.change(f"INSERT INTO unscreened VALUES ({values})")
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, "stats")
    assert "Nothing was screened" in reply.texts
    assert fields(reply) == {"Unscreened": "One message is still to be caught up with."}
    assert not reply.message.attachments


async def test_for_moderators_only(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        with pytest.raises(CannotDo):  # Discord does not show it to others
            await scene.ada.run(scene.general, "stats")
        reply = await scene.ada.run(scene.general, "stats", force=True)
    assert reply.ephemeral
    assert "Manage Messages" in reply.texts
