"""How many of the last days' texts would flag, whatever threshold one label had.

What was flagged is in the log of decisions; of what passed, samples are kept. All of it is looked
at anew with the thresholds as they are now, but for the one label.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cached_property, partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)

from bot.labels import LABELS, Label, Thresholds
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.samples import STRATA, THOUSAND, ScoreSamples, least_thousandths

# Levels of texts that flag at any threshold of the label, and of those that flag at none.
_ALWAYS, _NEVER = THOUSAND + 1, -1
# Standard deviations on both sides of an estimate, between which the truth is 95 times of 100.
_NORMAL_95 = 1.96
# How often nothing may be found by chance where there is as much as a bound says.
_RARELY = 0.05


@dataclass(frozen=True, slots=True)
class Places:
    """Which thresholds hold where, and where another one for a label would hold.

    Attributes
    ----------
    usual
        What holds where nothing narrower was chosen.
    own
        Channels and threads in which something else holds.
    untouched
        Those of them whose threshold for the label would stay.
    only
        The channels and threads that are counted; None: all, and names besides.
    """

    label: Label
    usual: Thresholds
    own: Mapping[int, Thresholds] = field(default_factory=dict)
    untouched: frozenset[int] = frozenset()
    only: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number of texts.

    Attributes
    ----------
    margin
        In 95 of 100 cases the truth is no farther away; 0 if it was counted.
    unfound
        How many more there may be where no sample was one, in 95 of 100 cases.
    """

    count: float
    margin: float = 0.0
    unfound: int = 0

    @property
    def exact(self) -> bool:
        """Whether it is right to the last text."""
        return round(self.margin) == 0 and not self.unfound

    @property
    def low(self) -> int:
        """The lower end, a whole number."""
        return max(round(self.count - self.margin), 0)

    @property
    def high(self) -> int:
        """The upper end, a whole number.

        What two independent estimates may lack adds up as their squares do (Zou, Huang and Zhang
        2009, "A note on confidence interval estimation for a linear function of binomial
        proportions", Computational Statistics & Data Analysis 53).
        """
        return round(self.count + math.hypot(self.margin, self.unfound))


@dataclass(frozen=True, slots=True)
class Stock:
    """Texts of one day of which all, or a uniform sample, are known.

    Attributes
    ----------
    known
        How many of them are known, also in places that are not counted.
    stands_for
        How many there were.
    levels
        From which threshold of the label down they flag, in thousandths, and how many.
    below
        All their scores are lower than this.
    """

    day: date
    known: int
    stands_for: int
    levels: Mapping[int, int]
    below: float = math.inf

    @property
    def weight(self) -> float:
        """How many texts one that is known stands for."""
        return self.stands_for / self.known

    def at(self, threshold: float) -> tuple[float, float]:
        """How many would flag, and the variance of that.

        The variance is that of a proportion in a simple random sample without replacement
        (Cochran, Sampling Techniques, 3rd ed., eq. 3.8).
        """
        least = least_thousandths(threshold)
        found = sum(number for level, number in self.levels.items() if level >= least)
        if self.known == self.stands_for or self.known < 2:
            return found * self.weight, 0.0
        share = found / self.known
        spread = share * (1 - share) / (self.known - 1) * (1 - self.known / self.stands_for)
        return found * self.weight, self.stands_for**2 * spread

    def unfound(self, threshold: float) -> float:
        """How many may flag if no sample does; 0 where one does, or none can.

        Of N texts of which K flag, a sample of n has none with a probability of at most
        (1 − n/N)^K. The bound is the K at which that is 5 %; for a small share n/N it is 3 N/n, the
        rule of three (Hanley and Lippman-Hand 1983, "If nothing goes wrong, is everything all
        right?", JAMA 249).
        """
        least = least_thousandths(threshold)
        if self.known == self.stands_for or threshold >= self.below:
            return 0.0
        if any(level >= least for level in self.levels):
            return 0.0
        bound = math.log(_RARELY) / math.log1p(-self.known / self.stands_for)
        return min(bound, self.stands_for - self.known)


@dataclass(frozen=True)
class Preview:
    """What would have flagged from one day to another (UTC, both included).

    Attributes
    ----------
    usual
        The threshold that holds where nothing narrower was chosen.
    flagged, passed
        Texts that were flagged, and those that passed and of which there are samples.
    """

    label: Label
    usual: float
    first: date
    last: date
    flagged: Sequence[Stock]
    passed: Sequence[Stock]

    @property
    def stocks(self) -> Sequence[Stock]:
        """Everything there is to count."""
        return [*self.flagged, *self.passed]

    @cached_property
    def sampled(self) -> frozenset[date]:
        """The days of which scores of what passed are kept."""
        return frozenset(stock.day for stock in self.passed)

    def at(self, threshold: float, day: date | None = None) -> Estimate:
        """How many texts would have flagged, on all days or on one.

        What passed did not reach the threshold of its time. It is taken not to reach the usual one
        either, unless a sample does.
        """
        stocks = [stock for stock in self.stocks if day in (None, stock.day)]
        found = [stock.at(threshold) for stock in stocks]
        spread = sum(variance for _, variance in found)
        unfound = 0
        if threshold < self.usual:
            # That several samples have none is as unlikely as the product of it. It is likeliest,
            # for a given sum, if all are in the one with the largest bound.
            unfound = math.floor(max((stock.unfound(threshold) for stock in stocks), default=0))
        return Estimate(sum(count for count, _ in found), _NORMAL_95 * math.sqrt(spread), unfound)

    def curve(self, thresholds: Sequence[float]) -> list[float]:
        """How many would have flagged on all days, at each of these thresholds."""
        weighted = [0.0] * (_ALWAYS + 2)
        for stock in self.stocks:
            for level, number in stock.levels.items():
                if level > _NEVER:
                    weighted[level] += number * stock.weight
        for level in range(_ALWAYS, -1, -1):
            weighted[level] += weighted[level + 1]
        return [weighted[least_thousandths(threshold)] for threshold in thresholds]


