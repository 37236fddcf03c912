from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import DatabaseError
from bot.storage import later
from bot.storage import unscreened as module
from bot.storage.database import Database
from bot.storage.unscreened import Reason, Unscreened, UnscreenedMessage, _Pending
from tests.patience import until

BIG = 2**63 - 1


def message(
    message_id: int,
    *,
    server_id: int = 1,
    channel_id: int = 10,
    at: datetime | None = None,
    reason: Reason = Reason.OVERLOADED,
) -> UnscreenedMessage:
    return UnscreenedMessage(
        server_id=server_id,
        channel_id=channel_id,
        message_id=message_id,
        at=at or datetime.now(UTC),
        reason=reason,
    )


@pytest.fixture
def unscreened(database: Database) -> Unscreened:
    return Unscreened(database)


async def ids(unscreened: Unscreened, server_id: int = 1) -> list[int]:
    return [row.message_id for row in await unscreened.in_server(server_id)]


async def test_comes_back_as_it_was_given(unscreened: Unscreened) -> None:
    kept = message(BIG, server_id=BIG - 1, channel_id=BIG - 2, reason=Reason.AWAY)
    unscreened.put_down(kept)
    assert await unscreened.oldest() == kept
    assert await unscreened.in_channel(BIG - 1, BIG - 2) == [kept]
    assert await unscreened.count() == 1


async def test_the_oldest_comes_first_and_channels_can_be_left_out(unscreened: Unscreened) -> None:
    for message_id, channel_id in ((5, 10), (3, 11), (4, 10), (9, 12)):
        unscreened.put_down(message(message_id, channel_id=channel_id))
    assert [row.message_id for row in await unscreened.in_channel(1, 10)] == [4, 5]
    assert [row.message_id for row in await unscreened.in_channel(1, 10, limit=1)] == [4]
    found = await unscreened.oldest()
    assert found is not None
    assert found.message_id == 3
    found = await unscreened.oldest(not_in={11, 10})
    assert found is not None
    assert found.message_id == 9
    assert await unscreened.oldest(not_in={10, 11, 12}) is None


async def test_servers_can_be_left_out(unscreened: Unscreened) -> None:
    for message_id, server_id in ((5, 1), (3, 1), (4, 2)):
        unscreened.put_down(message(message_id, server_id=server_id))
    found = await unscreened.oldest(not_of={1})
    assert found is not None
    assert found.message_id == 4
    assert await unscreened.oldest(not_of={1, 2}) is None


async def test_what_is_settled_is_gone_also_before_it_was_written(unscreened: Unscreened) -> None:
    unscreened.put_down(message(1))
    unscreened.settle(1)
    assert await ids(unscreened) == []
    unscreened.put_down(message(2))
    await unscreened.flush()
    unscreened.settle(2)
    unscreened.put_down(message(2))  # it went unscreened again
    assert await ids(unscreened) == [2]
    unscreened.settle(2)
    assert await ids(unscreened) == []


async def test_a_message_that_goes_unscreened_twice_is_one_row(unscreened: Unscreened) -> None:
    first = message(1)
    unscreened.put_down(first)
    await unscreened.flush()
    unscreened.put_down(message(1, reason=Reason.FAILED))
    assert await unscreened.in_server(1) == [first]


async def test_the_oldest_of_a_server_give_way(database: Database) -> None:
    unscreened = Unscreened(database, most_per_server=3)
    dropped: list[int] = []
    unscreened.when_dropped(dropped.extend)
    for message_id in (5, 1, 4, 2, 3):
        unscreened.put_down(message(message_id))
        unscreened.put_down(message(message_id + 100, server_id=2))
    assert await ids(unscreened) == [3, 4, 5]
    assert await ids(unscreened, 2) == [103, 104, 105]
    assert sorted(dropped) == [1, 2, 101, 102]


async def test_what_is_too_old_goes(database: Database) -> None:
    unscreened = Unscreened(database, keep=timedelta(hours=1))
    dropped: list[int] = []
    unscreened.when_dropped(dropped.extend)
    now = datetime.now(UTC)
    unscreened.put_down(message(1, at=now - timedelta(minutes=61)))
    unscreened.put_down(message(2, at=now - timedelta(minutes=59)))
    assert await ids(unscreened) == [2]
    assert dropped == [1]


