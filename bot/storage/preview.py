"""How many of the last days' texts would flag, whatever threshold one label had.

What was flagged is in the log of decisions; of what passed, samples are kept. All of it is looked
at anew with the thresholds as they are now, but for the one label.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
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
    bindparam,
    case,
    cast,
    func,
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
    below, above
        In 95 of 100 cases the truth is no farther away than this; 0 if it was counted.
    """

    count: float
    below: float = 0.0
    above: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether it is right to the last text."""
        return round(self.below) == 0 and round(self.above) == 0

    @property
    def low(self) -> int:
        """The lower end, a whole number."""
        return max(round(self.count - self.below), 0)

    @property
    def high(self) -> int:
        """The upper end, a whole number."""
        return round(self.count + self.above)


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

    def at(self, threshold: float) -> Estimate:
        """How many would flag.

        Where some of the sample do, the ends are Wilson's (1927, "Probable inference, the law of
        succession, and statistical inference", Journal of the American Statistical Association 22),
        with the variance of a proportion in a sample without replacement (Cochran, Sampling
        Techniques, 3rd ed., theorem 3.2): for n of N texts, z² becomes z² (N − n)/(N − 1). Where
        none or all do, see `_unseen`.
        """
        least = least_thousandths(threshold)
        found = sum(number for level, number in self.levels.items() if level >= least)
        count = found * self.weight
        if self.known == self.stands_for:
            return Estimate(count)
        if found == 0:
            return Estimate(count, above=0.0 if threshold >= self.below else self._unseen())
        if found == self.known:
            return Estimate(count, below=self._unseen())
        n, share = self.known, found / self.known
        squared = _NORMAL_95**2 * (self.stands_for - n) / (self.stands_for - 1)
        middle = (share + squared / (2 * n)) / (1 + squared / n)
        half = math.sqrt(squared * (share * (1 - share) + squared / (4 * n)) / n) / (
            1 + squared / n
        )
        # What the sample has seen is there.
        low = max((middle - half) * self.stands_for, found)
        high = min((middle + half) * self.stands_for, self.stands_for - (n - found))
        return Estimate(count, count - low, high - count)

    def _unseen(self) -> float:
        """How many texts may be of a kind of which the sample has none.

        Of N texts of which K are of a kind, a sample of n has none with a probability of at most
        (1 − n/N)^K. The bound is the K at which that is 5 %; for a small share n/N it is 3 N/n, the
        rule of three (Hanley and Lippman-Hand 1983, "If nothing goes wrong, is everything all
        right?", JAMA 249).
        """
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
        found = [stock.at(threshold) for stock in self.stocks if day in (None, stock.day)]
        none = [one.above for one in found if one.count == 0 and threshold < self.usual]
        every = [one.below for one in found if one.above == 0]
        some = [one for one in found if one.count and one.above]
        return Estimate(
            sum(one.count for one in found),
            _together([one.below for one in some], every),
            _together([one.above for one in some], none),
        )

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


def _together(distances: Sequence[float], unseen: Sequence[float]) -> float:
    """How far the truth may be from a sum of estimates, in one direction.

    What independent estimates may lack adds up as the squares do (Zou, Huang and Zhang 2009, "A
    note on confidence interval estimation for a linear function of binomial proportions",
    Computational Statistics & Data Analysis 53). That several samples miss what they have none of
    is as unlikely as the product of it. It is likeliest, for a given sum, if all of it is where the
    bound is largest.
    """
    return math.hypot(*distances, math.floor(max(unseen, default=0.0)))


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
    channel: ColumnElement[int],
    scores: Mapping[Label, ColumnElement[int]],
    where: ColumnElement[bool],
) -> Select[Any]:
    """From which threshold of the label down texts flag: how many, by key and level.

    What holds is the same in many channels, and a database looks up quickly whether a channel is
    among many; a condition for each would be gone through for every text.
    """
    alike: dict[tuple[Thresholds, bool], list[int]] = {}
    for channel_id in sorted(places.untouched.union(places.own)):
        stays = channel_id in places.untouched
        thresholds = places.own.get(channel_id, places.usual)
        alike.setdefault((thresholds, stays), []).append(channel_id)
    usually = _level(places.label, places.usual, scores, stays=False)
    held = [
        (_among(channel, channel_ids), _level(places.label, thresholds, scores, stays=stays))
        for (thresholds, stays), channel_ids in alike.items()
    ]
    level = case(*held, else_=usually) if held else usually
    if places.only is not None:
        where = and_(where, _among(channel, places.only))
    each = select(*keys, level.label("level")).where(where).subquery()
    return select(*each.c, func.count().label("number")).group_by(*each.c)


def _level(
    label: Label, thresholds: Thresholds, scores: Mapping[Label, ColumnElement[int]], *, stays: bool
) -> ColumnElement[int]:
    """From which threshold of the label down a text flags where these thresholds hold."""
    over = {one: scores[one] >= least_thousandths(thresholds[one]) for one in LABELS}
    if stays:
        return case((or_(*over.values()), _ALWAYS), else_=_NEVER)
    by_others = or_(*(over[one] for one in LABELS if one != label))
    return case((by_others, _ALWAYS), else_=scores[label])


def _among(channel: ColumnElement[int], channel_ids: Collection[int]) -> ColumnElement[bool]:
    """Whether a channel is one of these, which may be more than a statement takes parameters."""
    return channel.in_(bindparam(None, sorted(channel_ids), expanding=True, literal_execute=True))
