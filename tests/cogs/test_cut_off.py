"""Clicks in the middle of which a stop came: what was done after all, and what the card tells."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.chat import desk, patiently, stubborn
from tests.cogs.acting import done_to, enforce
from tests.cogs.alerts import flagged, labels, shows
from tests.cogs.outages import away
from tests.conftest import Running, Scene

MEMBER = "/guilds/*/members/*"
DEEDS = "SELECT kind, result FROM deeds ORDER BY id"


@pytest.fixture(autouse=True)
def in_the_middle(unexplained: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop waits for no click, and Discord is asked again too late."""
    monkeypatch.setattr(desk, "_DRAIN_S", 0.0)
    monkeypatch.setattr(patiently, "_AGAIN_S", (600.0,))


@contextlib.asynccontextmanager
async def cut_off(
    scene: Scene, click: Coroutine[Any, Any, Any], *, heard: bool, path: str = MEMBER
) -> AsyncIterator[None]:
    """Have the bot stop between a click and Discord's answer, which Discord has heard or not."""
    method = "PATCH" if path == MEMBER else "DELETE"
    fault = scene.wire.faults.server_error(method, path, status=503, times=None, after=heard)
    clicking = asyncio.create_task(click)
    await scene.wire.wait_until(lambda: fault.hits == 1, what="the request")
    yield
    await asyncio.gather(clicking, return_exceptions=True)
    scene.wire.faults.clear()


async def timed_out_for(scene: Scene, mia: Any, seconds: int, *, heard: bool) -> Any:
    """A card whose Timeout was cut off."""
    async with contextlib.AsyncExitStack() as stopped, scene.bot():
        _, card = await flagged(scene)
        menu = (await mia.click(card, "Timeout…")).message
        choosing = mia.select(menu, [str(seconds)])
        await stopped.enter_async_context(cut_off(scene, choosing, heard=heard))
    assert scene.rows(DEEDS) == [("timeout", "begun")]
    assert (scene.ada.timed_out_until is not None) is heard
    return card


def in_an_hour(scene: Scene, hours: int = 1) -> None:
    """Have somebody else time ada out."""
    member = scene.wire.world.backend.get_member(scene.server.id, scene.ada.id)
    member.timed_out_until = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


async def test_a_timeout_that_discord_heard_of_stands_on_its_card(scene: Scene, mia: Any) -> None:
    card = await timed_out_for(scene, mia, 3600, heard=True)
    async with scene.bot(log_channel=False):
        await shows(
            scene, card, f"**Author timed out** for 1 hour by <@{mia.id}> <t:", ", until <t:"
        )
        assert "Upheld" not in card.content
        assert labels(card) == ["Delete", "Undo"]
        assert [method for method, _, _ in done_to(scene)] == ["PATCH"]
        await mia.click(card, "Undo")
        await shows(scene, card, "lifted <t:")
        assert scene.ada.timed_out_until is None
    assert scene.rows(DEEDS)[0] == ("timeout", "undone")


@pytest.mark.parametrize(
    ("meanwhile", "found"),
    [
        (lambda scene: None, "afterwards the author was not timed out"),
        (in_an_hour, "afterwards the author was timed out, but by another timeout"),
        (lambda scene: scene.ada.leave(), "the author had left"),
    ],
    ids=["nothing", "another", "left"],
)
async def test_a_timeout_that_was_not_given_is_told_and_can_be_given_at_once(
    scene: Scene, mia: Any, meanwhile: Any, found: str
) -> None:
    card = await timed_out_for(scene, mia, 600, heard=False)
    meanwhile(scene)
    async with scene.bot(log_channel=False):
        by = f"Timeout for 10 minutes by <@{mia.id}> <t:"
        await shows(scene, card, by, f"was interrupted; {found}")
        assert labels(card) == ["Uphold", "Dismiss", "Delete", "Timeout…"]
        assert len(done_to(scene)) == 1
        if found == "afterwards the author was not timed out":
            await mia.select((await mia.click(card, "Timeout…")).message, ["600"])
            await shows(scene, card, "**Author timed out** for 10 minutes")
    assert scene.rows("SELECT verdict FROM verdicts") == (
        [("upheld",)] if scene.rows(DEEDS)[-1] == ("timeout", "done") else []
    )


async def test_discord_is_asked_again_where_it_does_not_say(
    scene: Scene, mia: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stubborn, "_FIRST_S", 0.05)
    card = await timed_out_for(scene, mia, 3600, heard=True)
    scene.wire.faults.server_error("GET", MEMBER, status=503, times=2)
    async with scene.bot(log_channel=False):
        await shows(scene, card, "**Author timed out** for 1 hour")


