"""What tests of keeping and deleting share: a clock to move, and a count of rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from bot.storage.database import Database

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


async def numbers(database: Database, table: sa.Table) -> int:
    statement = sa.select(sa.func.count()).select_from(table)
    return await database.read(lambda connection: connection.execute(statement).scalar_one())
