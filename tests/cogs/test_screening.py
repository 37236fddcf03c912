"""Messages in, decisions out: the real bot, over the real protocol, into a real database."""

import asyncio
import contextlib
import re
import sqlite3
from typing import Any

import discord
import pytest

from bot.chat import crowds
from bot.cogs import screening
from bot.labels import Scores
from bot.screening.engine import Engine
from bot.storage.database import Database
from tests.conftest import Scene
from tests.patience import until


def unmarked(embed: dict[str, Any]) -> str:
    """The quoted text; which words in it are marked is found out after the card was posted."""
    return re.sub(r"__\*\*|\*\*__", "", embed["description"])


PAST_DECISIONS = "SELECT message_id, surface, labels_over, outcome FROM decisions ORDER BY id"
UNSCREENED = "SELECT message_id, reason FROM unscreened ORDER BY message_id"
SETTLED = "SELECT count(outcome) FROM decisions"


async def test_a_harmful_message_becomes_a_decision_and_an_alert(scene: Scene) -> None:
    async with scene.bot():
        posted = await scene.ada.post(scene.general, "what an idiot ||you|| are")
        card = await scene.wire.wait_for_message(scene.log)
    (embed,) = card.embeds
    assert embed["title"] == "Flagged: Toxic, Insult"
    assert unmarked(embed) == r"||what an idiot \|\|you\|\| are||"
    fields = {field["name"]: field["value"] for field in embed["fields"]}
    assert "0.97 ≥ 0.70 ⚑" in fields["Scores against thresholds"]
    assert str(scene.ada.id) in fields["Author"]
    assert fields["Channel"] == f"<#{scene.general.id}>"
    assert str(posted.id) in fields["Message"]
    assert "flagged" in fields["Posted"]
    assert not card.pings

    (row,) = scene.rows(
        "SELECT server_id, channel_id, message_id, author_id, surface, revision, labels_over,"
        " action, outcome, model_version, round(score_toxic, 2), threshold_toxic FROM decisions"
    )
    assert row == (
        *(scene.server.id, scene.general.id, posted.id, scene.ada.id),
        *("content", 0, "toxic,insult", "alert", "alerted", "tiny-1", 0.97, 0.7),
    )


async def test_what_passes_is_counted_and_nothing_is_posted(scene: Scene) -> None:
    async with scene.bot():
        for text in ("hello", "good morning", "gg"):
            await scene.ada.post(scene.general, text)
        await scene.wire.quiet()
        assert scene.log.bot_messages == []
    assert scene.rows(PAST_DECISIONS) == []
    assert scene.rows("SELECT passed, flagged FROM daily_counts") == [(3, 0)]


async def test_no_message_text_is_in_the_database_file(scene: Scene) -> None:
    words = "idiot-Zebrafinkenhaus"
    async with scene.bot():
        await scene.ada.post(scene.general, f"{words} idiot")
        await scene.wire.wait_for_message(scene.log)
    for file in scene.database.parent.glob("hexward.db*"):
        assert b"Zebrafinkenhaus" not in file.read_bytes()


async def test_edits_are_screened_with_their_own_revision(scene: Scene) -> None:
    async with scene.bot():
        message = await scene.ada.post(scene.general, "hello")
        await message.edit("hello, idiot")
        card = await scene.wire.wait_for_message(scene.log)
        await message.edit("hello again, idiot")
        await scene.wire.wait_for_message(scene.log)
    assert any(field["name"] == "Message (edited)" for field in card.embeds[0]["fields"])
    revisions = [row[0] for row in scene.rows("SELECT revision FROM decisions ORDER BY id")]
    assert 0 < revisions[0] < revisions[1]


