"""What went unscreened is told, fetched again and screened: over the wire, into a real database."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest
from aiohttp import web
from simcord.backend.serializers import guild_create_payload

from bot.chat import tally
from bot.cogs import catch_up
from bot.storage import unscreened
from sandbox.wire import Fault, Message
from tests.conftest import Scene
from tests.patience import until

DECISIONS = "SELECT message_id FROM decisions ORDER BY message_id"
PASSED = "SELECT coalesce(sum(passed), 0) FROM daily_counts"
WAITING = "SELECT message_id FROM unscreened ORDER BY message_id"
MARK = "SELECT message_id FROM last_seen"


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything as it is, but sooner."""
    monkeypatch.setattr(tally, "QUIET_S", 0.3)
    monkeypatch.setattr(catch_up, "RETRY_S", 0.2)
    monkeypatch.setattr(catch_up, "_PAUSE_S", 0.01)
    monkeypatch.setattr(catch_up, "_LOOK_S", 0.05)
    monkeypatch.setattr(unscreened, "_WAIT_S", 0.05)


def with_settings(scene: Scene, **changes: Any) -> Scene:
    return replace(scene, settings=scene.settings.model_copy(update=changes))


async def until_caught_up(scene: Scene, messages: int) -> None:
    """Wait until so many texts were decided on and nothing is left over."""
    await until(
        lambda: (
            scene.rows(PASSED)[0][0] + len(scene.rows(DECISIONS)) >= messages
            and scene.rows(WAITING) == []
        )
    )


def lines(scene: Scene) -> list[Message]:
    """What moderators were told of unscreened messages."""
    return [message for message in scene.log.bot_messages if "unscreened" in message.content]


def history_requests(scene: Scene) -> list[str]:
    return [
        request.path
        for request in scene.wire.requests
        if request.method == "GET" and request.path.endswith("/messages")
    ]


async def post_many(scene: Scene, count: int) -> list[Message]:
    return list(
        await asyncio.gather(
            *(scene.ada.post(scene.general, f"good morning {number}") for number in range(count))
        )
    )


async def known_once(scene: Scene) -> None:
    """One run, so that the bot knows the server; everything after it happens while it is away."""
    async with scene.bot():
        await until(lambda: bool(scene.rows(MARK)))


async def seen_once(scene: Scene) -> None:
    """As `known_once`, with a message."""
    async with scene.bot():
        hello = await scene.ada.post(scene.general, "hello")
        await until(lambda: scene.rows(PASSED) == [(1,)])
        await until(lambda: scene.rows(MARK) >= [(hello.id,)])


# In a rush.


async def test_a_rush_is_told_in_one_line_and_made_up_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tally, "QUIET_S", 1.5)  # a slow machine may take as long for the rush
    scene = with_settings(scene, queue_messages=1)
    async with scene.bot():
        await post_many(scene, 60)
        flagged = await scene.ada.post(scene.general, "you idiot")
        line = await scene.wire.wait_for_message(
            scene.log, where=lambda message: "unscreened" in message.content
        )
        await until_caught_up(scene, 61)
        await scene.wire.wait_until(lambda: "All of them were screened" in line.content)
        assert line.content.split(" went ")[0].endswith(f"messages in <#{scene.general.id}>")
        assert "<t:" in line.content
        assert not line.pings
        await scene.wire.quiet()
    said = [
        request.body["content"]
        for request in scene.wire.requests
        if request.path.startswith(f"/channels/{scene.log.id}/messages")
        and "unscreened" in (request.body.get("content") or "")
    ]
    assert len(said) == len(set(said))  # an edit always has something new to say
    assert scene.rows(PASSED) == [(60,)]
    assert scene.rows(DECISIONS) == [(flagged.id,)]
    assert len(lines(scene)) == 1
    # The host is told of the first at once and of the others together, of none twice.
    told = [int(count) for count in re.findall(r"Messages unscreened: (\d+);", caplog.text)]
    assert told[0] == 1
    assert len(told) == 2
    assert line.content.startswith(f"{sum(told)} messages")


