"""Who may do something about a flag, and how it ended: claims on deeds, in the tables.

Every claim first locks its decision's row, so that two who want the same come one after the other.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, not_, or_, select, update

from bot.storage import schema
from bot.storage.history import (
    STANDING,
    UNDER_WAY,
    CutShort,
    DeedKind,
    DeedResult,
    RecordedDeed,
    Verdict,
)
from bot.storage.history_rows import deeds_of

DETAIL_LENGTH = 200
"""Characters of why something was not done that are kept."""


def lock(connection: Connection, decision_id: int) -> bool:
    """Have others who change something about this decision wait; False if it is not there."""
    column = schema.decisions.c.id
    statement = select(column).where(column == decision_id).with_for_update()
    return connection.execute(statement).one_or_none() is not None


def lay_claim(
    decision_id: int,
    kind: DeedKind,
    moderator_id: int | None,
    duration: timedelta | None,
    connection: Connection,
) -> int | None:
    """As `Verdicts.begin`, for whoever writes more on the same connection."""
    if not lock(connection, decision_id):
        return None
    table, now = schema.deeds, datetime.now(UTC)
    if _is_dismissed(connection, decision_id):
        return None
    _give_up_old(connection, decision_id, kind, now)
    if kind is DeedKind.TIMEOUT:
        _end_timeouts(connection, decision_id, now)
    statement = (
        schema.insert(connection, table)
        .values(
            decision_id=decision_id,
            kind=kind.value,
            moderator_id=moderator_id,
            at=now,
            duration_s=None if duration is None else int(duration.total_seconds()),
            result=DeedResult.BEGUN.value,
            changed_at=now,
        )
        .on_conflict_do_nothing()
        .returning(table.c.id)
    )
    return connection.execute(statement).scalar_one_or_none()


def take_over(decision_id: int, kind: DeedKind, connection: Connection) -> RecordedDeed | None:
    """As `Verdicts.take_over`."""
    if not lock(connection, decision_id) or _is_dismissed(connection, decision_id):
        return None
    for deed in deeds_of(connection, decision_id):
        if deed.kind is kind and deed.result is DeedResult.BEGUN and deed.moderator_id is None:
            now, table = datetime.now(UTC), schema.deeds
            connection.execute(update(table).where(table.c.id == deed.id).values(changed_at=now))
            return deed
    return None


def _is_dismissed(connection: Connection, decision_id: int) -> bool:
    verdicts = schema.verdicts
    verdict = connection.execute(
        select(verdicts.c.verdict).where(verdicts.c.decision_id == decision_id)
    ).scalar_one_or_none()
    return verdict == Verdict.DISMISSED


def _give_up_old(connection: Connection, decision_id: int, kind: DeedKind, now: datetime) -> None:
    """What a crash has left behind stands in nobody's way who wants the same."""
    table = schema.deeds
    left_behind = update(table).where(
        table.c.decision_id == decision_id,
        table.c.kind == kind.value,
        table.c.changed_at < now - UNDER_WAY,
    )
    connection.execute(
        left_behind.where(table.c.result == DeedResult.BEGUN.value).values(
            result=DeedResult.FAILED.value, detail=CutShort.UNKNOWN.value
        )
    )
    connection.execute(
        left_behind.where(table.c.result == DeedResult.LIFTING.value).values(
            result=DeedResult.DONE.value
        )
    )


def _end_timeouts(connection: Connection, decision_id: int, now: datetime) -> None:
    """A timeout that is over makes room for another."""
    for deed in deeds_of(connection, decision_id):
        ends_at = deed.ends_at()
        if deed.result is DeedResult.DONE and ends_at is not None and ends_at <= now:
            table = schema.deeds
            connection.execute(
                update(table)
                .where(table.c.id == deed.id)
                .values(result=DeedResult.UNDONE.value, detail="It had ended.")
            )


def end_deed(
    deed_id: int, done: bool, detail: str | None, at: datetime, connection: Connection
) -> Row[Any] | None:
    """As `Verdicts.finish`, for whoever writes more on the same connection.

    One that took long may have been given up for cut off: who has done it knows better.

    Returns
    -------
    Row or None
        `decision_id` and `moderator_id`. None: it had ended, or what took its place stands.
    """
    table = schema.deeds
    # The decision first, as everywhere: who locks in another order may wait for each other.
    decision_id = connection.execute(
        select(table.c.decision_id).where(table.c.id == deed_id)
    ).scalar_one_or_none()
    if decision_id is None or not lock(connection, decision_id):
        return None
    given_up = and_(
        table.c.result == DeedResult.FAILED.value,
        table.c.detail.in_([why.value for why in CutShort]),
    )
    if done:
        other = table.alias()
        given_up &= not_(
            exists().where(
                other.c.decision_id == table.c.decision_id,
                other.c.kind == table.c.kind,
                other.c.result.in_([result.value for result in STANDING]),
            )
        )
    return connection.execute(
        update(table)
        .where(table.c.id == deed_id, or_(table.c.result == DeedResult.BEGUN.value, given_up))
        .values(
            result=(DeedResult.DONE if done else DeedResult.FAILED).value,
            changed_at=at,
            detail=None if detail is None else detail[:DETAIL_LENGTH],
        )
        .returning(table.c.decision_id, table.c.moderator_id)
    ).one_or_none()


def claim_lifting(decision_id: int, connection: Connection) -> RecordedDeed | None:
    """As `Verdicts.claim_lifting`, for whoever writes more on the same connection."""
    if not lock(connection, decision_id):
        return None
    table, now = schema.deeds, datetime.now(UTC)
    _give_up_old(connection, decision_id, DeedKind.TIMEOUT, now)
    for deed in deeds_of(connection, decision_id):
        ends_at = deed.ends_at()
        if deed.result is DeedResult.DONE and ends_at is not None and ends_at > now:
            connection.execute(
                update(table)
                .where(table.c.id == deed.id)
                .values(result=DeedResult.LIFTING.value, changed_at=now)
            )
            return deed
    return None
