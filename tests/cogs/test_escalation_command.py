"""Longer timeouts for repeated flags: over the wire, with the real bot."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.chat import weighing
from tests.cogs.acting import choose, enforce, flagged, words
from tests.conftest import Scene
from tests.patience import PATIENCE_S, until

SETTLED = "SELECT COUNT(*) FROM decisions WHERE outcome IS NOT NULL"


async def test_repeated_flags_earn_longer_timeouts(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        for flags, timeout in ((1, "10m"), (2, "1d")):
            reply = await scene.mo.run(
                scene.general, "escalation set", flags=flags, window="7d", timeout=timeout
            )
        assert "After **2** flags within 7 days: a timeout of **1 day**." in words(reply)
        card = await flagged(scene, scene.ada, scene.general, "you idiot")
        assert "timed out" not in card.texts
        card = await flagged(scene, scene.ada, scene.general, "you moron")
        assert "Author timed out for 10 minutes" in card.texts
        assert "Escalated from deleting the message, for 1 earlier flag." in card.texts
        scene.wire.advance(700)  # or they could not write
        card = await flagged(scene, scene.ada, scene.general, "you loser")
        assert "Author timed out for 1 day" in card.texts
        other = scene.server.add_member("bea")
        card = await flagged(scene, other, scene.general, "you loser")
        assert "timed out" not in card.texts
    assert scene.rows("SELECT action, timeout_s FROM decisions ORDER BY id") == [
        ("delete", None),
        ("timeout", 600),
        ("timeout", 86_400),
        ("delete", None),
    ]


async def test_messages_at_once_count_while_their_deletions_are_under_way(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weighing, "_FOR_CERTAIN", timedelta(0))
    messages = f"/channels/{scene.general.id}/messages/*"
    slow = scene.wire.faults.slow(0.5, "DELETE", messages, times=None)
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        await scene.mo.run(scene.general, "escalation set", flags=2, window="7d", timeout="10m")
        await asyncio.gather(*(scene.ada.post(scene.general, f"idiot {n}") for n in range(3)))
        await scene.wire.wait_for_request("PATCH", f"/members/{scene.ada.id}")
        scene.wire.faults.remove(slow)
        await until(lambda: scene.rows(SETTLED) == [(3,)])
    assert sorted(scene.rows("SELECT action, timeout_s FROM decisions")) == [
        ("delete", None),
        ("delete", None),
        ("timeout", 600),
    ]


async def test_messages_at_once_do_not_count_where_they_cannot_be_deleted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weighing, "_FOR_CERTAIN", timedelta(seconds=PATIENCE_S))
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        await scene.mo.run(scene.general, "escalation set", flags=1, window="7d", timeout="10m")
        scene.general.set_permissions(scene.server.bot, manage_messages=False)
        await asyncio.gather(*(scene.ada.post(scene.general, f"idiot {n}") for n in range(3)))
        await until(lambda: scene.rows(SETTLED) == [(3,)])
    assert set(scene.rows("SELECT action FROM decisions")) == {("delete",)}


async def test_what_is_only_shown_stays_so_and_old_flags_do_not_count(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        await flagged(scene, scene.ada, scene.general, "you idiot")
        await scene.mo.run(scene.general, "escalation set", flags=1, window="1h", timeout="10m")
        card = await flagged(scene, scene.ada, scene.general, "damn")  # obscene alerts
        assert "timed out" not in card.texts
    scene.change(
        "UPDATE decisions SET decided_at = strftime('%Y-%m-%dT%H:%M:%fZ', decided_at, '-2 hours')"
        " WHERE action = 'delete'"
    )
    async with scene.bot(log_channel=False):
        card = await flagged(scene, scene.ada, scene.general, "you moron")
        assert "timed out" not in card.texts


async def test_dismissed_flags_do_not_count_and_upheld_ones_do(scene: Scene) -> None:
    async with scene.bot():
        await scene.mo.run(scene.general, "escalation set", flags=1, window="7d", timeout="10m")
        await flagged(scene, scene.ada, scene.general, "you idiot")
        await choose(scene, "insult", "delete")
    verdict = "INSERT INTO verdicts VALUES (1, '{}', 5, '2026-01-01T00:00:00.000000Z')"
    scene.change(verdict.format("dismissed"))
    async with scene.bot(log_channel=False):
        card = await flagged(scene, scene.ada, scene.general, "you moron")
        assert "timed out" not in card.texts
    scene.change("UPDATE verdicts SET verdict = 'upheld'")
    async with scene.bot(log_channel=False):
        card = await flagged(scene, scene.ada, scene.general, "you loser")
        assert "timed out for 10 minutes" in card.texts  # observing: would have been


async def test_steps_are_shown_changed_and_taken_away(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        run, general = scene.mo.run, scene.general
        assert "no escalation" in words(await run(general, "escalation show"))
        for timeout in ("1h", "2h"):
            await run(general, "escalation set", flags=3, window="30d", timeout=timeout)
        shown = words(await run(general, "escalation show"))
        assert "2 hours" in shown
        assert "1 hour*" not in shown
        assert "only alert" in shown
        assert "no step with 4" in words(await run(general, "escalation off", flags=4))
        assert "no escalation" in words(await run(general, "escalation off", flags=3))
        for flags in (2, 4):
            await run(general, "escalation set", flags=flags, window="7d", timeout="1h")
        told = words(await run(general, "escalation off"))
        assert "2 steps were taken away." in told
        assert "no escalation" in told


async def test_what_the_steps_will_not_do_is_said(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        run, general = scene.mo.run, scene.general
        told = words(await run(general, "escalation set", flags=3, window="30d", timeout="1d"))
        assert "⚠️ The" not in told
        told = words(await run(general, "escalation set", flags=5, window="31d", timeout="1h"))
        assert "looks back 31 days, but flags are deleted when they are 30 days old" in told
        assert "The step with 5 flags has a shorter timeout (1 hour) than the one with 3" in told
        told = words(await run(general, "privacy retention", days=7))
        assert "looks back 31 days, but flags are deleted when they are 7 days old" in told
        told = words(await run(general, "privacy retention", days=31))
        assert "looks back" not in told