async def test_what_is_untold_is_told_before_the_stop(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "QUIET_S", 30.0)
    monkeypatch.setattr(catch_up, "_LOOKS", 100)
    monkeypatch.setattr(catch_up, "_QUIET_TEXTS", -1)  # there never is room for it
    scene = with_settings(scene, queue_messages=1)
    async with scene.bot():
        await post_many(scene, 40)
        await until(lambda: len(scene.rows(WAITING)) > 0)
        assert lines(scene) == []
    (line,) = lines(scene)
    assert "to be screened after the next start" in line.content
    left = len(scene.rows(WAITING))
    assert left > 0
    monkeypatch.setattr(catch_up, "_QUIET_TEXTS", 32)
    async with scene.bot(log_channel=False):
        await until_caught_up(scene, 40)
        told = await scene.wire.wait_for_message(
            scene.log, where=lambda message: "while Hexward was away" in message.content
        )
    assert told.content.startswith(f"{left} messages in <#{scene.general.id}>, posted ")
    assert scene.rows(PASSED) == [(40,)]


async def test_a_lasting_rush_is_told_before_it_is_over(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "QUIET_S", 30.0)
    monkeypatch.setattr(tally, "EVERY_S", 0.3)
    scene = with_settings(scene, queue_messages=1)
    async with scene.bot():
        await post_many(scene, 40)
        line = await scene.wire.wait_for_message(
            scene.log, where=lambda message: "unscreened" in message.content
        )
        first = line.content
        await post_many(scene, 40)
        await scene.wire.wait_until(lambda: line.content != first)
        await until_caught_up(scene, 80)
    assert len(lines(scene)) == 1


async def test_without_catching_up_the_line_says_so(scene: Scene) -> None:
    scene = with_settings(scene, queue_messages=1, catch_up_hours=0)
    async with scene.bot():
        await post_many(scene, 40)
        line = await scene.wire.wait_for_message(scene.log)
        assert "they stay unscreened" in line.content
    assert history_requests(scene) == []
    assert len(scene.rows(WAITING)) + scene.rows(PASSED)[0][0] == 40
    # What was screened meanwhile is not asked for once catching up is switched on.
    passed = scene.rows(PASSED)
    scene.change("DELETE FROM unscreened")
    async with with_settings(scene, catch_up_hours=1).bot(log_channel=False):
        await scene.wire.quiet()
    assert scene.rows(PASSED) == passed


# While the bot was away.


async def test_what_was_posted_while_away_is_screened(scene: Scene) -> None:
    other, voice = scene.server.add_channel("other"), scene.server.add_channel("voice", "voice")
    await seen_once(scene)
    bad = [
        await scene.ada.post(scene.general, "you idiot"),
        await scene.ada.post(other.add_thread("in it", by=scene.ada), "moron"),
        await scene.ada.post(voice, "damn"),
    ]
    await scene.ada.post(other, "fine")
    await scene.mo.post(scene.general, "scum")  # a moderator is left alone, also afterwards
    async with scene.bot(log_channel=False):
        await until_caught_up(scene, 5)
        line = await scene.wire.wait_for_message(
            scene.log, where=lambda message: "while Hexward was away" in message.content
        )
        assert "and 3 other channels, posted " in line.content
        assert "All of them were screened" in line.content
        for _ in bad:
            await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
    assert [row[0] for row in scene.rows(DECISIONS)] == [message.id for message in bad]
    assert scene.rows(PASSED) == [(2,)]

    asked = len(history_requests(scene))
    async with scene.bot(log_channel=False):  # and nothing of it a second time
        await scene.wire.quiet()
    assert len(history_requests(scene)) == asked
    assert scene.rows(PASSED) == [(2,)]
    assert len(scene.rows(DECISIONS)) == 3


async def test_a_server_that_is_new_is_screened_from_now_on(scene: Scene) -> None:
    await scene.ada.post(scene.general, "idiot", unseen=True)
    async with scene.bot():
        await until(lambda: bool(scene.rows(MARK)))
        await scene.wire.quiet()
    assert scene.rows(DECISIONS) == []
    assert history_requests(scene) == []


