"""SQLite's file becomes smaller when rows go, and nobody has to wait long for it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.errors import DatabaseError
from bot.storage import space
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision
from bot.storage.retention import Retention
from tests.storage.keeping import DAY, NOW

Make = Callable[..., NewDecision]


class TestSpace:
    @pytest.mark.parametrize("rewritten", [0, space._MOST_REWRITTEN])
    async def test_an_sqlite_file_becomes_smaller(
        self,
        database: Database,
        path: Path,
        retention: Retention,
        new_decision: Make,
        monkeypatch: pytest.MonkeyPatch,
        rewritten: int,
    ) -> None:
        monkeypatch.setattr(space, "_MOST_REWRITTEN", rewritten)
        monkeypatch.setattr(space, "_PAGES", 4)
        decisions = Decisions(database)
        await asyncio.gather(
            *(
                decisions.record(new_decision(message_id=number, decided_at=NOW - 40 * DAY))
                for number in range(500)
            )
        )
        await database.give_back()
        before = size(path)
        await retention.purge()
        assert size(path) < before - 100_000
        assert size(path.with_name(path.name + "-wal")) == 0

    async def test_a_file_from_an_older_version_is_made_so_that_it_can(
        self, path: Path, url: str
    ) -> None:
        async with await Database.open(url):
            pass
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA auto_vacuum = NONE")
            connection.execute("VACUUM")
            assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
        async with await Database.open(url) as database:
            await database.give_back()
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    async def test_a_file_in_use_is_left_for_another_time(
        self, database: Database, path: Path, new_decision: Make
    ) -> None:
        await Decisions(database).record(new_decision())
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM decisions").fetchall()
            await Decisions(database).record(new_decision(message_id=2))
            await database.give_back()

    async def test_a_closed_database_says_so(self, database: Database) -> None:
        await database.close()
        with pytest.raises(DatabaseError, match="closed"):
            await database.give_back()


def size(path: Path) -> int:
    return path.stat().st_size
