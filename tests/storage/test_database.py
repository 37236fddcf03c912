from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.errors import DatabaseError
from bot.storage.address import Address
from bot.storage.database import Database
from bot.storage.engine import make_engine, writing
from bot.storage.migrate import upgrade
from bot.storage.writer import Writer
from tests.patience import PATIENCE_S


def insert(server_id: int) -> Callable[[Connection], int]:
    """An operation that adds one row and returns the server's id."""

    def operation(connection: Connection) -> int:
        connection.execute(
            text("INSERT INTO daily_counts VALUES (:server_id, '2026-01-31', 1, 0)"),
            {"server_id": server_id},
        )
        return server_id

    return operation


def count(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM daily_counts")).scalar_one())


def pragma(name: str) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(text(f"PRAGMA {name}")).scalar_one()


def stored(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT server_id FROM daily_counts ORDER BY server_id")
        return [server_id for (server_id,) in found]


async def test_connections_are_set_up_for_it(database: Database) -> None:
    assert await database.read(pragma("journal_mode")) == "wal"
    assert await database.read(pragma("synchronous")) == 1
    assert await database.read(pragma("foreign_keys")) == 1
    assert await database.read(pragma("busy_timeout")) == 200
    assert await database.write(pragma("foreign_keys")) == 1


async def test_each_caller_gets_its_own_result(database: Database, path: Path) -> None:
    results = await asyncio.gather(*(database.write(insert(number)) for number in range(500)))
    assert results == list(range(500))
    assert stored(path) == list(range(500))


async def test_a_result_means_that_it_is_on_disk(database: Database, path: Path) -> None:
    await database.write(insert(7))
    assert stored(path) == [7]


async def test_one_that_fails_takes_no_other_along(database: Database, path: Path) -> None:
    def half(connection: Connection) -> None:
        insert(2)(connection)
        raise KeyError("the caller's own")

    results = await asyncio.gather(
        database.write(insert(1)),
        database.write(half),
        database.write(insert(1)),
        database.write(insert(3)),
        return_exceptions=True,
    )
    assert results[0] == 1
    assert isinstance(results[1], KeyError)
    assert isinstance(results[2], DatabaseError)
    assert results[3] == 3
    assert stored(path) == [1, 3]


async def test_errors_name_no_values(database: Database) -> None:
    await database.write(insert(987654321))
    with pytest.raises(DatabaseError) as write:
        await database.write(insert(987654321))
    with pytest.raises(DatabaseError) as read:
        await database.read(
            lambda connection: connection.execute(
                text("SELECT :id FROM nowhere"), {"id": 987654321}
            )
        )
    error: BaseException | None
    for error in (write.value, read.value):
        while error is not None:
            assert "987654321" not in str(error)
            error = error.__cause__ or error.__context__


async def test_an_error_that_ends_the_transaction_fails_the_batch(
    database: Database, path: Path
) -> None:
    """Nobody may be told that a row is written when the transaction it was in is gone."""

    def end(connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("SELECT * FROM nowhere")

    results = await asyncio.gather(
        database.write(insert(1)),
        database.write(end),
        database.write(insert(2)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [DatabaseError] * 3
    assert stored(path) == []
    assert await database.write(insert(3)) == 3


async def test_a_full_disk(database: Database, path: Path) -> None:
    def fill(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # raised to what is in use
        for number in range(1000, 3000):
            insert(number)(connection)

    results = await asyncio.gather(
        database.write(insert(1)), database.write(fill), return_exceptions=True
    )
    assert isinstance(results[1], DatabaseError)
    assert "disk is full" in str(results[1])
    # Whether the first is told that it went well depends on SQLite; it must be true either way.
    assert stored(path) == ([1] if results[0] == 1 else [])
    await database.write(pragma("max_page_count = 9999"))
    assert await database.write(insert(2)) == 2


async def test_a_locked_database_and_afterwards(database: Database, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(
            database.write(insert(1)), database.write(insert(2)), return_exceptions=True
        )
        assert [type(result) for result in results] == [DatabaseError] * 2
        assert "locked" in str(results[0])
        assert await database.read(count) == 0  # readers do not wait for writers
        other.execute("ROLLBACK")
    assert await database.write(insert(3)) == 3
    assert stored(path) == [3]


async def test_a_query_sees_one_state(database: Database) -> None:
    """A write that is committed between two statements of a query is in neither."""
    await database.write(insert(1))

    def query(connection: Connection) -> tuple[int, int]:
        first = count(connection)
        with closing(sqlite3.connect(str(connection.engine.url.database))) as other, other:
            other.execute("INSERT INTO daily_counts VALUES (2, '2026-01-31', 1, 0)")
        return first, count(connection)

    assert await database.read(query) == (1, 1)
    assert await database.read(count) == 2


async def test_many_readers_and_the_writer_together(database: Database) -> None:
    reads = [database.read(count) for _ in range(60)]
    writes = [database.write(insert(number)) for number in range(60)]
    await asyncio.gather(*reads, *writes)
    assert await database.read(count) == 60


async def test_a_query_that_fails(database: Database) -> None:
    with pytest.raises(DatabaseError, match="no such table: nowhere"):
        await database.read(lambda connection: connection.exec_driver_sql("SELECT * FROM nowhere"))
    with pytest.raises(ZeroDivisionError):
        await database.read(lambda connection: 1 // 0)
    assert await database.read(count) == 0


async def test_a_cancelled_caller_leaves_the_rest_alone(database: Database, path: Path) -> None:
    leaving = asyncio.create_task(database.write(insert(1)))
    reading = asyncio.create_task(database.read(count))
    staying = asyncio.create_task(database.write(insert(2)))
    await asyncio.sleep(0)
    leaving.cancel()
    reading.cancel()
    assert await staying == 2
    with pytest.raises(asyncio.CancelledError):
        await leaving
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert stored(path) == [1, 2]


async def test_after_is_called_before_the_caller_goes_on(database: Database) -> None:
    order: list[str] = []
    await database.write(insert(1), after=lambda: order.append("committed"))
    order.append("caller")
    with pytest.raises(DatabaseError):
        await database.write(insert(1), after=lambda: order.append("failed"))
    leaving = asyncio.create_task(
        database.write(insert(2), after=lambda: order.append("cancelled caller"))
    )
    await asyncio.sleep(0)
    leaving.cancel()
    await database.write(insert(3))
    assert order == ["committed", "caller", "failed", "cancelled caller"]


async def test_closing_finishes_what_was_accepted(url: str, path: Path) -> None:
    database = await Database.open(url)
    writes = [asyncio.create_task(database.write(insert(number))) for number in range(400)]
    reads = [asyncio.create_task(database.read(count)) for _ in range(20)]
    await asyncio.sleep(0)
    await asyncio.gather(database.close(), database.close())
    assert await asyncio.gather(*writes) == list(range(400))
    assert all(isinstance(number, int) for number in await asyncio.gather(*reads))
    assert stored(path) == list(range(400))
    assert not path.with_name(path.name + "-wal").exists()  # the last connection tidied up


async def test_closing_waits_for_a_long_query(url: str, path: Path) -> None:
    database = await Database.open(url)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)"

    def query(connection: Connection) -> int:
        return int(connection.exec_driver_sql(f"{numbers} SELECT count(*) FROM n").scalar_one())

    reading = asyncio.create_task(database.read(query))
    await asyncio.sleep(0)
    await database.close()
    assert not path.with_name(path.name + "-wal").exists()
    assert await reading == 400000


async def test_what_comes_after_closing_is_refused(url: str) -> None:
    database = await Database.open(url)
    await database.close()
    await database.close()
    with pytest.raises(DatabaseError, match="closed"):
        await database.write(insert(1))
    with pytest.raises(DatabaseError, match="closed"):
        await database.read(count)


async def test_last_words_are_written_and_cannot_stop_the_closing(url: str, path: Path) -> None:
    database = await Database.open(url)

    async def fails() -> None:
        raise RuntimeError("nothing to say")

    async def writes() -> None:
        await database.write(insert(5))

    database.before_close(fails)
    database.before_close(writes)
    await database.close()
    assert stored(path) == [5]


async def test_too_many_waiting_writes_are_refused(url: str, path: Path) -> None:
    await asyncio.to_thread(upgrade, url)
    engine = make_engine(Address.parse(url), lock_wait_s=1.0)
    writer = Writer(writing(engine), lambda error: DatabaseError(str(error)), capacity=3)
    results = await asyncio.gather(
        *(writer.write(insert(number)) for number in range(5)), return_exceptions=True
    )
    await writer.close()
    await engine.dispose()
    assert results[:3] == [0, 1, 2]
    assert [str(result) for result in results[3:]] == [
        "The database does not keep up: 3 writes are waiting."
    ] * 2
    assert stored(path) == [0, 1, 2]


def test_a_loop_that_ends_without_closing_leaves_nobody_waiting(url: str) -> None:
    """Every caller gets an end, also when the writer itself is cancelled."""

    async def main() -> list[object]:
        database = await Database.open(url)
        callers = [asyncio.create_task(database.write(insert(number))) for number in range(10)]
        await asyncio.sleep(0)
        (writer,) = (task for task in asyncio.all_tasks() if task.get_name() == "database writer")
        writer.cancel()
        ends = await asyncio.wait_for(asyncio.gather(*callers, return_exceptions=True), PATIENCE_S)
        with pytest.raises(DatabaseError, match="closed"):
            await database.write(insert(99))
        await database.close()
        return ends

    for end in asyncio.run(main()):
        assert isinstance(end, DatabaseError)


async def test_its_size_is_told(database: Database, path: Path) -> None:
    size = await database.size_bytes()
    assert size >= 4096
    assert size % 512 == 0
