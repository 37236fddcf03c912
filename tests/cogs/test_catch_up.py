"""What went unscreened is told, fetched again and screened: over the wire, into a real database."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest

from bot.app import serve
from bot.chat import tally
from bot.chat.actions import Actions
from bot.cogs import catch_up, screening
from bot.cogs.screening import Screening
from tests.cogs.catching_up import (
    DECISIONS,
    MARK,
    PASSED,
    WAITING,
    history_requests,
    known_once,
    lines,
    make_brisk,
    post_many,
    seen_once,
    until_caught_up,
    with_settings,
)
from tests.conftest import Scene
from tests.patience import PATIENCE_S, until

LINES = "SELECT line_id FROM unscreened_lines"


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    make_brisk(monkeypatch)


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
            scene.log, where=lambda message: "could not be screened" in message.content
        )
        await until_caught_up(scene, 61)
        await scene.wire.wait_until(lambda: "All of them were screened" in line.content)
        assert line.content.split(" could ")[0].endswith(f"messages in <#{scene.general.id}>")
        assert "<t:" in line.content
        assert not line.pings
        await scene.wire.quiet()
    said = [
        request.body["content"]
        for request in scene.wire.requests
        if request.path.startswith(f"/channels/{scene.log.id}/messages")
        and "screened" in (request.body.get("content") or "")
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
    assert len(scene.rows(WAITING)) > 0
    assert len(scene.rows(LINES)) == 1
    line_before = line.content.split(".")[0]
    monkeypatch.setattr(catch_up, "_QUIET_TEXTS", 32)
    async with scene.bot(log_channel=False):
        await until_caught_up(scene, 40)
        # The same line says how it ended, and no other.
        await scene.wire.wait_until(
            lambda: "screened by <t:" in lines(scene)[0].content, what="the end"
        )
        await until(lambda: not scene.rows(LINES))
    assert len(lines(scene)) == 1
    assert lines(scene)[0].content.split(".")[0] == line_before
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
            scene.log, where=lambda message: "could not be screened" in message.content
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


async def test_a_line_that_was_taken_without_an_answer_is_gone_on_with(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "EVERY_S", 0.3)
    scene = with_settings(scene, queue_messages=1)
    async with scene.bot():
        scene.wire.faults.drop("POST", f"/channels/{scene.log.id}/messages", times=4, after=True)
        await post_many(scene, 40)
        line = await scene.wire.wait_for_message(scene.log)
        await until_caught_up(scene, 40)
        await scene.wire.wait_until(lambda: "All of them were screened" in line.content)
        await scene.wire.quiet()
    assert lines(scene) == [line]


async def test_a_line_that_discord_does_not_take_for_a_while_is_not_lost(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "EVERY_S", 0.3)
    scene = with_settings(scene, queue_messages=1, catch_up_hours=0)
    async with scene.bot():
        broken = scene.wire.faults.drop("POST", f"/channels/{scene.log.id}/messages", times=4)
        await post_many(scene, 40)
        line = await scene.wire.wait_for_message(scene.log)
        assert broken.hits == 4
        assert "they stay unscreened" in line.content
        await scene.wire.quiet()
    assert lines(scene) == [line]


# While the bot was away.


class Stop:
    """The bot as it stops, at whatever a test holds it.

    Attributes
    ----------
    begun
        Set once nothing more is taken.
    released
        What is held waits for it.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = asyncio.Event()
        self.released = asyncio.Event()
        self._monkeypatch = monkeypatch
        drain = Screening.drain

        async def tell_and_drain(cog: Screening) -> None:
            self.begun.set()
            await drain(cog)

        monkeypatch.setattr(Screening, "drain", tell_and_drain)
        monkeypatch.setattr(screening, "_DRAIN_S", PATIENCE_S)

    def hold(self, owner: object, name: str) -> asyncio.Event:
        """Hold every call of this; the event is set at the first."""
        held = asyncio.Event()
        call = getattr(owner, name)

        async def call_late(*args: Any) -> Any:
            held.set()
            await self.released.wait()
            return await call(*args)

        self._monkeypatch.setattr(owner, name, call_late)
        return held


async def test_what_is_edited_during_the_stop_is_screened_after_the_next_start(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.bot():
        edited, unfolded = [await scene.ada.post(scene.general, f"hello {n}") for n in range(2)]
        await until(lambda: scene.rows(PASSED) == [(2,)])
    stopping, stop = Stop(monkeypatch), asyncio.Event()
    running = asyncio.create_task(serve(scene.settings, stop))
    await scene.wire.wait_connected()
    await unfolded.edit("hello everybody")
    await until(lambda: scene.rows(PASSED) == [(3,)])
    acting = stopping.hold(Actions, "carry_out")
    flagged = await scene.ada.post(scene.general, "moron")
    await acting.wait()
    stop.set()
    await stopping.begun.wait()
    await unfolded.refresh_embeds([{"type": "link", "url": "https://example.com"}])
    await edited.edit("you idiot")
    await until(lambda: scene.rows(WAITING))
    stopping.released.set()
    await running
    assert scene.rows(WAITING) == [(edited.id,)]
    assert scene.rows(DECISIONS) == [(flagged.id,)]
    at = datetime.now(UTC) - timedelta(hours=1)
    moment = at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    scene.change(f"UPDATE unscreened SET at = '{moment}'")
    async with scene.bot(log_channel=False):
        await until(lambda: scene.rows(WAITING) == [])
        line = await scene.wire.wait_for_message(
            scene.log, where=lambda message: "while Hexward was away" in message.content
        )
    # What tells when it was edited, not when it was posted.
    assert discord.utils.format_dt(at, "t") in line.content
    assert scene.rows(DECISIONS) == [(edited.id,), (flagged.id,)]


async def test_an_edit_during_the_stop_hides_nothing_of_what_was_posted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.bot():
        await until(lambda: bool(scene.rows(MARK)))
    stopping, stop = Stop(monkeypatch), asyncio.Event()
    running = asyncio.create_task(serve(scene.settings, stop))
    await scene.wire.wait_connected()
    begun = stopping.hold(screening, "is_exempt_message")
    posted = await scene.ada.post(scene.general, "you idiot")
    await begun.wait()
    stop.set()
    await stopping.begun.wait()
    await posted.edit("hi")
    await until(lambda: scene.rows(WAITING) == [(posted.id,)])
    stopping.released.set()
    await running
    assert scene.rows(DECISIONS) == [(posted.id,)]


async def test_what_a_stop_cut_short_after_it_was_decided_did_not_go_unscreened(
    scene: Scene,
) -> None:
    async with scene.bot():
        decided = await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
        await until(lambda: scene.rows(MARK) >= [(decided.id,)])
    scene.change(f"UPDATE last_seen SET message_id = {decided.id - 1}")
    await scene.ada.post(scene.general, "fine")
    async with scene.bot(log_channel=False):
        await until_caught_up(scene, 2)
        line = await scene.wire.wait_for_message(
            scene.log, where=lambda message: "while Hexward was away" in message.content
        )
        assert line.content.startswith("1 message ")
        await scene.wire.quiet()
    assert scene.rows(DECISIONS) == [(decided.id,)]


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
