"""What is stored of one member in one server: handed out, and forgotten.

A forgotten flag on which a moderator gave a verdict stays as scores, labels, a verdict and a day,
without any id of Discord's, since thresholds are chosen by such verdicts. Any other forgotten flag
is deleted with all that belongs to it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from bot.storage import schema
from bot.storage.database import Database

# Stands for whoever was forgotten, and for the channel of a forgotten flag. Discord has no id 0.
FORGOTTEN = 0
# What is younger stays until it is so old: moderators are to finish what they are about, and nobody
# is to wipe the slate in the middle of an incident.
FORGET_AFTER = timedelta(days=7)
# Columns that name a person and are emptied when that person is forgotten.
PEOPLE = (
    schema.decisions.c.author_id,
    schema.verdicts.c.moderator_id,
    schema.deeds.c.moderator_id,
    schema.forgettings.c.user_id,
)
# Rows of each kind in one export, the newest; more would not go into a file that Discord takes.
MOST_ROWS = 5_000

# Rows in one transaction, and seconds in between, so that others get their turn.
_SLICE = 200
_PAUSE_S = 0.01


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What became of a member's wish to be forgotten.

    Attributes
    ----------
    gone
        Entries in which the member is no longer named.
    later
        Entries that follow when they are `FORGET_AFTER` old.
    """

    gone: int
    later: int


class Members:
    """Hands out and forgets what is stored of members.

    Parameters
    ----------
    clock
        Tells the time, aware.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def export(self, server_id: int, user_id: int) -> dict[str, Any]:
        """Everything stored in a server that names a member, as a JSON document.

        Ids are strings, since many programs read long numbers inexactly. Who else is named in those
        rows is left out.
        """
        document = await self._database.read(partial(_document, server_id, user_id))
        return {
            "server_id": str(server_id),
            "member_id": str(user_id),
            "made_at": self._clock().isoformat(),
        } | document

    async def count(self, server_id: int, user_id: int) -> int:
        """How many flags of a member's messages are stored in a server."""
        return await self._number_of(schema.decisions, _by_author(server_id, user_id))

    async def forget(self, server_id: int, user_id: int) -> Forgotten:
        """Forget what is stored of a member by now: most of it at once, the rest in some days.

        At once: all excerpts, what is older than `FORGET_AFTER`, and flags that were dismissed. The
        wish is on record before anything is done about it and until nothing is left.

        Raises
        ------
        DatabaseError
            If it could not be carried out; what is missing follows with the daily purge.
        """
        asked_at = self._clock()
        await self._database.write(partial(_ask, server_id, user_id, asked_at))
        forgotten = await self._forget(server_id, user_id, asked_at)
        await self._database.give_back()
        return forgotten

    async def finish_forgetting(self) -> int:
        """Forget what was too young when members asked for it; how much that was comes back."""
        wishes = await self._database.read(
            lambda connection: [
                (row.server_id, row.user_id, row.asked_at)
                for row in connection.execute(select(schema.forgettings))
            ]
        )
        return sum([(await self._forget(*wish)).gone for wish in wishes])

    async def _forget(self, server_id: int, user_id: int, asked_at: datetime) -> Forgotten:
        old = self._clock() - FORGET_AFTER
        author = and_(_by_author(server_id, user_id), schema.decisions.c.decided_at <= asked_at)
        await self._in_slices(schema.decisions, and_(author, _has_excerpt()), _drop_excerpts)
        ripe = or_(schema.decisions.c.decided_at < old, _dismissed())
        gone = await self._in_slices(schema.decisions, and_(author, ripe), _forget_flags)
        later = await self._number_of(schema.decisions, author)
        for table in (schema.verdicts, schema.deeds):
            moderator = and_(_by_moderator(table, server_id, user_id), table.c.at <= asked_at)
            gone += await self._in_slices(
                table, and_(moderator, table.c.at < old), partial(_forget_moderator, table)
            )
            later += await self._number_of(table, moderator)
        if not later:
            await self._database.write(partial(_done, server_id, user_id, asked_at))
        return Forgotten(gone, later)

    async def _in_slices(
        self,
        table: Table,
        where: ColumnElement[bool],
        operation: Callable[[Sequence[int], Connection], None],
    ) -> int:
        """Do `operation` to the rows that `where` finds, some at a time; how many there were."""
        (key,) = table.primary_key.columns
        total = 0
        found = select(key).where(where).order_by(key).limit(_SLICE)
        while keys := await self._database.read(lambda c: c.execute(found).scalars().all()):
            total += await self._database.write(
                partial(_to_those_left, key, where, keys, operation)
            )
            await asyncio.sleep(_PAUSE_S)
        return total

    async def _number_of(self, table: Table, where: ColumnElement[bool]) -> int:
        return await self._database.read(lambda connection: _count(connection, table, where))


# Which rows.


def _by_author(server_id: int, user_id: int) -> ColumnElement[bool]:
    return and_(schema.decisions.c.server_id == server_id, schema.decisions.c.author_id == user_id)


def _by_moderator(table: Table, server_id: int, user_id: int) -> ColumnElement[bool]:
    in_server = exists().where(
        schema.decisions.c.id == table.c.decision_id, schema.decisions.c.server_id == server_id
    )
    return and_(table.c.moderator_id == user_id, in_server)


def _dismissed() -> ColumnElement[bool]:
    return exists().where(
        schema.verdicts.c.decision_id == schema.decisions.c.id,
        schema.verdicts.c.verdict == "dismissed",
    )


def _has_excerpt() -> ColumnElement[bool]:
    return exists().where(schema.excerpts.c.decision_id == schema.decisions.c.id)


