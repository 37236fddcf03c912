"""What an earlier run left unscreened is fetched and screened, whatever stands in the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from simcord.backend.serializers import guild_create_payload

from bot.cogs.catch_up import CatchUp
from bot.storage.unscreened import Unscreened, UnscreenedMessage
from sandbox.wire import Fault, Message
from tests.cogs.catching_up import (
    DECISIONS,
    MARK,
    PASSED,
    WAITING,
    history_requests,
    known_once,
    make_brisk,
    seen_once,
    until_caught_up,
    with_settings,
)
from tests.conftest import Scene
from tests.patience import until


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    make_brisk(monkeypatch)


def put_down(
    scene: Scene, message: Message, *, server_id: int | None = None, hours_ago: float = 0.0
) -> None:
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    moment = at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    scene.change(
        "INSERT INTO unscreened VALUES "
        f"({message.id}, {server_id or scene.server.id}, {message.channel_id}, "
        f"'{moment}', 'overloaded')"
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


async def test_servers_take_turns_however_much_one_has_left(scene: Scene) -> None:
    quiet = scene.wire.add_server("Quiet")
    place, ben = quiet.add_channel("general"), quiet.add_member("ben")
    async with scene.bot():
        await until(lambda: len(scene.rows(MARK)) == 2)
    much = [
        await scene.ada.post(scene.general, f"hello {number}", unseen=True) for number in range(201)
    ]
    for message in much[::100]:  # a page each
        put_down(scene, message)
    little = await ben.post(place, "idiot", unseen=True)
    put_down(scene, little, server_id=quiet.id)
    scene.change(f"UPDATE last_seen SET message_id = {little.id}")
    async with scene.bot(log_channel=False):
        await until(lambda: scene.rows(WAITING) == [])
    assert scene.rows(DECISIONS) == [(little.id,)]
    asked = [int(path.split("/")[2]) for path in history_requests(scene)]
    assert asked.count(scene.general.id) == 3
    assert asked[-1] == scene.general.id


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


async def test_servers_of_others_are_asked_for_once_however_much_there_is_to_do(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await known_once(scene)
    posted = [
        await scene.ada.post(scene.general, f"hello {number}", unseen=True) for number in range(201)
    ]
    for message in posted[::100]:  # a page each
        put_down(scene, message)
    scene.change(f"UPDATE last_seen SET message_id = {posted[-1].id}")
    scene.change("INSERT INTO unscreened VALUES (5, 6, 7, '2099-01-01T00:00:00.000000Z', 'away')")
    runs: list[list[int | None]] = []
    work_off, oldest = CatchUp._work_off, Unscreened.oldest

    async def work_off_listed(cog: CatchUp) -> bool:
        runs.append([])
        return await work_off(cog)

    async def oldest_listed(unscreened: Unscreened, **options: Any) -> UnscreenedMessage | None:
        row = await oldest(unscreened, **options)
        runs[-1].append(row and row.server_id)
        return row

    monkeypatch.setattr(CatchUp, "_work_off", work_off_listed)
    monkeypatch.setattr(Unscreened, "oldest", oldest_listed)
    async with scene.bot(log_channel=False):
        await until(lambda: scene.rows(WAITING) == [(5,)])
        await scene.wire.quiet()
    assert max(run.count(scene.server.id) for run in runs) == 3
    assert all(run.count(6) <= 1 for run in runs)
