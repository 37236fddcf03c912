"""Nothing is kept longer than it may be: the daily purge.

What is to go is looked for by readers and deleted in slices of some rows, each in a transaction of
its own, so that the writer is never blocked for long. A purge that was cut off is simply begun
again, and two processes that purge at once delete together what one would delete alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Select,
    Table,
    and_,
    delete,
    exists,
    select,
    tuple_,
)

from bot.storage import schema
from bot.storage.database import Database
from bot.storage.members import Members, utc_now
from bot.storage.privacy import Privacy, ServerPrivacy, chosen

# How long what is stored of a server outlasts the bot's stay there.
KEEP_LEFT = timedelta(days=7)
# The longest time after which messages are caught up with; what is older is of no use to anybody.
KEEP_UNSCREENED = timedelta(days=7)

# Tables whose rows become too old, and by which column. What refers to a decision goes with it.
AGES = {
    schema.decisions: schema.decisions.c.decided_at,
    schema.daily_counts: schema.daily_counts.c.day,
    schema.hourly_counts: schema.hourly_counts.c.day,
    schema.sample_counts: schema.sample_counts.c.day,
    schema.score_samples: schema.score_samples.c.day,
    schema.unscreened: schema.unscreened.c.at,
    schema.unscreened_lines: schema.unscreened_lines.c.last_at,
}
# Tables that are kept as long as the bot is in the server: what it chose, and where the bot stands.
LASTING = frozenset(
    {
        schema.servers,
        schema.thresholds,
        schema.exemptions,
        schema.channel_thresholds,
        schema.actions,
        schema.escalation,
        schema.last_seen,
        schema.announcements,
        schema.greetings,
        schema.unshown,
        schema.privacy,
        schema.forgettings,
    }
)

_SLICE = 200
_PAUSE_S = 0.01

Still = Callable[[Connection], bool]


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge has deleted: rows that were too old, and wishes to be forgotten carried out."""

    rows: int
    forgotten: int


class Retention:
    """Deletes what is too old, and everything of servers that the bot left.

    Parameters
    ----------
    clock
        Tells the time, aware.
    """

    def __init__(
        self,
        database: Database,
        privacy: Privacy,
        members: Members,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._privacy = privacy
        self._members = members
        self._clock = clock

    async def purge(self) -> Purged:
        """Delete what is too old in every server.

        Raises
        ------
        DatabaseError
            If some of it could not be deleted; the next purge goes on there.
        """
        choices = await self._privacy.all()
        rows = 0
        for table in AGES:
            for server_id in await self._servers_in(select(table.c.server_id)):
                choice = choices.get(server_id, ServerPrivacy(server_id))
                rows += await self._purge_table(table, choice)
        with_excerpts = select(schema.decisions.c.server_id).join(schema.excerpts)
        for server_id in await self._servers_in(with_excerpts):
            rows += await self._purge_excerpts(choices.get(server_id, ServerPrivacy(server_id)))
        forgotten = await self._members.finish_forgetting()
        # Also if nothing is deleted now: members may have been forgotten since the last time.
        await self._database.give_back(rewrite=True)
        return Purged(rows, forgotten)

    async def purge_server(self, server_id: int) -> int:
        """Delete what is too old in one server; how many rows that were comes back."""
        choice = await self._privacy.get(server_id)
        rows = sum([await self._purge_table(table, choice) for table in AGES])
        rows += await self._purge_excerpts(choice)
        await self._database.give_back()
        return rows

    async def delete_left(self, absent: Collection[int]) -> list[int]:
        """Delete everything of those servers that the bot left `KEEP_LEFT` ago.

        Parameters
        ----------
        absent
            Servers of which the caller knows that the bot is not in them now. One that it comes
            back to meanwhile keeps what is not deleted yet.

        Returns
        -------
        list of int
            The servers of which nothing is left.
        """
        before = self._clock() - KEEP_LEFT
        choices = await self._privacy.all()
        deleted = []
        for server_id in absent:
            left_at = choices.get(server_id, ServerPrivacy(server_id)).left_at
            if left_at is not None and left_at <= before:
                await self._delete_server(server_id, partial(_has_left, server_id, before))
                deleted.append(server_id)
        if deleted:
            await self._database.give_back(rewrite=True)
        return deleted

    async def _delete_server(self, server_id: int, still: Still) -> None:
        # What refers to others goes before them, and last of all since when the server was left.
        tables = [
            table
            for table in reversed(schema.metadata.sorted_tables)
            if "server_id" in table.c and table is not schema.privacy
        ]
        for table in (*tables, schema.privacy):
            await self._delete(table, table.c.server_id == server_id, still)

    async def _purge_table(self, table: Table, choice: ServerPrivacy) -> int:
        keep = timedelta(days=choice.retention_days)
        if table is schema.unscreened:
            keep = min(keep, KEEP_UNSCREENED)
        moment = self._clock() - keep
        oldest = moment.date() if isinstance(AGES[table].type, Date) else moment
        return await self._delete(
            table, and_(table.c.server_id == choice.server_id, AGES[table] < oldest)
        )

    async def _purge_excerpts(self, choice: ServerPrivacy) -> int:
        table = schema.excerpts
        where: ColumnElement[bool] = exists().where(
            schema.decisions.c.id == table.c.decision_id,
            schema.decisions.c.server_id == choice.server_id,
        )
        if choice.excerpt_days is not None:
            oldest = self._clock() - timedelta(days=choice.excerpt_days)
            where = and_(where, table.c.stored_at < oldest)
        return await self._delete(table, where)

    async def _servers_in(self, statement: Select[int]) -> list[int]:
        statement = statement.distinct()
        return await self._database.read(
            lambda connection: sorted(connection.execute(statement).scalars().all())
        )

    async def _delete(
        self, table: Table, where: ColumnElement[bool], still: Still | None = None
    ) -> int:
        """Delete what `where` finds, some rows at a time, as long as `still` holds."""
        keys = list(table.primary_key.columns)
        statement = select(*keys).where(where).order_by(*keys).limit(_SLICE)
        total = 0
        while found := await self._database.read(
            lambda connection: [tuple(row) for row in connection.execute(statement)]
        ):
            gone = await self._database.write(partial(_delete_slice, table, where, found, still))
            if gone is None:
                break
            total += gone
            await asyncio.sleep(_PAUSE_S)
        return total


def _delete_slice(
    table: Table,
    where: ColumnElement[bool],
    keys: Sequence[tuple[Any, ...]],
    still: Still | None,
    connection: Connection,
) -> int | None:
    """Delete rows by their keys, if they still are too old; None if nothing more is to go."""
    if still is not None and not still(connection):
        return None
    columns = list(table.primary_key.columns)
    these = (
        columns[0].in_([key for (key,) in keys])
        if len(columns) == 1
        else tuple_(*columns).in_(keys)
    )
    # In one order, and without waiting for a process that deletes the same ones (PostgreSQL).
    ours = select(*columns).where(these, where).order_by(*columns).with_for_update(skip_locked=True)
    whole = columns[0] if len(columns) == 1 else tuple_(*columns)
    return connection.execute(delete(table).where(whole.in_(ours))).rowcount


def _has_left(server_id: int, before: datetime, connection: Connection) -> bool:
    left_at = chosen(server_id, connection).left_at
    return left_at is not None and left_at <= before
