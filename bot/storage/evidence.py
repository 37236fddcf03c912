"""Flags with moderators' verdicts: what thresholds are chosen by."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from bot.labels import LABELS, Label, Scores, Thresholds
from bot.storage import schema
from bot.storage.database import Database
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
            select(
                verdicts.c.verdict,
                decisions.c.labels_over,
                *(decisions.c[f"score_{label}"] for label in LABELS),
                *(decisions.c[f"threshold_{label}"] for label in LABELS),
            )
            .join(verdicts, verdicts.c.decision_id == decisions.c.id)
            .where(decisions.c.server_id == server_id)
            .order_by(decisions.c.id.desc())
            .limit(MOST_VERDICTS)
        )
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        # Thousands take their time, and messages come in meanwhile.
        return await asyncio.to_thread(_judged, rows)


def _judged(rows: Sequence[Row[Any]]) -> list[JudgedFlag]:
    return [
        JudgedFlag(
            Scores(*values[: len(LABELS)]),
            Thresholds(*values[len(LABELS) :]),
            tuple(Label(label) for label in labels_over.split(",")),
            verdict == Verdict.UPHELD,
        )
        for verdict, labels_over, *values in map(tuple, rows)
    ]
