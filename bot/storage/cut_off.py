"""Deeds that were begun and of which it is not known how they ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, and_, or_, select

from bot.storage import schema
from bot.storage.database import Database
from bot.storage.decisions import RecordedDecision, recorded
from bot.storage.history import DeedResult, RecordedDeed
from bot.storage.history_rows import deed_of


@dataclass(frozen=True, slots=True)
class CutOffDeed:
    """A deed in the middle of which a stop came, and what it was about."""

    deed: RecordedDeed
    decision: RecordedDecision


class CutOffDeeds:
    """Reads what a stop left of moderators' clicks, and of what the rules asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def left(self, before: datetime, most: int) -> list[CutOffDeed]:
        """The latest deeds that were under way already before a moment, and have not ended.

        What the bot does by the rules is among them once its decision is settled: what is not
        settled is gone on with.

        Returns
        -------
        list of CutOffDeed
            The newest first.

        Raises
        ------
        DatabaseError
            If it could not be read.
        """
        return await self._database.read(partial(_left, before, most))


def _left(before: datetime, most: int, connection: Connection) -> list[CutOffDeed]:
    deeds, decisions = schema.deeds, schema.decisions
    begun = and_(
        deeds.c.result == DeedResult.BEGUN.value,
        or_(deeds.c.moderator_id.is_not(None), decisions.c.outcome.is_not(None)),
    )
    statement = (
        select(deeds)
        .join(decisions, deeds.c.decision_id == decisions.c.id)
        .where(or_(begun, deeds.c.result == DeedResult.LIFTING.value), deeds.c.changed_at < before)
        .order_by(deeds.c.id.desc())
        .limit(most)
    )
    rows = connection.execute(statement).all()
    about = select(decisions).where(decisions.c.id.in_({row.decision_id for row in rows}))
    known = {row.id: recorded(row) for row in connection.execute(about)}
    # One that was deleted this very moment is missing.
    return [
        CutOffDeed(deed_of(row), known[row.decision_id]) for row in rows if row.decision_id in known
    ]
