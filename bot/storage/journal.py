"""The decisions of a server as moderators look them up: filtered, the newest first, in pages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from bot.labels import Label
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.decisions import RecordedDecision, recorded
from bot.storage.history import GivenVerdict, History, Verdict
from bot.storage.history_rows import history_of
from bot.storage.statistics import is_over


class Judged(StrEnum):
    """How a decision was judged, if it was."""

    UPHELD = "upheld"
    DISMISSED = "dismissed"
    NOT_YET = "not_yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which decisions are asked for; None: whichever.

    Attributes
    ----------
    label
        One that was over its threshold, maybe beside others.
    since
        Decided then or later.
    """

    label: Label | None = None
    channel_id: int | None = None
    judged: Judged | None = None
    since: datetime | None = None
    author_id: int | None = None
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some decisions with what came of them, the newest first.

    Attributes
    ----------
    newer, older
        Whether there are others before and after them.
    """

    entries: tuple[History, ...]
    newer: bool
    older: bool


class Journal:
    """Looks decisions up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        server_id: int,
        wanted: Wanted,
        *,
        before: int | None = None,
        after: int | None = None,
        most: int = 5,
    ) -> Page:
        """A page of a server's decisions.

        Parameters
        ----------
        before, after
            Only decisions with a smaller or a greater number; those next to it. With neither, the
            newest.
        most
            At most so many.

        Raises
        ------
        DatabaseError
            If they could not be read.
        """
        return await self._database.read(partial(_page, server_id, wanted, before, after, most))

    async def rows(
        self, server_id: int, wanted: Wanted, *, before: int | None, most: int
    ) -> list[tuple[RecordedDecision, GivenVerdict | None]]:
        """At most so many decisions with their verdicts, the newest first.

        Raises
        ------
        DatabaseError
            If they could not be read.
        """
        rows = await self._database.read(partial(_rows, server_id, wanted, before, most))
        # Messages come in while a long log is handed out.
        return await asyncio.to_thread(_with_verdicts, rows)


def _page(
    server_id: int,
    wanted: Wanted,
    before: int | None,
    after: int | None,
    most: int,
    connection: Connection,
) -> Page:
    number = schema.decisions.c.id
    conditions = _conditions(server_id, wanted)

    def numbers(*bounds: ColumnElement[bool], upwards: bool = False) -> list[int]:
        statement = (
            select(number)
            .select_from(_WITH_VERDICTS)
            .where(*conditions, *bounds)
            .order_by(number if upwards else number.desc())
            .limit(most + 1)
        )
        return list(connection.execute(statement).scalars())

    if after is not None and len(found := numbers(number > after, upwards=True)) > most:
        shown, newer, older = found[:most][::-1], True, True
    else:
        # Fewer than a page are newer: then the newest page is shown, and it is full.
        bounds = () if before is None else (number < before,)
        found = numbers(*bounds)
        shown, newer, older = found[:most], before is not None, len(found) > most
    histories = [history_of(decision_id, connection) for decision_id in shown]
    return Page(tuple(one for one in histories if one is not None), newer, older)


def _rows(
    server_id: int, wanted: Wanted, before: int | None, most: int, connection: Connection
) -> Sequence[Row[Any]]:
    table, verdicts = schema.decisions, schema.verdicts
    statement = (
        select(
            table,
            verdicts.c.verdict,
            verdicts.c.moderator_id,
            verdicts.c.at,
        )
        .select_from(_WITH_VERDICTS)
        .where(*_conditions(server_id, wanted))
        .order_by(table.c.id.desc())
        .limit(most)
    )
    if before is not None:
        statement = statement.where(table.c.id < before)
    return connection.execute(statement).all()


def _with_verdicts(
    rows: Iterable[Row[Any]],
) -> list[tuple[RecordedDecision, GivenVerdict | None]]:
    return [
        (
            recorded(row),
            None
            if row.verdict is None
            else GivenVerdict(Verdict(row.verdict), row.moderator_id, row.at),
        )
        for row in rows
    ]


_WITH_VERDICTS = schema.decisions.outerjoin(
    schema.verdicts, schema.verdicts.c.decision_id == schema.decisions.c.id
)


def _conditions(server_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    table, verdict = schema.decisions.c, schema.verdicts.c.verdict
    conditions: list[ColumnElement[bool]] = [table.server_id == server_id]
    if wanted.label is not None:
        conditions.append(is_over(wanted.label))
    if wanted.judged is Judged.NOT_YET:
        conditions.append(verdict.is_(None))
    elif wanted.judged is not None:
        conditions.append(verdict == wanted.judged.value)
    if wanted.since is not None:
        conditions.append(table.decided_at >= wanted.since)
    for column, value in (
        (table.channel_id, wanted.channel_id),
        (table.author_id, wanted.author_id),
        (table.message_id, wanted.message_id),
    ):
        if value is not None:
            conditions.append(column == value)
    return conditions