async def test_a_server_in_which_nobody_spoke_is_caught_up_with_too(scene: Scene) -> None:
    await known_once(scene)
    await scene.ada.post(scene.general, "idiot")
    async with scene.bot(log_channel=False):
        await until_caught_up(scene, 1)


async def test_the_newest_of_too_many_are_screened_and_the_line_names_the_rest(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "MOST_IN_CHANNEL", 3)
    await seen_once(scene)
    posted = [await scene.ada.post(scene.general, f"idiot {number}") for number in range(5)]
    async with scene.bot(log_channel=False):
        await until_caught_up(scene, 4)
        line = await scene.wire.wait_for_message(
            scene.log, where=lambda message: "stays unscreened" in message.content
        )
    assert f"more was posted in <#{scene.general.id}> than is made up for" in line.content
    assert line.content.startswith("3 messages in")
    assert [row[0] for row in scene.rows(DECISIONS)] == [message.id for message in posted[2:]]


async def test_more_than_a_page_is_caught_up_with_in_order(scene: Scene) -> None:
    await seen_once(scene)
    for number in range(250):
        await scene.ada.post(scene.general, f"good morning {number}")
    async with scene.bot(log_channel=False):
        await until_caught_up(scene, 251)
    assert scene.rows(PASSED) == [(251,)]


async def test_only_the_last_hours_are_asked_for(scene: Scene) -> None:
    scene = with_settings(scene, catch_up_hours=1)
    await seen_once(scene)
    await scene.ada.post(scene.general, "idiot")
    scene.wire.advance(7_300)
    # The bot's own clock stands still, so what is posted now lies in its future.
    late = await scene.ada.post(scene.general, "moron")
    before = discord.utils.time_snowflake(datetime.now(UTC) + timedelta(hours=1))
    scene.change(f"UPDATE last_seen SET message_id = {before}")
    async with scene.bot(log_channel=False):
        await until_caught_up(scene, 2)
    assert scene.rows(DECISIONS) == [(late.id,)]


async def test_a_resumed_session_asks_for_nothing(scene: Scene) -> None:
    async with scene.bot():
        await scene.ada.post(scene.general, "hello")
        await until(lambda: scene.rows(PASSED) == [(1,)])
        await scene.wire.drop_sockets()
        await scene.ada.post(scene.general, "hello again")
        await scene.wire.wait_connected()
        await until(lambda: scene.rows(PASSED) == [(2,)])
        await scene.wire.quiet()
    assert history_requests(scene) == []


async def test_a_new_session_asks_for_what_was_missed(scene: Scene) -> None:
    async with scene.bot():
        known = await scene.ada.post(scene.general, "idiot")
        await until(lambda: len(scene.rows(DECISIONS)) == 1)
        missed = await scene.ada.post(scene.general, "moron", unseen=True)
        await scene.wire.invalidate_sessions()
        await scene.wire.wait_connected()
        live = await scene.ada.post(scene.general, "loser")
        await until_caught_up(scene, 3)
        line = await scene.wire.wait_for_message(
            scene.log, where=lambda message: "while Hexward was away" in message.content
        )
    assert line.content.startswith("1 message in")
    assert [row[0] for row in scene.rows(DECISIONS)] == [known.id, missed.id, live.id]


async def test_a_mark_waits_until_the_missed_messages_are_known(scene: Scene) -> None:
    await seen_once(scene)
    (mark,) = scene.rows(MARK)
    missed = await scene.ada.post(scene.general, "idiot")
    broken = scene.wire.faults.refuse(
        "GET", "/channels/*/messages", status=400, code=0, message="not now", times=None
    )
    async with scene.bot(log_channel=False):
        await scene.ada.post(scene.general, "hello")
        await until(lambda: scene.rows(PASSED) == [(2,)])
        await until(lambda: broken.hits > 1)  # it is tried again and again
        assert scene.rows(MARK) == [mark]
        scene.wire.faults.clear()
        await until_caught_up(scene, 3)
        await until(lambda: scene.rows(MARK)[0] > (missed.id,))


