"""What tests of keeping and deleting share: a clock to move, and a count of rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from bot.storage.database import Database
from bot.storage.decisions import RecordedDecision
from bot.storage.journal import Journal, Wanted
from bot.storage.verdicts import Verdicts

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


async def decided(database: Database, decision_id: int) -> RecordedDecision | None:
    """A decision as it is in the log now."""
    history = await Verdicts(database).history(decision_id)
    return None if history is None else history.decision


async def latest(database: Database, server_id: int, most: int = 20) -> list[RecordedDecision]:
    """A server's last decisions, newest first."""
    rows = await Journal(database).rows(server_id, Wanted(), before=None, most=most)
    return [decision for decision, _ in rows]


async def numbers(database: Database, table: sa.Table) -> int:
    statement = sa.select(sa.func.count()).select_from(table)
    return await database.read(lambda connection: connection.execute(statement).scalar_one())