# Forgetting.


def _ask(server_id: int, user_id: int, asked_at: datetime, connection: Connection) -> None:
    connection.execute(
        schema.insert(connection, schema.forgettings)
        .values(server_id=server_id, user_id=user_id, asked_at=asked_at)
        .on_conflict_do_update(index_elements=["server_id", "user_id"], set_={"asked_at": asked_at})
    )


def _done(server_id: int, user_id: int, asked_at: datetime, connection: Connection) -> None:
    """Strike the wish off, unless it was repeated meanwhile."""
    connection.execute(
        delete(schema.forgettings).filter_by(
            server_id=server_id, user_id=user_id, asked_at=asked_at
        )
    )


def _to_those_left(
    key: ColumnElement[int],
    where: ColumnElement[bool],
    keys: Sequence[int],
    operation: Callable[[Sequence[int], Connection], None],
    connection: Connection,
) -> int:
    """Do `operation` to those rows that no other process has dealt with since they were found."""
    statement = select(key).where(key.in_(keys), where).order_by(key).with_for_update()
    left = connection.execute(statement).scalars().all()
    operation(left, connection)
    return len(left)


def _drop_excerpts(decision_ids: Sequence[int], connection: Connection) -> None:
    table = schema.excerpts
    connection.execute(delete(table).where(table.c.decision_id.in_(decision_ids)))


def _forget_flags(decision_ids: Sequence[int], connection: Connection) -> None:
    """Delete flags without a verdict; leave of the others what says nothing of a person."""
    decisions, verdicts = schema.decisions, schema.verdicts
    judged = connection.execute(
        select(decisions, verdicts.c.at.label("judged_at"))
        .join(verdicts, verdicts.c.decision_id == decisions.c.id)
        .where(decisions.c.id.in_(decision_ids))
    ).all()
    kept = [row.id for row in judged]
    connection.execute(
        delete(decisions).where(decisions.c.id.in_(set(decision_ids).difference(kept)))
    )
    for table in (schema.deeds, schema.cards, schema.excerpts):
        connection.execute(delete(table).where(table.c.decision_id.in_(kept)))
    for row in judged:
        # A message's id holds the moment at which it was posted, and Discord still may know who
        # posted something in a channel at a moment; so days are left, and no channel.
        connection.execute(
            update(decisions)
            .where(decisions.c.id == row.id)
            .values(
                author_id=FORGOTTEN,
                channel_id=FORGOTTEN,
                message_id=-row.id,
                revision=0,
                outcome_detail=None,
                message_created_at=_day(row.message_created_at),
                decided_at=_day(row.decided_at),
                settled_at=row.settled_at and _day(row.settled_at),
            )
        )
        connection.execute(
            update(verdicts).where(verdicts.c.decision_id == row.id).values(at=_day(row.judged_at))
        )


def _forget_moderator(table: Table, keys: Sequence[int], connection: Connection) -> None:
    (key,) = table.primary_key.columns
    connection.execute(update(table).where(key.in_(keys)).values(moderator_id=FORGOTTEN))


def _day(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


# Handing out.


def _document(server_id: int, user_id: int, connection: Connection) -> dict[str, Any]:
    decisions = schema.decisions
    author = _by_author(server_id, user_id)
    flags = {
        row["id"]: row | {"excerpt": None, "verdict": None, "deeds": [], "card": None}
        for row in _newest(connection, decisions, author)
    }
    about = exists().where(author, decisions.c.id >= min(map(int, flags), default=0))
    for table, name in (
        (schema.excerpts, "excerpt"),
        (schema.verdicts, "verdict"),
        (schema.cards, "card"),
        (schema.deeds, "deeds"),
    ):
        of_flag = about.where(decisions.c.id == table.c.decision_id)
        for row in connection.execute(select(table).where(of_flag)):
            flag, found = flags[str(row.decision_id)], _plain(row._mapping)
            if name == "deeds":
                flag[name].append(
                    found | {"by": "hexward" if row.moderator_id is None else "moderator"}
                )
            else:
                flag[name] = found
    wish = connection.execute(
        select(schema.forgettings.c.asked_at).filter_by(server_id=server_id, user_id=user_id)
    ).scalar_one_or_none()
    return {
        "flags_of_your_messages": list(flags.values()),
        "older_flags_left_out": _count(connection, decisions, author) - len(flags),
        "your_verdicts": _given(connection, schema.verdicts, server_id, user_id),
        "your_deeds": _given(connection, schema.deeds, server_id, user_id),
        "asked_to_be_forgotten_at": None if wish is None else wish.isoformat(),
    }


def _given(
    connection: Connection, table: Table, server_id: int, user_id: int
) -> list[dict[str, Any]]:
    """What a moderator did about flags; whose messages those were is not theirs to hand out."""
    return _newest(connection, table, _by_moderator(table, server_id, user_id), "decision_id")


def _newest(
    connection: Connection, table: Table, where: ColumnElement[bool], *also: str
) -> list[dict[str, Any]]:
    (key,) = table.primary_key.columns
    statement = select(table).where(where).order_by(key.desc()).limit(MOST_ROWS)
    return [_plain(row._mapping, *also) for row in connection.execute(statement)]


def _count(connection: Connection, table: Table, where: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(where)).scalar_one()


def _plain(columns: RowMapping, *also: str) -> dict[str, Any]:
    """A row as JSON can hold it, without what is said elsewhere or names somebody else."""
    left_out = {"server_id", "author_id", "moderator_id", "decision_id"} - set(also)
    return {name: _value(name, value) for name, value in columns.items() if name not in left_out}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if value is not None and re.fullmatch("id|.*_id", name) else value