async def test_places_it_may_not_read_and_exempt_ones_are_not_asked(scene: Scene) -> None:
    closed, vent = scene.server.add_channel("closed"), scene.server.add_channel("vent")
    closed.set_permissions(scene.server.bot, read_message_history=False)
    async with scene.bot():
        await scene.mo.run(scene.general, "exempt add", channel=vent)
        await until(lambda: bool(scene.rows(MARK)))
    for channel in (closed, vent, scene.general):
        await scene.ada.post(channel, "idiot")
    async with scene.bot(log_channel=False):
        await until_caught_up(scene, 1)
        await scene.wire.quiet()
    assert {path.split("/")[2] for path in history_requests(scene)} == {str(scene.general.id)}


# What is in the table.


def put_down(scene: Scene, message: Message, *, hours_ago: float = 0.0) -> None:
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    moment = at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    scene.change(
        "INSERT INTO unscreened VALUES "
        f"({message.id}, {scene.server.id}, {message.channel_id}, '{moment}', 'overloaded')"
    )


@pytest.mark.parametrize("marked", [True, False])
async def test_what_an_earlier_run_left_is_screened_or_goes(scene: Scene, marked: bool) -> None:
    closed = scene.server.add_channel("closed")
    gone_channel = scene.server.add_channel("gone")
    await known_once(scene)
    kept = await scene.ada.post(scene.general, "idiot", unseen=True)
    deleted = await scene.ada.post(scene.general, "moron", unseen=True)
    old = await scene.ada.post(scene.general, "loser", unseen=True)
    unreadable = await scene.ada.post(closed, "scum", unseen=True)
    orphan = await scene.ada.post(gone_channel, "damn", unseen=True)
    for message in (kept, deleted, unreadable, orphan):
        put_down(scene, message)
    put_down(scene, old, hours_ago=25)
    # As though all had been posted before the mark, or the run had ended before there was one:
    # nothing but the table knows of them.
    if marked:
        scene.change(f"UPDATE last_seen SET message_id = {orphan.id + 1}")
    else:
        scene.change("DELETE FROM last_seen")
    await deleted.delete()
    gone_channel.delete()
    closed.set_permissions(scene.server.bot, read_message_history=False)
    async with scene.bot(log_channel=False):
        await until(lambda: scene.rows(WAITING) == [])
        line = await scene.wire.wait_for_message(
            scene.log, where=lambda message: "unscreened" in message.content
        )
    assert scene.rows(DECISIONS) == [(kept.id,)]
    assert "1 was screened" in line.content
    assert "2 were deleted before" in line.content
    assert "2 stay unscreened" in line.content


async def test_no_text_is_counted_twice_because_another_of_its_message_was_refused(
    scene: Scene,
) -> None:
    scene = with_settings(scene, queue_messages=1)
    await known_once(scene)
    source = await scene.ada.post(scene.general, "good morning", unseen=True)
    forward = await scene.ada.forward(source, to=scene.general)
    forward.stored.content = "look at this"
    put_down(scene, forward)
    scene.change(f"UPDATE last_seen SET message_id = {forward.id}")
    async with scene.bot(log_channel=False):
        await until(lambda: scene.rows(WAITING) == [])
    assert scene.rows(PASSED) == [(2,)]


async def test_one_message_that_cannot_be_read_takes_no_other_along(scene: Scene) -> None:
    await known_once(scene)
    broken = await scene.ada.post(scene.general, "moron", unseen=True)
    whole = await scene.ada.post(scene.general, "idiot", unseen=True)
    put_down(scene, broken)
    put_down(scene, whole)
    scene.change(f"UPDATE last_seen SET message_id = {whole.id}")
    scene.wire.faults.reply("GET", "/channels/*/messages", body=[{"id": "not a message"}])
    scene.wire.faults.reply("GET", f"*/messages/{broken.id}", body={"id": "not a message"})
    async with scene.bot(log_channel=False):
        await until(lambda: scene.rows(WAITING) == [])
    assert scene.rows(DECISIONS) == [(whole.id,)]


