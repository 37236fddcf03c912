"""Deletions by moderators that were begun and of which it is not known how they ended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from bot.storage import schema
from bot.storage.database import Database
from bot.storage.decisions import RecordedDecision, recorded
from bot.storage.history import DeedKind, DeedResult


class CutOffDeletions:
    """Reads what a stop left of moderators' clicks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begun(
        self, since: datetime, until: datetime, most: int
    ) -> list[tuple[int, RecordedDecision]]:
        """The latest deletions that moderators began in a time, and that have not ended.

        Returns
        -------
        list
            The deed's id for `Verdicts.finish`, and what it was about; the newest first.

        Raises
        ------
        DatabaseError
            If it could not be read.
        """
        deeds, decisions = schema.deeds, schema.decisions
        statement = (
            select(decisions, deeds.c.id.label("deed_id"))
            .select_from(deeds.join(decisions, deeds.c.decision_id == decisions.c.id))
            .where(
                deeds.c.kind == DeedKind.DELETE.value,
                deeds.c.result == DeedResult.BEGUN.value,
                deeds.c.moderator_id.is_not(None),
                deeds.c.at >= since,
                deeds.c.at < until,
            )
            .order_by(deeds.c.id.desc())
            .limit(most)
        )
        return await self._database.read(
            lambda connection: [
                (row.deed_id, recorded(row)) for row in connection.execute(statement)
            ]
        )
