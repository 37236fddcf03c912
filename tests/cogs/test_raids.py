"""More than Discord lets through at once: everything goes in the end, and what stands is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.chat import actions, card_upkeep
from bot.cogs import screening
from sandbox.wire import Limit
from tests.cogs.acting import done_to, enforce, flagged
from tests.cogs.raiding import (
    BULK,
    ONE,
    OUTCOMES,
    UNSETTLED,
    left,
    lines,
    make_small,
    on_record,
    raid,
)
from tests.conftest import Scene


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


async def test_a_raid_is_gone_in_the_end_and_told_in_one_line(scene: Scene) -> None:
    scene.wire.limits.set("POST", BULK, Limit(1, 0.3))
    scene.wire.limits.set("DELETE", ONE, Limit(1, 0.3))
    async with scene.bot():
        await enforce(scene, "insult", "timeout", duration="1h")
        await raid(scene, 45)
        await scene.wire.wait_until(lambda: not left(scene), what="an empty channel")
        await scene.wire.wait_until(
            lambda: any("All of them were deleted." in line for line in lines(scene)),
            what="a line that says so",
        )
        await on_record(scene, UNSETTLED, [(0,)])
    assert len(lines(scene)) == 1
    assert len([1 for method, *_ in done_to(scene) if method == "PATCH"]) == 3
    assert scene.rows(
        "SELECT COUNT(*) FROM decisions WHERE outcome IN ('deleted', 'timed_out')"
    ) == [(45,)]


@pytest.mark.parametrize("how", ["busy", "down", "cut off"])
async def test_what_discord_does_not_answer_is_tried_again(scene: Scene, how: str) -> None:
    faults = scene.wire.faults
    for method, path in (("POST", BULK), ("DELETE", ONE)):
        if how == "busy":
            faults.rate_limit(method, path, retry_after_s=0.01, times=12)
        elif how == "down":
            faults.server_error(method, path, status=503, times=5)
        else:
            faults.drop(method, path, times=5)
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        await raid(scene)
        await scene.wire.wait_until(lambda: not left(scene), what="an empty channel")
        await on_record(scene, OUTCOMES, [("deleted", 30)])


async def test_what_stands_in_the_end_is_told_with_the_reason(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.chat.deletions.KEEP_TRYING_S", 0.2)
    scene.wire.faults.server_error("POST", BULK, status=503, times=None)
    scene.wire.faults.server_error("DELETE", ONE, status=503, times=None)
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        await raid(scene)
        await scene.wire.wait_until(
            lambda: any("still stand:**" in line for line in lines(scene)), what="a line"
        )
        await on_record(scene, UNSETTLED, [(0,)])
    without = dict(scene.rows(OUTCOMES))["crowded_out"]
    assert (
        f"**{without} flagged messages in <#{scene.general.id}> still stand:** "
        "Discord refused it (HTTP 503, error 0).\nTo get rid of them" in lines(scene)[0]
    )
    assert left(scene) == 30
    assert scene.rows("SELECT DISTINCT result FROM deeds") == [("failed",)]


async def test_one_that_discord_does_not_take_keeps_no_other_from_being_deleted(
    scene: Scene,
) -> None:
    fault = scene.wire.faults.refuse("POST", BULK, status=400, code=50035)
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        scene.wire.faults.slow(0.3, "DELETE", ONE)
        await raid(scene, 8)
        await scene.wire.wait_until(lambda: not left(scene), what="an empty channel")
    assert fault.hits == 1


async def test_what_a_stop_leaves_is_done_at_the_next_start(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screening, "_DRAIN_S", 0.2)
    scene.wire.faults.server_error("POST", BULK, status=503, times=None)
    scene.wire.faults.server_error("DELETE", ONE, status=503, times=None)
    async with scene.bot():
        await enforce(scene, "insult", "timeout", duration="1h")
        await raid(scene)
        await on_record(scene, "SELECT COUNT(*) FROM decisions", [(30,)])
    assert left(scene) == 30
    assert "done when Hexward runs again" in lines(scene)[-1]
    scene.wire.faults.clear()
    before = len(scene.wire.requests)
    async with scene.bot(log_channel=False):
        await scene.wire.wait_until(lambda: not left(scene), what="an empty channel")
        await on_record(scene, UNSETTLED, [(0,)])
    asked = [request for request in scene.wire.requests[before:] if request.method == "GET"]
    assert len([request for request in asked if "/messages" in request.path]) < 6
    assert "crowded_out" not in dict(scene.rows(OUTCOMES))


async def test_a_card_that_cannot_wait_is_told_later_what_was_done(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "PATIENCE", timedelta(seconds=0.1))
    monkeypatch.setattr(card_upkeep, "_AGAIN_S", (0.1, 0.1))
    fault = scene.wire.faults.server_error("DELETE", ONE, status=503, times=None)
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        card = await flagged(scene, scene.ada, scene.general, "you idiot")
        assert "Message not deleted yet" in card.texts
        assert scene.rows("SELECT outcome FROM decisions") == [(None,)]
        scene.wire.faults.remove(fault)
        edits = f"/channels/{scene.log.id}/messages/{card.id}"
        scene.wire.faults.server_error("PATCH", edits, status=503, times=2)
        await scene.wire.wait_until(
            lambda: "Message deleted <t:" in card.content, what="the deletion on the card"
        )
        await on_record(scene, OUTCOMES, [("deleted", 1)])