async def test_revisions_of_one_message_are_decided_in_the_order_of_writing(scene: Scene) -> None:
    async with scene.bot():
        await scene.ada.post(scene.general, "idiot")
        await scene.wire.wait_for_message(scene.log)
        # The long text takes long; what follows it is known already and would overtake it.
        message = await scene.ada.post(scene.general, "you moron " * 190)
        await message.edit("idiot")
        await message.edit("moron " * 300)
        for _ in range(3):
            await scene.wire.wait_for_message(scene.log)
    of_message = f"FROM decisions WHERE message_id = {message.id} ORDER BY id"
    revisions = [row[0] for row in scene.rows(f"SELECT revision {of_message}")]
    assert len(revisions) == 3
    assert revisions == sorted(revisions)


async def test_an_edit_of_a_message_from_before_the_start_is_screened(scene: Scene) -> None:
    message = await scene.ada.post(scene.general, "hello", unseen=True)
    async with scene.bot():
        await message.edit("idiot")
        await scene.wire.wait_for_message(scene.log)


async def test_a_link_that_unfolds_is_not_an_edit(scene: Scene) -> None:
    async with scene.bot():
        message = await scene.ada.post(scene.general, "idiot https://example.com")
        await scene.wire.wait_for_message(scene.log)
        await message.refresh_embeds([{"type": "link", "url": "https://example.com"}])
        await scene.wire.quiet()
    assert len(scene.rows(PAST_DECISIONS)) == 1


async def test_forwarded_text_is_screened(scene: Scene) -> None:
    source = await scene.ada.post(scene.general, "kill them", unseen=True)
    other = scene.server.add_channel("other")
    async with scene.bot():
        forwarded = await scene.ada.forward(source, to=other)
        card = await scene.wire.wait_for_message(scene.log)
    assert "kill them" in unmarked(card.embeds[0])
    assert scene.rows(PAST_DECISIONS) == [(forwarded.id, "forward", "toxic,threat", "alerted")]


async def test_threads_forum_posts_and_voice_chat_are_screened(scene: Scene) -> None:
    voice = scene.server.add_channel("Lounge", kind="voice")
    forum = scene.server.add_channel("questions", kind="forum")
    async with scene.bot():
        thread = scene.general.add_thread("a thread", by=scene.ada)
        for place in (thread, voice):
            await scene.ada.post(place, "idiot")
            await scene.wire.wait_for_message(scene.log)
        await forum.add_post("a question", "you idiot", by=scene.ada)
        await scene.wire.wait_for_message(scene.log)
    assert len(scene.rows(PAST_DECISIONS)) == 3


async def test_an_update_that_leaves_the_author_out_is_fetched(scene: Scene) -> None:
    message = await scene.ada.post(scene.general, "hello idiot", unseen=True)
    async with scene.bot():
        scene.wire.send_event(
            "MESSAGE_UPDATE",
            {
                "id": str(message.id),
                "channel_id": str(scene.general.id),
                "guild_id": str(scene.server.id),
                "content": "hello idiot",
                "type": 0,
                "embeds": [],
                "attachments": [],
                "mentions": [],
                "mention_roles": [],
                "mention_everyone": False,
                "pinned": False,
                "tts": False,
                "timestamp": "2026-11-21T12:00:00+00:00",
                "edited_timestamp": "2026-11-21T12:00:05+00:00",
            },
        )
        await scene.wire.wait_for_message(scene.log)


async def test_long_messages_are_read_to_their_end(scene: Scene) -> None:
    async with scene.bot():
        await scene.ada.post(scene.general, "a " * 990 + "idiot")
        card = await scene.wire.wait_for_message(scene.log)
    assert len(card.embeds[0]["description"]) <= 4_096


