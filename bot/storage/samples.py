"""Scores of texts that passed: a bounded sample of each day, without the text or whose it is.

A day's texts are divided by their highest score, and each part (a stratum) is sampled by itself:
what a threshold can be about lies in the upper parts, which are small and hence kept whole, or
nearly. A sample stands for as many texts as its stratum had for each of its samples, which makes
counts unbiased (stratified sampling; W. G. Cochran, Sampling Techniques, 3rd ed., ch. 5).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from random import Random
from typing import NamedTuple

from sqlalchemy import Connection

from bot.errors import DatabaseError
from bot.labels import LABELS, Scores
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.later import Later
from bot.storage.reservoir import Reservoir, merge

# From which highest score on, and how many samples of a day in a server: a thousand in all.
STRATA = ((0.0, 100), (0.05, 300), (0.25, 600))
THOUSAND = 1_000
# Numbers that binary fractions only come close to are not moved across a thousandth by that.
_CLOSE = 1e-9


class Sample(NamedTuple):
    """The scores of one text in thousandths, rounded down, and where it stood."""

    channel_id: int | None
    scores: tuple[int, ...]


class Stratum(NamedTuple):
    """Some of the texts of a server's day."""

    server_id: int
    day: date
    number: int


_Gathered = dict[Stratum, Reservoir[Sample]]


def in_thousandths(score: float) -> int:
    """A score as it is kept: rounded down, so that it compares with a threshold as before."""
    return math.floor(score * THOUSAND + _CLOSE)


def least_thousandths(threshold: float) -> int:
    """The lowest kept score that reaches a threshold."""
    return math.ceil(threshold * THOUSAND - _CLOSE)


class ScoreSamples:
    """Gathers samples in memory and writes them about once a second.

    A crash loses the last second's. While the database refuses, no more is gathered than would be
    kept in the end.

    Parameters
    ----------
    random
        Where chance comes from; None: the system's.
    """

    def __init__(self, database: Database, *, random: Random | None = None) -> None:
        self._database = database
        self._random = random or Random()
        self._gathered: _Gathered = {}
        self._later = Later(
            database, "Scores of passed messages", self._write_out, lambda: bool(self._gathered)
        )

    def add(self, server_id: int, channel_id: int | None, scores: Scores, at: datetime) -> None:
        """Take a text that passed into account; costs a few additions.

        Parameters
        ----------
        channel_id
            None where the channel is not to be kept with the scores.
        """
        highest = max(value for _, value in scores.items())
        number = max(n for n, (lowest, _) in enumerate(STRATA) if highest >= lowest)
        stratum = Stratum(server_id, at.astimezone(UTC).date(), number)
        gathered = self._gathered.get(stratum)
        if gathered is None:
            gathered = self._gathered[stratum] = Reservoir(STRATA[number][1], self._random)
        gathered.offer(
            Sample(channel_id, tuple(in_thousandths(value) for _, value in scores.items()))
        )
        self._later.soon()

    async def flush(self) -> None:
        """Write what was gathered.

        Raises
        ------
        DatabaseError
            If it could not be written; it is kept for the next time.
        """
        await self._later.now()

    async def _write_out(self) -> None:
        gathered, self._gathered = self._gathered, {}
        if not gathered:
            return
        try:
            await self._database.write(partial(_write, gathered, self._random))
        except DatabaseError:
            self._put_back(gathered)
            raise

    def _put_back(self, gathered: _Gathered) -> None:
        """Have what could not be written and what came since written together."""
        for stratum, older in gathered.items():
            newer = self._gathered.get(stratum)
            if newer is not None:
                _add(older, newer, self._random)
        self._gathered |= gathered


def _add(older: Reservoir[Sample], newer: Reservoir[Sample], random: Random) -> None:
    for place, sample in merge(older.offered, newer, older.most, random):
        if place < len(older.kept):
            older.kept[place] = sample
        else:
            older.kept.append(sample)
    older.offered += newer.offered


def _write(
    gathered: Mapping[Stratum, Reservoir[Sample]],
    random: Random,
    connection: Connection,
) -> None:
    rows = []
    # In one order: two processes that write the same server's wait for each other, not both.
    for stratum in sorted(gathered):
        newer = gathered[stratum]
        before = _count(stratum, newer.offered, connection) - newer.offered
        rows += [
            _row(stratum, place, sample)
            for place, sample in merge(before, newer, STRATA[stratum.number][1], random)
        ]
    if rows:
        table = schema.score_samples
        statement = schema.insert(connection, table)
        keys = [column.name for column in table.primary_key]
        changed = [column.name for column in table.c if column.name not in keys]
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=keys, set_={name: statement.excluded[name] for name in changed}
            ),
            rows,
        )


def _count(stratum: Stratum, texts: int, connection: Connection) -> int:
    """Add to how many texts a stratum had; also has other processes wait until this is through."""
    table = schema.sample_counts
    statement = schema.insert(connection, table).values(
        server_id=stratum.server_id, day=stratum.day, stratum=stratum.number, texts=texts
    )
    summed = statement.on_conflict_do_update(
        index_elements=["server_id", "day", "stratum"],
        set_={"texts": table.c.texts + statement.excluded.texts},
    )
    return int(connection.execute(summed.returning(table.c.texts)).scalar_one())


def _row(stratum: Stratum, place: int, sample: Sample) -> dict[str, object]:
    return {
        "server_id": stratum.server_id,
        "day": stratum.day,
        "stratum": stratum.number,
        "place": place,
        "channel_id": sample.channel_id,
    } | {f"permille_{label}": value for label, value in zip(LABELS, sample.scores, strict=True)}