class Previews:
    """Counts what would have flagged."""

    def __init__(self, database: Database, samples: ScoreSamples) -> None:
        self._database = database
        self._samples = samples

    async def of(self, server_id: int, places: Places, first: date, last: date) -> Preview:
        """What would have flagged in a server from one day to another (UTC, both included).

        Raises
        ------
        DatabaseError
            If it could not be read.
        """
        await self._samples.flush()
        return await self._database.read(partial(_preview, server_id, places, first, last))


def _preview(
    server_id: int, places: Places, first: date, last: date, connection: Connection
) -> Preview:
    flagged: dict[date, Counter[int]] = {}
    for row in connection.execute(_of_decisions(server_id, places, first, connection)):
        day = row.day if isinstance(row.day, date) else date.fromisoformat(row.day)
        if day <= last:
            flagged.setdefault(day, Counter())[row.level] += row.number
    table, counts = schema.score_samples, schema.sample_counts
    passed: dict[tuple[date, int], Counter[int]] = {}
    for row in connection.execute(_of_samples(server_id, places, first, last)):
        passed.setdefault((row.day, row.stratum), Counter())[row.level] += row.number
    known = (
        select(table.c.day, table.c.stratum, func.count().label("known"))
        .where(table.c.server_id == server_id, table.c.day >= first, table.c.day <= last)
        .group_by(table.c.day, table.c.stratum)
        .subquery()
    )
    strata = connection.execute(
        select(counts.c.day, counts.c.stratum, counts.c.texts, known.c.known)
        .join(known, and_(known.c.day == counts.c.day, known.c.stratum == counts.c.stratum))
        .where(counts.c.server_id == server_id)
        .order_by(counts.c.day, counts.c.stratum)
    ).all()
    return Preview(
        places.label,
        places.usual[places.label],
        first,
        last,
        [Stock(day, n := levels.total(), n, levels) for day, levels in sorted(flagged.items())],
        [
            Stock(
                row.day,
                row.known,
                row.texts,
                passed.get((row.day, row.stratum), {}),
                _below(row.stratum),
            )
            for row in strata
        ],
    )


def _below(stratum: int) -> float:
    """What all scores of a stratum are lower than."""
    return STRATA[stratum + 1][0] if stratum + 1 < len(STRATA) else math.inf


def _of_decisions(
    server_id: int, places: Places, first: date, connection: Connection
) -> Select[Any]:
    table = schema.decisions
    if connection.dialect.name == "postgresql":
        day = func.date(func.timezone("UTC", table.c.decided_at))
    else:
        day = func.date(table.c.decided_at)
    # SQLite's cast cuts off and PostgreSQL's rounds, but both round a fraction like this one down.
    scores = {
        label: cast(func.round(table.c[f"score_{label}"] * THOUSAND + 1e-6 - 0.5), Integer)
        for label in LABELS
    }
    since = datetime.combine(first, time(), UTC)
    where = and_(table.c.server_id == server_id, table.c.decided_at >= since)
    return _levels(places, [day.label("day")], table.c.channel_id, scores, where)


def _of_samples(server_id: int, places: Places, first: date, last: date) -> Select[Any]:
    table = schema.score_samples
    scores = {label: table.c[f"permille_{label}"] for label in LABELS}
    where = and_(table.c.server_id == server_id, table.c.day >= first, table.c.day <= last)
    return _levels(places, [table.c.day, table.c.stratum], table.c.channel_id, scores, where)


def _levels(
    places: Places,
    keys: Sequence[ColumnElement[Any]],
    channel: ColumnElement[Any],
    scores: Mapping[Label, ColumnElement[int]],
    where: ColumnElement[bool],
) -> Select[Any]:
    """From which threshold of the label down texts flag: how many, by key and level."""
    over = {label: scores[label] >= _least(places, label, channel) for label in LABELS}
    by_others = or_(*(over[label] for label in LABELS if label != places.label))
    stays = channel.in_(places.untouched)
    level = case(
        (or_(by_others, and_(stays, over[places.label])), _ALWAYS),
        (stays, _NEVER),
        else_=scores[places.label],
    )
    if places.only is not None:
        where = and_(where, channel.in_(places.only))
    each = select(*keys, level.label("level")).where(where).subquery()
    return select(*each.c, func.count().label("number")).group_by(*each.c)


def _least(places: Places, label: Label, channel: ColumnElement[Any]) -> ColumnElement[int]:
    """The lowest kept score that flags for a label, by where a text stands."""
    usual = least_thousandths(places.usual[label])
    others = {
        channel_id: least
        for channel_id, own in places.own.items()
        if (least := least_thousandths(own[label])) != usual
    }
    return case(others, value=channel, else_=usual) if others else literal(usual)