async def test_without_a_log_channel_the_decision_is_kept_and_says_so(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        await scene.ada.post(scene.general, "idiot")
        await scene.wire.quiet()
    assert [row[3] for row in scene.rows(PAST_DECISIONS)] == ["no_log_channel"]


async def test_a_log_channel_that_is_gone_loses_no_decision(scene: Scene) -> None:
    async with scene.bot():
        await scene.wire.quiet()
    scene.change("UPDATE servers SET log_channel_id = 123456789012345678")
    async with scene.bot(log_channel=False):
        await scene.ada.post(scene.general, "idiot")
        await scene.wire.wait_for_request("GET", "/channels/123456789012345678")
        await scene.wire.quiet()
    assert [row[3] for row in scene.rows(PAST_DECISIONS)] == ["log_channel_gone"]


async def test_a_log_channel_that_was_closed_loses_no_decision(scene: Scene) -> None:
    async with scene.bot():
        scene.log.set_permissions(scene.server.bot, send_messages=False)
        await scene.ada.post(scene.general, "idiot")
        await scene.wire.quiet()
    (outcome,) = scene.rows("SELECT outcome, outcome_detail FROM decisions")
    assert outcome == ("missing_permission", "Send Messages, Embed Links")


async def test_discord_failing_is_an_outcome_not_a_crash(scene: Scene) -> None:
    async with scene.bot():
        scene.wire.faults.refuse("POST", "/channels/*/messages", status=403, code=50013)
        await scene.ada.post(scene.general, "idiot")
        await scene.wire.wait_for_request("POST", f"/channels/{scene.log.id}/messages")
        await scene.wire.quiet()
        await scene.ada.post(scene.general, "moron")
        await scene.wire.wait_for_message(scene.log)
    assert [row[3] for row in scene.rows(PAST_DECISIONS)] == ["missing_permission", "alerted"]


async def test_a_rate_limit_delays_the_alert_and_loses_nothing(scene: Scene) -> None:
    async with scene.bot():
        scene.wire.faults.rate_limit("POST", "/channels/*/messages", retry_after_s=0.2)
        await scene.ada.post(scene.general, "idiot")
        await scene.wire.wait_for_message(scene.log)
    assert [row[3] for row in scene.rows(PAST_DECISIONS)] == ["alerted"]


async def test_a_hundred_messages_at_once_are_all_decided(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        await asyncio.gather(
            *(scene.ada.post(scene.general, f"idiot {number}") for number in range(100))
        )
        await scene.wire.quiet()
    assert len(scene.rows(PAST_DECISIONS)) == 100


async def test_a_raid_of_flags_is_told_in_a_line_rather_than_queued(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowds, "SUM_UP_EVERY_S", 1.0)
    async with scene.bot():
        # Its own words in the log channel, screened like any bot's if it took them for another's.
        await scene.mo.run(scene.general, "exempt bots", exempt=False)
        scene.wire.faults.slow(0.5, "POST", "/channels/*/messages")
        await asyncio.gather(
            *(scene.ada.post(scene.general, f"idiot {number}") for number in range(60))
        )
        await until(lambda: scene.rows(SETTLED) == [(60,)])
        await scene.wire.wait_for_message(
            scene.log, where=lambda message: "more messages" in message.content
        )
        await scene.wire.quiet()
    outcomes = [row[3] for row in scene.rows(PAST_DECISIONS)]
    left_out = outcomes.count("crowded_out")
    assert outcomes.count("alerted") == 60 - left_out
    assert 0 < left_out < 60
    # One line a second, of which a machine that is slow takes more than one for all of them.
    told = [
        int(found[1])
        for message in scene.log.bot_messages
        if (found := re.match(r"(\d+) more messages", message.content))
    ]
    assert sum(told) == left_out
    passed = scene.rows("SELECT sum(passed) FROM daily_counts")
    assert passed == [(0,)]


async def test_a_server_that_has_much_under_way_keeps_no_other_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(screening, "_MOST_MESSAGES", 4)
    asserted = asyncio.Event()
    fetch = screening.message_by_id

    async def fetch_late(*args: Any) -> discord.Message:
        await asserted.wait()
        return await fetch(*args)

    monkeypatch.setattr(screening, "message_by_id", fetch_late)
    scene.settings = scene.settings.model_copy(update={"catch_up_hours": 0})
    quiet = scene.wire.add_server("Quiet")
    place, ben = quiet.add_channel("general"), quiet.add_member("ben")
    edited = [await scene.ada.post(scene.general, f"hello {n}", unseen=True) for n in range(6)]
    async with scene.bot():
        for message in edited:  # events that say too little, so each message is fetched
            ids = {"id": str(message.id), "channel_id": str(scene.general.id)}
            scene.wire.send_event("MESSAGE_UPDATE", {**ids, "guild_id": str(scene.server.id)})
        posted = await ben.post(place, "idiot")
        await until(lambda: scene.rows(PAST_DECISIONS))
        await until(lambda: len(scene.rows(UNSCREENED)) == 2)
        asserted.set()
    assert [row[0] for row in scene.rows(PAST_DECISIONS)] == [posted.id]
    assert scene.rows(UNSCREENED) == [(message.id, "overloaded") for message in edited[4:]]
    assert scene.rows("SELECT sum(passed) FROM daily_counts") == [(4,)]
    assert f"Too many messages of server {scene.server.id} are under way" in caplog.text


async def test_what_waits_for_the_engine_takes_no_room(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screening, "_MOST_MESSAGES", 2)
    scene.settings = scene.settings.model_copy(update={"catch_up_hours": 0})
    asserted, waiting = asyncio.Event(), 0
    score = Engine.score

    async def score_late(*args: Any, **options: Any) -> Scores:
        nonlocal waiting
        waiting += 1
        await asserted.wait()
        return await score(*args, **options)

    monkeypatch.setattr(Engine, "score", score_late)
    async with scene.bot():
        for number in range(1, 7):  # one after the other: on its way there each takes room
            await scene.ada.post(scene.general, f"hello {number}")
            await until(lambda number=number: waiting == number)
        asserted.set()
    assert scene.rows(UNSCREENED) == []
    assert scene.rows("SELECT sum(passed) FROM daily_counts") == [(6,)]


async def test_a_crowd_is_told_of_before_the_stop(scene: Scene) -> None:
    async with scene.bot():
        scene.wire.faults.slow(0.5, "POST", "/channels/*/messages")
        await asyncio.gather(
            *(scene.ada.post(scene.general, f"idiot {number}") for number in range(60))
        )
        await scene.wire.wait_for_message(scene.log)
    assert any("more messages" in message.content for message in scene.log.bot_messages)


async def test_stopping_finishes_what_was_accepted(scene: Scene) -> None:
    async with scene.bot():
        slow = scene.wire.faults.slow(0.5, "POST", "/channels/*/messages")
        await scene.ada.post(scene.general, "idiot")
        await until(lambda: slow.hits == 1)
    assert [row[3] for row in scene.rows(PAST_DECISIONS)] == ["alerted"]
    assert len(scene.log.bot_messages) == 1


async def test_what_a_crash_left_unsettled_is_picked_up(scene: Scene) -> None:
    async with scene.bot():
        kept = await scene.ada.post(scene.general, "idiot")
        gone = await scene.ada.post(scene.general, "moron")
        for _ in range(2):
            await scene.wire.wait_for_message(scene.log)
    # As if the process had died between recording and acting. New ids, since Discord drops a second
    # alert for the same decision (the next test).
    scene.change("UPDATE decisions SET id = id + 100, outcome = NULL, settled_at = NULL")
    await gone.delete()
    async with scene.bot(log_channel=False):
        card = await scene.wire.wait_for_message(scene.log)
        assert str(kept.id) in card.embeds[0]["url"]
        await scene.wire.quiet()
    assert [row[3] for row in scene.rows(PAST_DECISIONS)] == ["alerted", "message_gone"]


async def test_recovery_never_quotes_what_was_edited_since(scene: Scene) -> None:
    async with scene.bot():
        message = await scene.ada.post(scene.general, "idiot")
        await scene.wire.wait_for_message(scene.log)
    scene.change("UPDATE decisions SET id = id + 100, outcome = NULL, settled_at = NULL")
    await message.edit("good morning everybody")
    async with scene.bot(log_channel=False):
        await scene.wire.wait_for_request("GET", f"/messages/{message.id}")
        await scene.wire.quiet()
    assert len(scene.log.bot_messages) == 1
    assert [row[3] for row in scene.rows(PAST_DECISIONS)] == ["message_gone"]


async def test_one_decision_that_cannot_be_recovered_does_not_stop_the_others(scene: Scene) -> None:
    async with scene.bot():
        broken = await scene.ada.post(scene.general, "idiot")
        await scene.wire.wait_for_message(scene.log)
        whole = await scene.ada.post(scene.general, "moron")
        await scene.wire.wait_for_message(scene.log)
        old = await scene.ada.post(scene.general, "loser")
        await scene.wire.wait_for_message(scene.log)
    scene.change("UPDATE decisions SET id = id + 100, outcome = NULL, settled_at = NULL")
    scene.change(
        "UPDATE decisions SET decided_at = strftime('%Y-%m-%dT%H:%M:%fZ', decided_at, '-2 days')"
        f" WHERE message_id = {old.id}"
    )
    scene.wire.faults.reply("GET", f"*/messages/{broken.id}", body={"id": "not a message"})
    # Asked for together they cannot be read either.
    scene.wire.faults.reply("GET", "*/messages", body=[{"id": "not a message"}], times=None)
    async with scene.bot(log_channel=False):
        card = await scene.wire.wait_for_message(scene.log)
        assert str(whole.id) in card.embeds[0]["url"]
        await scene.wire.quiet()
    outcomes = {row[0]: row[3] for row in scene.rows(PAST_DECISIONS)}
    assert outcomes == {broken.id: "failed", whole.id: "alerted", old.id: "too_late"}


async def test_a_database_that_is_busy_for_a_while_loses_no_flag(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Database.open.__func__.__kwdefaults__, "lock_wait_s", 0.3)
    async with scene.bot():
        with contextlib.closing(sqlite3.connect(scene.database, check_same_thread=False)) as holder:
            # In a thread: the bot, on this loop, may have to finish a write first.
            await asyncio.to_thread(holder.execute, "BEGIN IMMEDIATE")
            await scene.ada.post(scene.general, "idiot")
            await asyncio.sleep(1)  # longer than the bot's patience with a lock
            assert not scene.log.bot_messages
            holder.rollback()
        await scene.wire.wait_for_message(scene.log)
    assert [row[3] for row in scene.rows(PAST_DECISIONS)] == ["alerted"]


async def test_a_crash_between_acting_and_settling_alerts_once(scene: Scene) -> None:
    async with scene.bot():
        posted = await scene.ada.post(scene.general, "idiot")
        await scene.wire.wait_for_message(scene.log)
    scene.change("UPDATE decisions SET outcome = NULL, settled_at = NULL")
    async with scene.bot(log_channel=False):
        await scene.wire.wait_for_request("GET", f"/messages/{posted.id}")
        await scene.wire.quiet()
    assert len(scene.log.bot_messages) == 1
    assert [row[3] for row in scene.rows(PAST_DECISIONS)] == ["alerted"]


async def test_an_event_that_cannot_be_read_whole_is_fetched(scene: Scene) -> None:
    message = await scene.ada.post(scene.general, "hello idiot", unseen=True)
    async with scene.bot():
        scene.wire.send_event(
            "MESSAGE_UPDATE",
            {
                "id": str(message.id),
                "channel_id": str(scene.general.id),
                "guild_id": str(scene.server.id),
                "edited_timestamp": "2026-11-21T12:00:00+00:00",
            },
        )
        await scene.wire.wait_for_message(scene.log)