@pytest.mark.parametrize(("by_rules", "heard"), [(True, True), (True, False), (False, False)])
async def test_lifting_a_timeout_that_was_cut_off_is_told(
    scene: Scene, mia: Any, heard: bool, by_rules: bool
) -> None:
    async with contextlib.AsyncExitStack() as stopped, scene.bot():
        if by_rules:
            await enforce(scene, "insult", "timeout", duration="1h")
        _, card = await flagged(scene)
        if not by_rules:
            await mia.select((await mia.click(card, "Timeout…")).message, ["3600"])
            await shows(scene, card, "Author timed out")
        undoing = mia.click(card, "Undo")
        await stopped.enter_async_context(cut_off(scene, undoing, heard=heard))
    assert ("timeout", "lifting") in scene.rows(DEEDS)
    async with scene.bot(log_channel=False):
        await scene.wire.quiet()
        if heard:
            assert ("Timeout lifted <t:" if by_rules else "; lifted <t:") in card.content
            assert "Undo" not in labels(card)
            return
        assert (
            "Lifting the timeout was interrupted; it was not lifted"
            if by_rules
            else "; lifting it was interrupted"
        ) in card.content
        await mia.click(card, "Undo")
        await shows(scene, card, "ifted <t:")
        assert scene.ada.timed_out_until is None
        assert "cut off" not in card.content


async def test_a_deletion_that_discord_did_not_hear_of_can_be_clicked_again_at_once(
    scene: Scene,
) -> None:
    path = "/channels/*/messages/*"
    async with contextlib.AsyncExitStack() as stopped, scene.bot():
        message, card = await flagged(scene)
        deleting = scene.mo.click(card, "Delete")
        await stopped.enter_async_context(cut_off(scene, deleting, heard=False, path=path))
    assert scene.rows(DEEDS) == [("delete", "begun")]
    async with scene.bot(log_channel=False):
        by = f"Deletion by <@{scene.mo.id}> <t:"
        await shows(scene, card, by, "was interrupted; the message still stood")
        await scene.mo.click(card, "Delete")
        await shows(scene, card, "**Message deleted**")
        assert message.deleted


async def test_a_name_that_was_being_reset_is_looked_at(scene: Scene, mia: Any) -> None:
    scene.settings = scene.settings.model_copy(update={"members_intent": True})
    async with contextlib.AsyncExitStack() as stopped, scene.bot():
        await scene.mo.run(scene.general, "screening names", screen=True)
        scene.ada.rename("idiot")
        card = await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
        resetting = mia.click(card, "Reset name")
        await stopped.enter_async_context(cut_off(scene, resetting, heard=True))
    assert scene.rows(DEEDS) == [("rename", "begun")]
    async with scene.bot(log_channel=False):
        await shows(scene, card, f"**Name reset** by <@{mia.id}>")


async def test_a_timeout_by_the_rules_is_found_although_nothing_is_gone_on_with(
    scene: Scene,
) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "timeout", duration="1h")
        message = await scene.ada.post(scene.general, "you idiot")
        card = await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
    # The card was there first, the stop came before it was written down, and by now the server
    # observes.
    scene.change("UPDATE decisions SET outcome = NULL")
    scene.change("UPDATE deeds SET result = 'begun'")
    scene.change("UPDATE cards SET open_deeds = 'delete,timeout'")
    scene.change("UPDATE servers SET mode = 'observe'")
    async with scene.bot(log_channel=False):
        await shows(scene, card, "Author timed out <t:", "Message deleted <t:")
        assert labels(card) == ["Uphold", "Dismiss", "Undo"]
        assert message.deleted
    assert set(scene.rows("SELECT result FROM deeds")) == {("done",)}


async def test_a_server_that_comes_back_waits_for_no_other(scene: Scene, running: Running) -> None:
    other = scene.wire.add_server("Other")
    async with scene.bot():
        cards = [(await flagged(scene, words))[1] for words in ("you idiot", "you moron")]
    scene.change(
        "INSERT INTO deeds (decision_id, kind, moderator_id, at, result, changed_at) "
        f"SELECT id, 'delete', {scene.mo.id}, decided_at, 'begun', decided_at FROM decisions"
    )
    channel_id = other.add_channel("general").id
    scene.change(
        f"UPDATE decisions SET server_id = {other.id}, channel_id = {channel_id} WHERE id = 1"
    )
    stuck = scene.wire.faults.server_error(
        "GET", f"/channels/{channel_id}/messages/*", status=503, times=None
    )
    back = away(scene, scene.server)
    async with running():
        # Discord is asked about the other server for minutes.
        await scene.wire.wait_until(lambda: stuck.hits > 0, what="a question")
        back()
        await shows(scene, cards[1], "the message still stood")
        assert not cards[0].content
