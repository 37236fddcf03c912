"""What each server chose of how long things are kept, and which servers the bot has left."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, select, union, update

from bot.storage import schema
from bot.storage.database import Database

# Discord reviews bots that keep message content for more than 30 days. Ids, scores and times are no
# content; they may stay for a quarter, which is what it takes in a calm server to tell one bad day
# from a habit and to have enough verdicts to choose thresholds by.
DEFAULT_RETENTION_DAYS = 30
MOST_RETENTION_DAYS = 90
DEFAULT_EXCERPT_DAYS = 7
MOST_EXCERPT_DAYS = 30


@dataclass(frozen=True, slots=True)
class ServerPrivacy:
    """How long a server's rows are kept. One that has chosen nothing has the defaults.

    Attributes
    ----------
    retention_days
        After so many days decisions, what belongs to them and counts are deleted.
    excerpt_days
        After so many days the beginnings of flagged texts are; ``None``: none are kept at all.
    left_at
        Since when the bot is no longer in the server; ``None`` while it is.
    """

    server_id: int
    retention_days: int = DEFAULT_RETENTION_DAYS
    excerpt_days: int | None = None
    left_at: datetime | None = None


class Privacy:
    """Reads and writes what servers chose. Asked rarely, so nothing of it stays in memory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, server_id: int) -> ServerPrivacy:
        """What one server chose."""
        return await self._database.read(partial(chosen, server_id))

    async def all(self) -> dict[int, ServerPrivacy]:
        """The servers that have chosen something, or that the bot has left."""
        return await self._database.read(
            lambda connection: {
                row.server_id: _privacy(row) for row in connection.execute(select(schema.privacy))
            }
        )

    async def set_retention(self, server_id: int, days: int) -> None:
        """Choose how long a server's rows are kept; what is older goes with the next purge.

        Raises
        ------
        ValueError
            If `days` is not from 1 to 90.
        """
        if not 1 <= days <= MOST_RETENTION_DAYS:
            raise ValueError(f"{days} days: from 1 to {MOST_RETENTION_DAYS} are possible")
        await self._database.write(partial(put_privacy, [server_id], retention_days=days))

    async def set_excerpts(self, server_id: int, days: int | None) -> None:
        """Choose how long the beginnings of flagged texts are kept; ``None``: not at all.

        Raises
        ------
        ValueError
            If `days` is not from 1 to 30.
        """
        if days is not None and not 1 <= days <= MOST_EXCERPT_DAYS:
            raise ValueError(f"{days} days: from 1 to {MOST_EXCERPT_DAYS} are possible")
        await self._database.write(partial(put_privacy, [server_id], excerpt_days=days))

    async def mark_present(self, server_ids: Collection[int]) -> None:
        """Say that the bot is in these servers."""

        def operation(connection: Connection) -> None:
            table = schema.privacy
            gone = set(
                connection.execute(
                    select(table.c.server_id).where(table.c.left_at.is_not(None))
                ).scalars()
            )
            for server_id in gone.intersection(server_ids):
                connection.execute(
                    update(table).where(table.c.server_id == server_id).values(left_at=None)
                )

        await self._database.write(operation)

    async def mark_left(self, server_ids: Collection[int], at: datetime) -> None:
        """Say that the bot is no longer in these servers; the first time that is said stays."""

        def operation(connection: Connection) -> None:
            table = schema.privacy
            known = set(
                connection.execute(
                    select(table.c.server_id).where(table.c.left_at.is_not(None))
                ).scalars()
            )
            put_privacy([one for one in server_ids if one not in known], connection, left_at=at)

        await self._database.write(operation)

    async def known_servers(self) -> set[int]:
        """The servers of which anything is stored."""
        tables = (table for table in schema.metadata.sorted_tables if "server_id" in table.c)
        statement = union(*(select(table.c.server_id) for table in tables))
        return await self._database.read(
            lambda connection: set(connection.execute(statement).scalars())
        )


def chosen(server_id: int, connection: Connection) -> ServerPrivacy:
    """What a server chose, inside a transaction of the caller's."""
    row = connection.execute(
        select(schema.privacy).where(schema.privacy.c.server_id == server_id)
    ).one_or_none()
    return ServerPrivacy(server_id) if row is None else _privacy(row)


def _privacy(row: Row[Any]) -> ServerPrivacy:
    return ServerPrivacy(**row._mapping)


def put_privacy(server_ids: Collection[int], connection: Connection, **values: object) -> None:
    """Change columns of servers' rows, inside a transaction of the caller's."""
    for server_id in server_ids:
        given = {"server_id": server_id, "retention_days": DEFAULT_RETENTION_DAYS} | values
        connection.execute(
            schema.insert(connection, schema.privacy)
            .values(given)
            .on_conflict_do_update(index_elements=["server_id"], set_=values)
        )
