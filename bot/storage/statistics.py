"""Sums over what was decided in a server: for its moderators, and of nobody in particular."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, String, and_, case, func, select

from bot.labels import LABELS, Label
from bot.rules import Mode
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.decisions import Decisions
from bot.storage.history import DeedKind, DeedResult, Verdict

_WAS_DONE = (DeedResult.DONE, DeedResult.LIFTING, DeedResult.UNDONE)


@dataclass(slots=True)
class Flags:
    """How many flags there were, and how they were judged."""

    upheld: int = 0
    dismissed: int = 0
    unjudged: int = 0

    @property
    def all(self) -> int:
        return self.upheld + self.dismissed + self.unjudged

    @property
    def judged(self) -> int:
        return self.upheld + self.dismissed

    @property
    def false_alarm_rate(self) -> float | None:
        """The share of the judged flags that were dismissed; None: none was judged."""
        return self.dismissed / self.judged if self.judged else None

    def add(self, verdict: str | None, count: int) -> None:
        """Count flags with this verdict."""
        match verdict:
            case Verdict.UPHELD:
                self.upheld += count
            case Verdict.DISMISSED:
                self.dismissed += count
            case _:
                self.unjudged += count


@dataclass(frozen=True, slots=True)
class Deeds:
    """How often something was done.

    Attributes
    ----------
    lifted
        Those of them that a moderator has taken back since.
    """

    by_rules: int = 0
    by_moderators: int = 0
    lifted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatistics:
    """What was done in a server from one day to another (UTC), both included.

    Attributes
    ----------
    screened
        Texts that were looked at; a message may have several.
    labels
        Flags by label. A flag with two labels counts for both.
    days
        Flags by the day of the decision, every day once.
    hours
        Texts that were looked at, by the hour of the day: 24 sums, as far as hours were counted.
    deletions, timeouts
        What was done to messages and members.
    observed
        Flags for which a deletion or timeout would have followed had the server enforced.
    """

    first: date
    last: date
    screened: int
    flags: Flags
    labels: dict[Label, Flags]
    days: dict[date, Flags]
    hours: tuple[int, ...]
    deletions: Deeds
    timeouts: Deeds
    observed: int = field(default=0)


class Statistics:
    """Reads the sums.

    Parameters
    ----------
    decisions
        Holds the latest counts, which are written before they are read.
    """

    def __init__(self, database: Database, decisions: Decisions) -> None:
        self._database = database
        self._decisions = decisions

    async def of(self, server_id: int, first: date, last: date) -> ServerStatistics:
        """The sums of a server.

        Raises
        ------
        DatabaseError
            If they could not be read.
        """
        await self._decisions.flush()
        return await self._database.read(partial(_statistics, server_id, first, last))


def _statistics(
    server_id: int, first: date, last: date, connection: Connection
) -> ServerStatistics:
    flags, labels = Flags(), {label: Flags() for label in LABELS}
    days = {first + timedelta(number): Flags() for number in range((last - first).days + 1)}
    observed = 0
    for row in _flags(server_id, first, last, connection):
        flags.add(row.verdict, row.number)
        days[date.fromisoformat(row.day)].add(row.verdict, row.number)
        for label in LABELS:
            labels[label].add(row.verdict, row._mapping[label.value])
        if row.mode == Mode.OBSERVE and row.action in ("delete", "timeout"):
            observed += row.number
    counts = schema.daily_counts
    screened = connection.execute(
        select(func.coalesce(func.sum(counts.c.passed + counts.c.flagged), 0)).where(
            counts.c.server_id == server_id, counts.c.day.between(first, last)
        )
    ).scalar_one()
    done = _deeds(server_id, first, last, connection)
    return ServerStatistics(
        first=first,
        last=last,
        screened=int(screened),
        flags=flags,
        labels=labels,
        days=days,
        hours=_hours(server_id, first, last, connection),
        deletions=done.get(DeedKind.DELETE, Deeds()),
        timeouts=done.get(DeedKind.TIMEOUT, Deeds()),
        observed=observed,
    )


def _between(server_id: int, first: date, last: date) -> tuple[ColumnElement[bool], ...]:
    table = schema.decisions
    return (
        table.c.server_id == server_id,
        table.c.decided_at >= datetime.combine(first, time(), UTC),
        table.c.decided_at < datetime.combine(last + timedelta(1), time(), UTC),
    )


def _flags(server_id: int, first: date, last: date, connection: Connection) -> Iterator[Row[Any]]:
    table, verdicts = schema.decisions, schema.verdicts
    decided_at = table.c.decided_at
    if connection.dialect.name == "postgresql":
        day = func.to_char(func.timezone("UTC", decided_at), "YYYY-MM-DD", type_=String)
    else:
        day = func.substr(decided_at, 1, 10, type_=String)
    statement = (
        select(
            day.label("day"),
            verdicts.c.verdict,
            table.c.mode,
            table.c.action,
            func.count().label("number"),
            *(func.sum(case((is_over(label), 1), else_=0)).label(label.value) for label in LABELS),
        )
        .select_from(table.outerjoin(verdicts, verdicts.c.decision_id == table.c.id))
        .where(*_between(server_id, first, last))
        .group_by(day, verdicts.c.verdict, table.c.mode, table.c.action)
    )
    yield from connection.execute(statement)


def is_over(label: Label) -> ColumnElement[bool]:
    """Whether a decision's score reached the threshold of a label; the same as `labels_over`."""
    columns = schema.decisions.c
    return columns[f"score_{label}"] >= columns[f"threshold_{label}"]


def _deeds(
    server_id: int, first: date, last: date, connection: Connection
) -> dict[DeedKind, Deeds]:
    table = schema.deeds
    by_rules = table.c.moderator_id.is_(None)
    # What ended otherwise has words that say how.
    lifted = and_(table.c.result == DeedResult.UNDONE.value, table.c.detail.is_(None))
    statement = (
        select(
            table.c.kind,
            func.sum(case((by_rules, 1), else_=0)),
            func.sum(case((by_rules, 0), else_=1)),
            func.sum(case((lifted, 1), else_=0)),
        )
        .select_from(table.join(schema.decisions, table.c.decision_id == schema.decisions.c.id))
        .where(
            *_between(server_id, first, last),
            table.c.kind != DeedKind.UNDO.value,
            table.c.result.in_([result.value for result in _WAS_DONE]),
        )
        .group_by(table.c.kind)
    )
    return {
        DeedKind(kind): Deeds(int(rules), int(moderators), int(taken_back))
        for kind, rules, moderators, taken_back in connection.execute(statement)
    }


def _hours(server_id: int, first: date, last: date, connection: Connection) -> tuple[int, ...]:
    table = schema.hourly_counts
    statement = (
        select(table.c.hour, func.sum(table.c.texts))
        .where(table.c.server_id == server_id, table.c.day.between(first, last))
        .group_by(table.c.hour)
    )
    found = {int(hour): int(texts) for hour, texts in connection.execute(statement)}
    return tuple(found.get(hour, 0) for hour in range(24))
