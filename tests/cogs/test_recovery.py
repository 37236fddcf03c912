"""Actions that a crash has left behind: over the wire, with the real bot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.chat import actions
from tests.cogs.acting import choose, done_to, enforce
from tests.cogs.outages import away
from tests.conftest import MODERATOR, Running, Scene
from tests.patience import until

MESSAGE = "/channels/*/messages/*"


async def test_what_was_decided_is_carried_out_after_a_crash(scene: Scene) -> None:
    async with scene.bot():
        await choose(scene, "insult", "timeout", duration="1h")
        message = await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
        await scene.mo.run(scene.general, "mode enforce")
    # As if it had been decided in enforce mode, and the process had died in the middle of it.
    scene.change("UPDATE decisions SET id = 101, outcome = NULL, mode = 'enforce'")
    scene.change(
        "INSERT INTO deeds (decision_id, kind, at, result, changed_at)"
        " SELECT 101, 'delete', decided_at, 'begun', decided_at FROM decisions"
    )
    async with scene.bot(log_channel=False):
        card = await scene.wire.wait_for_message(scene.log)
        assert "Message deleted." in card.texts
        assert message.deleted
        assert scene.ada.timed_out_until is not None
        await scene.wire.quiet()
    assert scene.rows("SELECT outcome FROM decisions") == [("timed_out",)]
    assert {row[0] for row in scene.rows("SELECT result FROM deeds")} == {"done"}


async def test_a_timeout_is_made_up_for_although_the_message_is_gone(scene: Scene) -> None:
    async with scene.bot():
        await choose(scene, "insult", "timeout", duration="1h")
        message = await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
        await scene.mo.run(scene.general, "mode enforce")
    scene.change("UPDATE decisions SET id = 101, outcome = NULL, mode = 'enforce'")
    await message.delete()
    async with scene.bot(log_channel=False):
        await scene.wire.wait_for_request("PATCH", f"/members/{scene.ada.id}")
        await scene.wire.quiet()
        assert scene.ada.timed_out_until is not None
    assert scene.rows("SELECT outcome FROM decisions") == [("timed_out",)]


async def test_what_was_done_before_the_crash_is_not_done_again(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "timeout", duration="1h")
        message = await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
    before = done_to(scene)
    scene.change("UPDATE decisions SET id = 101, outcome = NULL")
    scene.change("UPDATE deeds SET decision_id = 101")
    async with scene.bot(log_channel=False):
        await scene.wire.wait_for_request("GET", f"/messages/{message.id}")
        await scene.wire.quiet()
        assert done_to(scene) == before
    assert scene.rows("SELECT outcome FROM decisions") == [("timed_out",)]


async def test_nothing_is_done_once_the_server_observes(scene: Scene) -> None:
    async with scene.bot():
        await choose(scene, "insult", "timeout", duration="1h")
        await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
    scene.change("UPDATE decisions SET id = 101, outcome = NULL, mode = 'enforce'")
    async with scene.bot(log_channel=False):
        card = await scene.wire.wait_for_message(scene.log)
        assert "would have been deleted" in card.texts
        assert done_to(scene) == []


async def test_a_deletion_before_the_crash_gets_its_card(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        message = await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
        assert message.deleted
    scene.change("UPDATE decisions SET id = 101, outcome = NULL")
    scene.change("UPDATE deeds SET decision_id = 101")
    async with scene.bot(log_channel=False):
        card = await scene.wire.wait_for_message(scene.log)
        assert "The message is gone, and its words are not kept." in card.texts
        assert "Message deleted." in card.texts
        assert str(scene.ada.id) in card.texts
        assert [button["label"] for button in card.buttons] == ["Uphold", "Dismiss", "Timeout…"]
        await scene.wire.quiet()
    assert scene.rows("SELECT outcome FROM decisions") == [("deleted",)]


async def test_a_deletion_whose_answer_a_stop_cut_off_counts_as_done(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
    scene.change("UPDATE decisions SET id = 101, outcome = NULL")
    scene.change("UPDATE deeds SET decision_id = 101, result = 'begun'")
    async with scene.bot(log_channel=False):
        card = await scene.wire.wait_for_message(scene.log)
        assert "Message deleted." in card.texts
        assert [button["label"] for button in card.buttons] == ["Uphold", "Dismiss", "Timeout…"]
        await scene.wire.quiet()
    assert scene.rows("SELECT outcome FROM decisions") == [("deleted",)]
    assert scene.rows("SELECT result FROM deeds") == [("done",)]


@pytest.mark.parametrize("changed", ["changed_at", "datetime(changed_at, '-5 minutes')"])
@pytest.mark.parametrize("running", [timedelta(minutes=56), timedelta(minutes=40)])
async def test_a_timeout_that_a_stop_cut_off_is_not_given_twice(
    scene: Scene, running: timedelta, changed: str
) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "timeout", duration="1h")
        await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
    scene.change("UPDATE decisions SET id = 101, outcome = NULL")
    # Begun five minutes ago, so it has 55 left if Discord ever heard of it.
    scene.change(
        "UPDATE deeds SET decision_id = 101, result = 'begun', at = datetime(at, '-5 minutes'), "
        f"changed_at = {changed}"
    )
    member = scene.wire.world.backend.get_member(scene.server.id, scene.ada.id)
    member.timed_out_until = (datetime.now(UTC) + running).isoformat()
    before = done_to(scene)
    async with scene.bot(log_channel=False):
        await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
    again = ["PATCH"] if running < timedelta(minutes=55) else []
    assert [method for method, _, _ in done_to(scene)[len(before) :]] == again
    # On record as its own either way, so that taking the flag back ends it.
    assert scene.rows("SELECT outcome FROM decisions") == [("timed_out",)]
    assert scene.rows("SELECT DISTINCT result FROM deeds") == [("done",)]


async def test_a_timeout_that_would_be_over_is_not_begun_anew(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "timeout", duration="10m")
        await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
    scene.change("UPDATE decisions SET id = 101, outcome = NULL")
    scene.change(
        "UPDATE deeds SET decision_id = 101, result = 'begun', at = datetime(at, '-30 minutes'), "
        "changed_at = datetime(changed_at, '-30 minutes')"
    )
    member = scene.wire.world.backend.get_member(scene.server.id, scene.ada.id)
    member.timed_out_until = None
    before = done_to(scene)
    async with scene.bot(log_channel=False):
        card = await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
    assert "the timeout would be over by now" in card.texts
    assert done_to(scene) == before
    assert scene.rows("SELECT result FROM deeds WHERE kind = 'timeout'") == [("failed",)]


@pytest.mark.parametrize("how", ["role", "channel", "moderates"])
@pytest.mark.parametrize("gone", [True, False])
async def test_who_was_exempted_meanwhile_is_left_alone(scene: Scene, how: str, gone: bool) -> None:
    friends = scene.server.add_role("friends")
    async with scene.bot():
        await choose(scene, "insult", "timeout", duration="1h")
        message = await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
        await scene.mo.run(scene.general, "mode enforce")
        if how == "role":
            await scene.mo.run(scene.general, "exempt add", role=friends)
        elif how == "channel":
            await scene.mo.run(scene.general, "exempt add", channel=scene.general)
    if how == "role":
        scene.ada.give_role(friends)
    elif how == "moderates":
        scene.ada.give_role(scene.server.add_role("moderators", MODERATOR))
    scene.change("UPDATE decisions SET id = 101, outcome = NULL, mode = 'enforce'")
    if gone:
        await message.delete()
    cards = len(scene.log.bot_messages)
    async with scene.bot(log_channel=False):
        end = "message_gone" if gone else "exempt"
        await until(lambda: scene.rows("SELECT outcome FROM decisions") == [(end,)])
        await scene.wire.quiet()
    assert done_to(scene) == []
    assert len(scene.log.bot_messages) == cards


async def test_a_card_that_was_posted_before_the_crash_is_not_posted_again(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        message = await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
    cards = len(scene.log.bot_messages)
    scene.change("UPDATE decisions SET outcome = NULL")
    async with scene.bot(log_channel=False):
        await scene.wire.wait_for_request("GET", f"/messages/{message.id}")
        await scene.wire.quiet()
    assert len(scene.log.bot_messages) == cards
    assert scene.rows("SELECT outcome FROM decisions") == [("deleted",)]


async def test_a_card_that_was_posted_before_tells_what_was_done_after_the_crash(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "PATIENCE", timedelta(seconds=0.1))
    held = scene.wire.faults.server_error("DELETE", MESSAGE, status=503, times=None)
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        message = await scene.ada.post(scene.general, "you idiot")
        card = await scene.wire.wait_for_message(scene.log)
    assert "Message not deleted yet" in card.texts
    assert scene.rows("SELECT result FROM deeds") == [("begun",)]
    scene.wire.faults.remove(held)
    async with scene.bot(log_channel=False):
        await scene.wire.wait_until(
            lambda: "Message deleted <t:" in card.content, what="the deletion on the card"
        )
        assert message.deleted
        assert [button["label"] for button in card.buttons] == ["Uphold", "Dismiss", "Timeout…"]
        await scene.wire.quiet()
    assert scene.rows("SELECT outcome FROM decisions") == [("deleted",)]


async def test_a_card_tells_that_its_deletion_was_given_up_after_the_crash(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "PATIENCE", timedelta(seconds=0.1))
    scene.wire.faults.server_error("DELETE", MESSAGE, status=503, times=None)
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        message = await scene.ada.post(scene.general, "you idiot")
        card = await scene.wire.wait_for_message(scene.log)
    scene.wire.faults.clear()
    scene.ada.give_role(scene.server.add_role("moderators", MODERATOR))
    async with scene.bot(log_channel=False):
        await scene.wire.wait_until(
            lambda: "Message not deleted <t:" in card.content, what="the end on the card"
        )
    assert "did not go on with it" in card.content
    assert not message.deleted
    assert scene.rows("SELECT outcome FROM decisions") == [("exempt",)]
    assert scene.rows("SELECT result FROM deeds") == [("failed",)]


async def test_a_deletion_by_a_moderator_that_a_crash_cut_off_is_told_on_its_card(
    scene: Scene,
) -> None:
    messages, cards = [], []
    async with scene.bot():
        for words in ("you idiot", "you moron"):
            messages.append(await scene.ada.post(scene.general, words))
            cards.append(await scene.wire.wait_for_message(scene.log))
    # Both were to be deleted, and of the first Discord still heard.
    scene.change(
        "INSERT INTO deeds (decision_id, kind, moderator_id, at, result, changed_at) "
        f"SELECT id, 'delete', {scene.mo.id}, decided_at, 'begun', decided_at FROM decisions"
    )
    await messages[0].delete()
    async with scene.bot(log_channel=False):
        told = f"**Message deleted** by <@{scene.mo.id}>"
        await scene.wire.wait_until(lambda: told in cards[0].content, what="the deletion")
        assert "Delete" not in [button["label"] for button in cards[0].buttons]
        await scene.wire.quiet()
    assert "the message still stood" in cards[1].content
    assert scene.rows("SELECT result FROM deeds ORDER BY id") == [("done",), ("failed",)]
    assert scene.rows("SELECT COUNT(*) FROM verdicts") == [(0,)]


async def test_a_server_that_comes_back_later_is_seen_to_then(
    scene: Scene, running: Running
) -> None:
    async with scene.bot():
        await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
    scene.change("UPDATE decisions SET id = 101, outcome = NULL")
    back = away(scene, scene.server)
    async with running():
        await scene.wire.quiet()
        assert scene.rows("SELECT outcome FROM decisions") == [(None,)]
        back()
        await until(lambda: scene.rows("SELECT outcome FROM decisions") == [("alerted",)])


async def test_one_that_cannot_be_settled_keeps_no_other_waiting(scene: Scene) -> None:
    other = scene.server.add_channel("other")
    async with scene.bot():
        for channel in (scene.general, other):
            await scene.ada.post(channel, "you idiot")
            await scene.wire.wait_for_message(scene.log)
    scene.change("UPDATE decisions SET id = id + 100, outcome = NULL")
    scene.change(
        "CREATE TRIGGER refuse BEFORE UPDATE ON decisions WHEN NEW.id = 101 "
        "BEGIN SELECT RAISE(ABORT, 'no room'); END"
    )
    # The first has failed before anything is known of the second.
    scene.wire.faults.slow(0.3, "GET", f"*/channels/{other.id}/messages/*")
    async with scene.bot(log_channel=False):
        await until(lambda: ("alerted",) in scene.rows("SELECT outcome FROM decisions"))
    assert scene.rows("SELECT outcome FROM decisions ORDER BY id") == [(None,), ("alerted",)]