async def test_messages_far_apart_are_all_found(scene: Scene) -> None:
    await known_once(scene)
    posted = [
        await scene.ada.post(scene.general, f"idiot {number}", unseen=True) for number in range(230)
    ]
    wanted = [posted[0], posted[120], posted[229]]
    for message in wanted:
        put_down(scene, message)
    scene.change(f"UPDATE last_seen SET message_id = {posted[-1].id}")
    async with scene.bot(log_channel=False):
        await until(lambda: scene.rows(WAITING) == [])
    assert [row[0] for row in scene.rows(DECISIONS)] == [message.id for message in wanted]


async def test_an_outage_while_it_is_looked_into_is_looked_into_again(scene: Scene) -> None:
    await seen_once(scene)
    await scene.ada.post(scene.general, "idiot")
    slow = scene.wire.faults.add(Fault("GET", "/channels/*/messages", delay_s=0.5, after=True))
    async with scene.bot(log_channel=False):
        await until(lambda: slow.hits == 1)
        scene.wire.send_event("GUILD_DELETE", {"id": str(scene.server.id), "unavailable": True})
        missed = await scene.ada.post(scene.general, "moron", unseen=True)
        backend = scene.wire.world.backend
        back = dict(guild_create_payload(backend, backend.get_guild(scene.server.id)))
        scene.wire.send_event("GUILD_CREATE", back | {"unavailable": False})
        await until_caught_up(scene, 3)
        await until(lambda: scene.rows(MARK)[0] >= (missed.id,))
    assert len(scene.rows(DECISIONS)) == 2


async def test_a_failure_of_discord_is_tried_again(scene: Scene) -> None:
    await known_once(scene)
    message = await scene.ada.post(scene.general, "idiot", unseen=True)
    put_down(scene, message)
    scene.change(f"UPDATE last_seen SET message_id = {message.id}")
    scene.wire.faults.refuse("GET", "/channels/*/messages", status=400, code=0, message="later")
    scene.wire.faults.rate_limit("GET", "/channels/*/messages", retry_after_s=0.1)
    async with scene.bot(log_channel=False):
        await until(lambda: scene.rows(WAITING) == [])
    assert scene.rows(DECISIONS) == [(message.id,)]


async def test_a_connection_that_breaks_costs_no_message(scene: Scene) -> None:
    await known_once(scene)
    message = await scene.ada.post(scene.general, "idiot", unseen=True)
    put_down(scene, message)
    scene.change(f"UPDATE last_seen SET message_id = {message.id}")
    scene.wire.faults.drop("GET", "/channels/*/messages", times=4)
    scene.wire.faults.drop("GET", f"*/messages/{message.id}", times=4)
    async with scene.bot(log_channel=False):
        await until(lambda: scene.rows(WAITING) == [])
    assert scene.rows(DECISIONS) == [(message.id,)]


async def test_a_file_that_cannot_be_fetched_for_a_moment_is_asked_for_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await known_once(scene)
    message = await scene.ada.post(
        scene.general, "look", attachments=[("a.txt", b"idiot")], unseen=True
    )
    put_down(scene, message)
    scene.change(f"UPDATE last_seen SET message_id = {message.id}")
    files, broken = scene.wire.world.backend.cdn, _BrokenFiles()
    monkeypatch.setattr(scene.wire.world.backend, "cdn", broken)
    async with scene.bot(log_channel=False):
        await until(lambda: broken.asked == 2)
        monkeypatch.setattr(scene.wire.world.backend, "cdn", files)
        await until(lambda: scene.rows(WAITING) == [])
    assert scene.rows(DECISIONS) == [(message.id,)]


class _BrokenFiles:
    """A file server that answers every request with an error of its own."""

    def __init__(self) -> None:
        self.asked = 0

    def get(self, url: str) -> bytes:
        self.asked += 1
        raise web.HTTPBadGateway


async def test_servers_of_others_are_left_alone(scene: Scene) -> None:
    await known_once(scene)
    scene.change("INSERT INTO unscreened VALUES (5, 6, 7, '2099-01-01T00:00:00.000000Z', 'away')")
    async with scene.bot(log_channel=False):
        await scene.wire.quiet()
    assert scene.rows(WAITING) == [(5,)]
