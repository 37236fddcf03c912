"""Flagged messages that the rules wanted deleted and that still stand, among some decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    distinct,
    exists,
    func,
    not_,
    or_,
    select,
)

from bot.rules import Action, Mode
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.decisions import Outcome, RecordedDecision, recorded
from bot.storage.deed_claims import end_deed, lay_claim
from bot.storage.history import UNDER_WAY, DeedKind, DeedResult, Verdict
from bot.storage.members import FORGOTTEN

# How long before the first that has no card a raid may have begun.
_BEFORE = timedelta(minutes=10)
# What was gone, edited or exempt when it was picked up after a stop, nobody wants deleted.
_LEFT_ALONE = [Outcome.MESSAGE_GONE.value, Outcome.EXEMPT.value]
_DELETING = [action.value for action in Action if action.strength >= Action.DELETE.strength]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The decisions of a server from one number to another, both included.

    So are those of the ten minutes before the first: a raid begins with messages that still get
    cards of their own.
    """

    server_id: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is ours to delete.

    Attributes
    ----------
    deed_id
        For `StandingMessages.finish`.
    has_card
        Whether a card tells of it.
    """

    deed_id: int
    decision: RecordedDecision
    has_card: bool


@dataclass(frozen=True, slots=True)
class End:
    """How a deletion ended: whether it was done, and if not, `Deed.record`."""

    done: bool
    detail: str | None


class StandingMessages:
    """Finds what still stands and sees to it that nobody else is at it.

    A message stands here until it was deleted, was found gone, or its flag was dismissed. All of it
    raises `DatabaseError` if it cannot be read or written.

    Parameters
    ----------
    gone
        What `End.detail` says of a message that was found gone.
    """

    def __init__(self, database: Database, *, gone: str) -> None:
        self._database = database
        self._gone = gone

    async def count(self, numbers: Numbers) -> Counter[int]:
        """How many messages stand and are nobody's to delete now, by channel id."""
        where = await self._standing(numbers)
        return await self._database.read(partial(_count, where))

    async def claim(
        self,
        numbers: Numbers,
        channel_ids: Collection[int],
        moderator_id: int,
        *,
        after: int,
        most: int,
    ) -> list[Claimed]:
        """Lay claim to the first of them in some channels, of those with higher numbers."""
        where = and_(
            await self._standing(numbers),
            schema.decisions.c.id > after,
            schema.decisions.c.channel_id.in_(channel_ids),
        )
        return await self._database.write(partial(_claim, where, moderator_id, most))

    async def _standing(self, numbers: Numbers) -> ColumnElement[bool]:
        first = select(schema.decisions.c.decided_at).where(
            schema.decisions.c.server_id == numbers.server_id,
            schema.decisions.c.id == numbers.first,
        )
        began = await self._database.read(
            lambda connection: connection.execute(first).scalar_one_or_none()
        )
        return _standing(numbers, began, self._gone)

    async def finish(self, ends: Mapping[int, End]) -> None:
        """Write down how deletions ended, by the ids of the deeds.

        No flag is upheld by it: who has many deleted at once has not judged each.
        """
        await self._database.write(partial(_finish, ends))


def _standing(numbers: Numbers, began: datetime | None, gone: str) -> ColumnElement[bool]:
    decisions, deeds = schema.decisions, schema.deeds
    verdicts, cards = schema.verdicts, schema.cards
    settled = (
        exists()
        .correlate(decisions)
        .where(
            deeds.c.decision_id == decisions.c.id,
            deeds.c.kind == DeedKind.DELETE.value,
            or_(
                deeds.c.result == DeedResult.DONE.value,
                deeds.c.detail == gone,
                and_(
                    deeds.c.result == DeedResult.BEGUN.value,
                    deeds.c.changed_at >= datetime.now(UTC) - UNDER_WAY,
                ),
            ),
        )
    )
    dismissed = (
        exists()
        .correlate(decisions)
        .where(
            verdicts.c.decision_id == decisions.c.id, verdicts.c.verdict == Verdict.DISMISSED.value
        )
    )
    deleted = (
        exists()
        .correlate(decisions)
        .where(cards.c.decision_id == decisions.c.id, cards.c.deleted_at.is_not(None))
    )
    within: ColumnElement[bool] = decisions.c.id >= numbers.first
    if began is not None:
        within = or_(within, decisions.c.decided_at >= began - _BEFORE)
    return and_(
        decisions.c.server_id == numbers.server_id,
        decisions.c.id <= numbers.last,
        within,
        decisions.c.mode == Mode.ENFORCE.value,
        decisions.c.action.in_(_DELETING),
        decisions.c.author_id != FORGOTTEN,
        # What is not settled yet is still being dealt with, and null is none of these.
        decisions.c.outcome.not_in(_LEFT_ALONE),
        not_(settled),
        not_(dismissed),
        not_(deleted),
    )


def _count(where: ColumnElement[bool], connection: Connection) -> Counter[int]:
    column = schema.decisions.c.channel_id
    messages = func.count(distinct(schema.decisions.c.message_id))
    statement = select(column, messages).where(where).group_by(column)
    return Counter({row[0]: row[1] for row in connection.execute(statement)})


def _claim(
    where: ColumnElement[bool], moderator_id: int, most: int, connection: Connection
) -> list[Claimed]:
    decisions, cards = schema.decisions, schema.cards
    statement = (
        select(decisions, cards.c.card_id)
        .select_from(decisions.outerjoin(cards, cards.c.decision_id == decisions.c.id))
        .where(where)
        .order_by(decisions.c.id)
        .limit(most)
    )
    claimed = []
    for row in connection.execute(statement).all():
        deed_id = lay_claim(row.id, DeedKind.DELETE, moderator_id, None, connection)
        if deed_id is not None:
            claimed.append(Claimed(deed_id, recorded(row), row.card_id is not None))
    return claimed


def _finish(ends: Mapping[int, End], connection: Connection) -> None:
    now = datetime.now(UTC)
    for deed_id, end in ends.items():
        end_deed(deed_id, end.done, end.detail, now, connection)
