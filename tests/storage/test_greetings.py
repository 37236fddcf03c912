"""Each joining of a server is greeted once."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alembic import command
from sqlalchemy import Connection

from bot.storage.address import Address
from bot.storage.announcements import Announcement, Announcements
from bot.storage.database import Database
from bot.storage.greetings import Greetings
from bot.storage.migrate import _run, alembic_config

JOINED = datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC)


async def test_each_joining_once(database: Database) -> None:
    greetings = Greetings(database)
    assert await greetings.begin(1, JOINED)
    assert not await greetings.begin(1, JOINED)
    assert not await greetings.begin(1, JOINED - timedelta(days=1))
    assert await greetings.begin(1, JOINED + timedelta(microseconds=1))
    assert await greetings.greeted() == {1: JOINED + timedelta(microseconds=1)}


async def test_one_that_was_taken_back_is_due_again(database: Database) -> None:
    greetings = Greetings(database)
    assert await greetings.begin(1, JOINED)
    await greetings.take_back(1)
    assert await greetings.greeted() == {}
    assert await greetings.begin(1, JOINED)


async def test_servers_of_an_older_database_are_not_greeted_any_more(path: Path, url: str) -> None:
    def older(connection: Connection) -> None:
        command.upgrade(alembic_config(connection), "0009")

    path.parent.mkdir()
    await asyncio.to_thread(_run, Address.parse(url), older, writes=True, lock_wait_s=5.0)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO announcements VALUES (1, 'greeting'), (1, 'reduced')")
        connection.execute("INSERT INTO daily_counts VALUES (2, '2026-01-31', 5, 2)")
        connection.execute("INSERT INTO daily_counts VALUES (3, '2026-01-31', 5, 2)")
        connection.execute("INSERT INTO privacy VALUES (3, 30, NULL, '2026-02-01T00:00:00Z')")
    async with await Database.open(url) as database:
        greetings = Greetings(database)
        assert await greetings.greeted() == {1: None, 2: None}
        assert not await greetings.begin(2, JOINED)
        assert await greetings.begin(2, JOINED + timedelta(days=1))  # left and joined again
        assert await greetings.begin(3, JOINED)  # left before, and joined again while it was off
        assert not await Announcements(database).add(1, Announcement.REDUCED)