async def test_memory_is_bounded_while_nothing_can_be_written(
    unscreened: Unscreened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_PENDING", 3)
    dropped: list[int] = []
    unscreened.when_dropped(dropped.extend)
    for message_id in range(5):
        unscreened.put_down(message(message_id))
    assert dropped == [0, 1]
    assert await ids(unscreened) == [2, 3, 4]


async def test_memory_is_bounded_while_the_database_fails_again_and_again(
    unscreened: Unscreened, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        await asyncio.sleep(0)
        raise DatabaseError("full")

    monkeypatch.setattr(module, "_MOST_PENDING", 3)
    dropped: list[int] = []
    unscreened.when_dropped(dropped.extend)
    with monkeypatch.context() as broken:
        broken.setattr(database, "write", fails)
        for first in (0, 3, 6):
            for message_id in range(first, first + 3):
                unscreened.put_down(message(message_id))
            flushing = asyncio.create_task(unscreened.flush())
            await asyncio.sleep(0)
            unscreened.put_down(message(first + 100))
            with pytest.raises(DatabaseError):
                await flushing
    assert len(dropped) == 9
    assert await ids(unscreened) == sorted({*range(9), 100, 103, 106} - set(dropped))


async def test_a_mark_moves_forward_only(unscreened: Unscreened) -> None:
    assert await unscreened.mark_of(1) is None
    unscreened.mark(1, 50)
    assert await unscreened.mark_of(1) == 50
    unscreened.mark(1, 40)
    assert await unscreened.mark_of(1) == 50
    unscreened.mark(1, 60)
    assert await unscreened.mark_of(1) == 60
    assert await unscreened.mark_of(2) is None


async def test_thousands_cost_one_write_a_second(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = 0
    write = database.write

    async def counted(operation, **options):  # type: ignore[no-untyped-def]
        nonlocal writes
        done = await write(operation, **options)
        writes += 1
        return done

    monkeypatch.setattr(database, "write", counted)
    monkeypatch.setattr(later, "_WAIT_S", 0.05)
    unscreened = Unscreened(database)
    for message_id in range(5_000):
        unscreened.put_down(message(message_id))
        unscreened.mark(1, message_id)
    assert writes == 0
    await until(lambda: writes)
    assert writes == 1
    assert await unscreened.count() == 5_000


async def test_the_rest_is_written_when_the_database_closes(url: str, path: Path) -> None:
    async with await Database.open(url) as database:
        unscreened = Unscreened(database)
        unscreened.put_down(message(7))
        unscreened.mark(1, 7)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT message_id, reason FROM unscreened").fetchall() == [
            (7, "overloaded")
        ]
        assert connection.execute("SELECT * FROM last_seen").fetchall() == [(1, 7)]


async def test_a_database_that_is_busy_loses_nothing(
    unscreened: Unscreened, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(later, "_WAIT_S", 0.05)
    unscreened.put_down(message(1))
    await unscreened.flush()
    with closing(sqlite3.connect(path)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        unscreened.put_down(message(2))
        unscreened.settle(1)
        unscreened.mark(1, 2)
        with pytest.raises(DatabaseError):
            await unscreened.flush()
        holder.rollback()
    await until(lambda: not unscreened._pending)  # the writer tries again by itself
    assert await ids(unscreened) == [2]
    assert await unscreened.mark_of(1) == 2


steps = st.lists(st.tuples(st.sampled_from("pst"), st.integers(0, 3)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(before=steps, after=steps)
def test_what_is_put_back_is_as_though_it_had_never_been_taken(
    before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    def apply(pending: _Pending, wanted: Collection[tuple[str, int]]) -> _Pending:
        for kind, number in wanted:
            if kind == "p":
                pending.new[number] = message(number, at=datetime(2026, 1, 1, tzinfo=UTC))
            elif kind == "s":
                pending.new.pop(number, None)
                pending.gone.add(number)
            else:
                pending.marks[1] = number
        return pending

    together = apply(_Pending(), [*before, *after])
    later = apply(_Pending(), after)
    later.put_back(apply(_Pending(), before))
    assert later == together
