"""Flags with moderators' verdicts: what thresholds are chosen by."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from bot.labels import Label, Scores, Thresholds
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.decisions import recorded
from bot.storage.history import Verdict

# The newest, which are enough to be sure, and quickly read while somebody types.
MOST_VERDICTS = 2_000


@dataclass(frozen=True, slots=True)
class JudgedFlag:
    """A flag with a verdict, and nothing of whose message it was about.

    Attributes
    ----------
    thresholds
        Those that held when it was raised.
    """

    scores: Scores
    thresholds: Thresholds
    labels_over: tuple[Label, ...]
    upheld: bool


class Evidence:
    """Reads verdicts together with what they are about."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def judged(self, server_id: int) -> list[JudgedFlag]:
        """A server's newest flags with a verdict, at most `MOST_VERDICTS`.

        Raises
        ------
        DatabaseError
            If they could not be read.
        """
        decisions, verdicts = schema.decisions, schema.verdicts
        statement = (
            select(decisions, verdicts.c.verdict)
            .join(verdicts, verdicts.c.decision_id == decisions.c.id)
            .where(decisions.c.server_id == server_id)
            .order_by(decisions.c.id.desc())
            .limit(MOST_VERDICTS)
        )

        def query(connection: Connection) -> list[JudgedFlag]:
            flags = []
            for row in connection.execute(statement):
                decision = recorded(row)
                flags.append(
                    JudgedFlag(
                        decision.scores,
                        decision.thresholds,
                        decision.labels_over,
                        row.verdict == Verdict.UPHELD,
                    )
                )
            return flags

        return await self._database.read(query)
