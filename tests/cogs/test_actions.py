"""What is done about flags: over the wire, with the real bot."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import discord
import pytest

from sandbox.wire import Message
from tests.cogs.acting import choose, done_to, enforce, flagged, words
from tests.conftest import Scene


async def test_observing_acts_on_nothing_and_says_what_it_would_have_done(scene: Scene) -> None:
    async with scene.bot():
        reply = await choose(scene, "insult", "timeout", duration="2h")
        assert "time its author out for 2 hours" in words(reply)
        assert "observes" in words(reply)
        card = await flagged(scene, scene.ada, scene.general, "you idiot")
        assert "would have been deleted and its author timed out for 2 hours" in card.texts
        await scene.wire.quiet()
        assert done_to(scene) == []
        assert scene.ada.timed_out_until is None
    assert scene.rows("SELECT action, mode, timeout_s, outcome FROM decisions") == [
        ("timeout", "observe", 7_200, "alerted")
    ]


async def test_enforcing_deletes_with_a_reason_in_the_audit_log(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        card = await flagged(scene, scene.ada, scene.general, "you idiot")
        assert "Message deleted." in card.texts
        ((method, path, reason),) = done_to(scene)
        assert method == "DELETE"
        assert path.startswith(f"/channels/{scene.general.id}/messages/")
        assert reason == "Hexward decision 1: toxic 0.97, insult 0.97"
        assert [m for m in scene.general.messages if m.author_id == scene.ada.id] == []
    assert scene.rows("SELECT action, mode, outcome FROM decisions") == [
        ("delete", "enforce", "deleted")
    ]
    assert scene.rows("SELECT kind, moderator_id, result FROM deeds") == [("delete", None, "done")]


async def test_enforcing_a_timeout_deletes_too_and_lasts_as_long_as_chosen(scene: Scene) -> None:
    async with scene.bot():
        await choose(scene, "toxic", "log")  # the strongest of the labels over wins
        await enforce(scene, "insult", "timeout", duration="90 min")
        before = datetime.now(UTC)
        card = await flagged(scene, scene.ada, scene.general, "you idiot")
        assert "Author timed out for 90 minutes" in card.texts
        assert "Message deleted." in card.texts
        until = scene.ada.timed_out_until
        assert until is not None
        assert timedelta(0) <= until - before - timedelta(minutes=90) < timedelta(seconds=20)
        reasons = {method: reason for method, _, reason in done_to(scene)}
        assert reasons.keys() == {"DELETE", "PATCH"}
        assert set(reasons.values()) == {"Hexward decision 1: toxic 0.97, insult 0.97"}
    assert scene.rows("SELECT outcome FROM decisions") == [("timed_out",)]


async def test_logging_writes_down_and_shows_nothing(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "obscene", "log")
        await scene.ada.post(scene.general, "damn")
        await scene.wire.quiet()
        assert scene.log.bot_messages == []
        assert done_to(scene) == []
    assert scene.rows("SELECT action, outcome FROM decisions") == [("log", "logged")]


@pytest.mark.parametrize("where", ["channel", "category", "forum", "thread"])
async def test_a_choice_for_a_channel_beats_the_servers(scene: Scene, where: str) -> None:
    category = scene.server.add_channel("games", kind="category")
    inside = scene.server.add_channel("chess", category=category)
    forum = scene.server.add_channel("questions", kind="forum", category=category)
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        thread = inside.add_thread("endgames", by=scene.ada)
        chosen, place = {
            "channel": (inside, inside),
            "category": (category, inside),
            "forum": (forum, None),
            "thread": (thread, thread),
        }[where]
        await choose(scene, "insult", "alert", channel=chosen)
        await scene.mo.run(
            scene.general, "thresholds set", label="toxic", value=0.5, channel=chosen
        )
        if place is None:
            place, _ = await forum.add_post("a question", "hello", by=scene.ada)
        card = await flagged(scene, scene.ada, place, "you idiot")
        assert "deleted" not in card.texts
        assert done_to(scene) == []
        card = await flagged(scene, scene.ada, place, "rude")  # 0.60, over the channel's 0.50
        await scene.ada.post(scene.general, "rude")
        card = await flagged(scene, scene.ada, scene.general, "you idiot")
        assert "Message deleted." in card.texts
    assert len(scene.rows("SELECT id FROM decisions")) == 3


async def test_a_threads_own_choice_beats_its_channels_and_that_the_categorys(scene: Scene) -> None:
    category = scene.server.add_channel("games", kind="category")
    inside = scene.server.add_channel("chess", category=category)
    async with scene.bot():
        await enforce(scene, "insult", "alert")
        thread = inside.add_thread("endgames", by=scene.ada)
        await choose(scene, "insult", "delete", channel=category)
        await choose(scene, "insult", "log", channel=inside)
        await choose(scene, "toxic", "log", channel=inside)
        await choose(scene, "insult", "timeout", duration="1m", channel=thread)
        await scene.ada.post(inside, "you idiot")
        card = await flagged(scene, scene.ada, thread, "you idiot")
        assert "timed out for 1 minute" in card.texts
    assert scene.rows("SELECT action FROM decisions ORDER BY id") == [("log",), ("timeout",)]


def limit_bot(scene: Scene, **permissions: bool) -> None:
    """Give the bot just enough to show alerts, and what else is named."""
    usual = {"view_channel": True, "send_messages": True, "embed_links": True}
    scene.server.bot_role.set_permissions(discord.Permissions(**usual, **permissions))


async def test_a_missing_permission_is_told_with_its_remedy_once(scene: Scene) -> None:
    limit_bot(scene, read_message_history=True)
    async with scene.bot():
        await choose(scene, "insult", "timeout", duration="1h")
        reply = words(await scene.mo.run(scene.general, "mode enforce"))
        assert f"lack **Manage Messages** in {scene.general.mention}" in reply
        assert "lack **Timeout Members**" in reply
        first = (await flagged(scene, scene.ada, scene.general, "you idiot")).texts
        assert "I lack Manage Messages in" in first
        assert "I lack Timeout Members in this server." in first
        assert first.count("Give my role") == 2
        second = (await flagged(scene, scene.ada, scene.general, "you moron")).texts
        assert "I lack Manage Messages in" in second
        assert "Give my role" not in second
        assert done_to(scene) == []  # looked up, not tried
        limit_bot(scene, manage_messages=True, moderate_members=True)
        third = (await flagged(scene, scene.ada, scene.general, "you loser")).texts
        assert "Message deleted." in third
        limit_bot(scene, moderate_members=True)
        bea = scene.server.add_member("bea")  # the other cannot write now
        fourth = (await flagged(scene, bea, scene.general, "idiot idiot")).texts
        assert fourth.count("Give my role") == 1  # it had worked meanwhile
    outcomes = [row[0] for row in scene.rows("SELECT outcome FROM decisions ORDER BY id")]
    assert outcomes[:3] == ["alerted", "alerted", "timed_out"]


async def test_an_author_who_has_left_and_a_message_that_is_gone(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "timeout", duration="1h")
        scene.wire.faults.slow(0.3, "GET", "/guilds/*/members/*")
        scene.wire.faults.slow(0.3, "DELETE", "/channels/*/messages/*")
        message = await scene.ada.post(scene.general, "you idiot")
        scene.ada.leave()
        await message.delete()
        card = await scene.wire.wait_for_message(scene.log)
        assert "The member has left the server." in card.texts
        assert "The message was already deleted." in card.texts
    assert scene.rows("SELECT outcome FROM decisions") == [("alerted",)]


async def test_a_channel_that_is_deleted_meanwhile(scene: Scene) -> None:
    other = scene.server.add_channel("other")
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        scene.wire.faults.slow(0.3, "DELETE", "/channels/*/messages/*")
        await scene.ada.post(other, "you idiot")
        await scene.wire.quiet()
        other.delete()
        card = await scene.wire.wait_for_message(scene.log)
        assert "deleted" in card.texts.lower()
    assert len(scene.rows("SELECT outcome FROM decisions WHERE outcome IS NOT NULL")) == 1


async def test_discord_stumbling_does_not_keep_a_deed_from_being_done(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "timeout", duration="1h")
        scene.wire.faults.rate_limit("DELETE", "/channels/*/messages/*", retry_after_s=0.2)
        scene.wire.faults.server_error("PATCH", "/guilds/*/members/*", status=503)
        card = await flagged(scene, scene.ada, scene.general, "you idiot")
        assert "Message deleted." in card.texts
        assert "Author timed out" in card.texts


async def test_a_refusal_of_discords_is_told_on_the_card(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        scene.wire.faults.refuse("DELETE", "/channels/*/messages/*", status=400, code=50021)
        card = await flagged(scene, scene.ada, scene.general, "you idiot")
        assert "Discord refused it (HTTP 400, error 50021)" in card.texts


async def test_an_archived_thread_is_woken_for_a_deletion_and_put_back(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        thread = scene.general.add_thread("a thread", by=scene.ada)
        scene.wire.faults.refuse(
            "DELETE", "/channels/*/messages/*", status=400, code=50083, message="Thread is archived"
        )
        card = await flagged(scene, scene.ada, thread, "you idiot")
        assert "Message deleted." in card.texts
        patches = [
            request.body["archived"]
            for request in scene.wire.requests
            if request.method == "PATCH" and request.path == f"/channels/{thread.id}"
        ]
        assert patches == [False, True]


async def test_a_thread_that_cannot_be_put_back_does_not_hide_the_deletion(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        thread = scene.general.add_thread("a thread", by=scene.ada)
        scene.wire.faults.refuse("DELETE", "/channels/*/messages/*", status=400, code=50083)
        scene.wire.faults.slow(0.0, "PATCH", f"/channels/{thread.id}")  # waking works
        scene.wire.faults.refuse("PATCH", f"/channels/{thread.id}")
        card = await flagged(scene, scene.ada, thread, "you idiot")
        assert "Message deleted." in card.texts
    assert scene.rows("SELECT outcome FROM decisions") == [("deleted",)]


async def test_an_archived_thread_that_may_not_be_woken_is_told(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        thread = scene.general.add_thread("a thread", by=scene.ada)
        scene.wire.faults.refuse("DELETE", "/channels/*/messages/*", status=400, code=50083)
        scene.wire.faults.refuse("PATCH", f"/channels/{thread.id}")
        card = await flagged(scene, scene.ada, thread, "you idiot")
        assert "The thread is archived and I may not wake it." in card.texts
        assert "Manage Threads" in card.texts


async def test_a_raid_is_deleted_in_few_requests_that_name_every_decision(scene: Scene) -> None:
    raiders = [scene.server.add_member(f"raider{number}") for number in range(12)]
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        scene.wire.faults.slow(0.5, "DELETE", "/channels/*/messages/*")
        for raider in raiders:
            await raider.post(scene.general, "you idiot")
        for _ in raiders:
            await scene.wire.wait_for_message(scene.log)
        deeds = done_to(scene)
        assert scene.general.bot_messages == []
        assert [m for m in scene.general.messages if m.author_id != scene.wire.world.bot_id] == []
    assert len(deeds) <= 4
    named = [
        range(int(first), int(last or first) + 1)
        for _, _, reason in deeds
        for first, last in re.findall(r"(\d+)(?:–(\d+))?[,:]", (reason or "").split(" toxic")[0])
    ]
    assert sorted(number for numbers in named for number in numbers) == list(range(1, 13))
    assert all(len(reason or "") <= 512 for _, _, reason in deeds)
    assert scene.rows("SELECT count(*) FROM decisions WHERE outcome = 'deleted'") == [(12,)]


async def test_an_old_message_that_was_edited_spoils_no_other_deletion(scene: Scene) -> None:
    backend = scene.wire.world.backend
    old = backend.prepare_message(scene.general.id, scene.ada.id, "good morning")
    old.id = discord.utils.time_snowflake(datetime.now(UTC) - timedelta(days=21))
    backend.commit_message(old)
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        scene.wire.faults.slow(0.5, "DELETE", "/channels/*/messages/*")
        await scene.ada.post(scene.general, "you idiot")
        await scene.wire.quiet()
        await scene.ada.post(scene.general, "you moron")
        await Message.of(scene.wire.world, old).edit("you idiot")
        await scene.ada.post(scene.general, "you loser")
        for _ in range(4):
            await scene.wire.wait_for_message(scene.log)
        assert [m for m in scene.general.messages if m.author_id == scene.ada.id] == []
    assert scene.rows("SELECT count(*) FROM decisions WHERE outcome = 'deleted'") == [(4,)]


async def test_a_permission_that_one_channel_lacks_is_told_once_whatever_works_elsewhere(
    scene: Scene,
) -> None:
    closed = scene.server.add_channel("closed")
    closed.set_permissions(scene.server.bot, manage_messages=False)
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        assert "Give my role" in (await flagged(scene, scene.ada, closed, "you idiot")).texts
        card = await flagged(scene, scene.ada, scene.general, "you moron")
        assert "Message deleted." in card.texts
        card = await flagged(scene, scene.ada, closed, "you loser")
        assert "I lack Manage Messages" in card.texts
        assert "Give my role" not in card.texts
