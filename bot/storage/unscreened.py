"""Messages that went unscreened, and up to where each server's messages were dealt with.

In a raid thousands of messages a second may go unscreened, so nothing here is written at once: rows
that come, rows that go and the marks that depend on them are written together, once a second.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, delete, func, select

from bot.errors import DatabaseError
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.later import Later

T = TypeVar("T")

MOST_PER_SERVER = 10_000
KEEP = timedelta(hours=24)

# Messages in memory that are not written yet; more than a raid brings in a second.
_MOST_PENDING = 50_000
# Rows in one statement. Statements are made up on the event loop, which is to go on in between.
_AT_A_TIME = 200


class Reason(StrEnum):
    """Why a message was not screened when it came."""

    OVERLOADED = "overloaded"
    FAILED = "failed"
    DATABASE = "database"
    STOPPED = "stopped"
    AWAY = "away"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnscreenedMessage:
    """A message that is still to be screened.

    Attributes
    ----------
    at
        When it went unscreened, or was found to have gone; aware.
    """

    server_id: int
    channel_id: int
    message_id: int
    at: datetime
    reason: Reason


@dataclass(slots=True)
class _Pending:
    """What is to be written: first `gone`, then `new`, then `marks`."""

    gone: set[int] = field(default_factory=set)
    new: dict[int, UnscreenedMessage] = field(default_factory=dict)
    marks: dict[int, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.gone or self.new or self.marks)

    def put_back(self, earlier: _Pending) -> None:
        """Take over what could not be written, as though it had never been tried."""
        kept = {
            message_id: message
            for message_id, message in earlier.new.items()
            if message_id not in self.gone
        }
        self.new = kept | self.new
        self.gone |= earlier.gone
        self.marks = earlier.marks | self.marks

    def drop_oldest(self) -> list[int]:
        """Forget the first of too many new messages; their ids."""
        dropped = list(islice(self.new, max(0, len(self.new) - _MOST_PENDING)))
        for message_id in dropped:
            del self.new[message_id]
        return dropped


class Unscreened:
    """Remembers what is still to be screened. Bounded: the oldest of a server give way.

    Parameters
    ----------
    most_per_server
        How many messages of a server are remembered.
    keep
        How long a message is remembered.
    """

    def __init__(
        self,
        database: Database,
        *,
        most_per_server: int = MOST_PER_SERVER,
        keep: timedelta = KEEP,
    ) -> None:
        self._database = database
        self._most_per_server = most_per_server
        self._keep = keep
        self._pending = _Pending()
        self._later = Later(
            database, "Unscreened messages", self._write_out, lambda: bool(self._pending)
        )
        self._when_dropped: Callable[[Collection[int]], None] | None = None

    @property
    def keep(self) -> timedelta:
        """How long a message is remembered."""
        return self._keep

    def when_dropped(self, listener: Callable[[Collection[int]], None]) -> None:
        """Have `listener` told the ids of messages that gave way to others or became too old.

        It takes the place of an earlier one.
        """
        self._when_dropped = listener

    def put_down(self, message: UnscreenedMessage) -> None:
        """Remember a message that went unscreened.

        Costs an entry in a dictionary: rows are written about once a second and when the database
        closes, so a crash loses the last second's.
        """
        self._pending.new[message.message_id] = message
        self._tell_dropped(self._pending.drop_oldest())
        self._later.soon()

    def settle(self, message_id: int) -> None:
        """Forget a message: it was screened, or never will be."""
        self._pending.new.pop(message_id, None)
        self._pending.gone.add(message_id)
        self._later.soon()

    def mark(self, server_id: int, message_id: int) -> None:
        """Say that everything in a server up to this message was screened or put down.

        Written together with what was put down before, so a mark never covers a message that is
        neither. A mark does not go back.
        """
        self._pending.marks[server_id] = message_id
        self._later.soon()

    async def mark_of(self, server_id: int) -> int | None:
        """The id up to which a server was dealt with; None for a server that is new."""
        await self.flush()
        statement = select(schema.last_seen.c.message_id).where(
            schema.last_seen.c.server_id == server_id
        )
        return await self._database.read(
            lambda connection: connection.execute(statement).scalar_one_or_none()
        )

    async def oldest(
        self, *, not_in: Collection[int] = (), not_of: Collection[int] = ()
    ) -> UnscreenedMessage | None:
        """The message posted first, channels `not_in` and servers `not_of` left out."""
        await self.flush()
        table = schema.unscreened
        statement = select(table).order_by(table.c.message_id).limit(1)
        if not_in:
            statement = statement.where(table.c.channel_id.not_in(not_in))
        if not_of:
            statement = statement.where(table.c.server_id.not_in(not_of))
        rows = await self._database.read(partial(_messages, statement))
        return rows[0] if rows else None

    async def in_channel(
        self, server_id: int, channel_id: int, limit: int = 100
    ) -> list[UnscreenedMessage]:
        """Messages of a channel, the one posted first first."""
        await self.flush()
        table = schema.unscreened
        statement = (
            select(table)
            .where(table.c.server_id == server_id, table.c.channel_id == channel_id)
            .order_by(table.c.message_id)
            .limit(limit)
        )
        return await self._database.read(partial(_messages, statement))

    async def in_server(self, server_id: int) -> list[UnscreenedMessage]:
        """All messages of a server, the one posted first first."""
        await self.flush()
        table = schema.unscreened
        statement = select(table).where(table.c.server_id == server_id).order_by(table.c.message_id)
        return await self._database.read(partial(_messages, statement))

    async def count(self, server_id: int | None = None) -> int:
        """How many messages are remembered of a server, or in all."""
        await self.flush()
        statement = select(func.count()).select_from(schema.unscreened)
        if server_id is not None:
            statement = statement.where(schema.unscreened.c.server_id == server_id)
        return await self._database.read(
            lambda connection: connection.execute(statement).scalar_one()
        )

    async def flush(self) -> None:
        """Write now what waits to be written.

        Raises
        ------
        DatabaseError
            If it could not be written; it is tried again a second later.
        """
        await self._later.now()

    async def _write_out(self) -> None:
        pending, self._pending = self._pending, _Pending()
        if not pending:
            return
        oldest = datetime.now(UTC) - self._keep
        try:
            dropped = await self._database.write(
                partial(_write, pending, self._most_per_server, oldest)
            )
        except DatabaseError:
            self._pending.put_back(pending)
            self._tell_dropped(self._pending.drop_oldest())
            self._later.soon()
            raise
        self._tell_dropped(dropped)

    def _tell_dropped(self, message_ids: Collection[int]) -> None:
        if message_ids and self._when_dropped is not None:
            self._when_dropped(message_ids)


def _write(
    pending: _Pending, most_per_server: int, oldest: datetime, connection: Connection
) -> list[int]:
    """Write everything in one transaction; the ids that had to give way come back."""
    table = schema.unscreened
    for ids in _portions(pending.gone):
        connection.execute(delete(table).where(table.c.message_id.in_(ids)))
    dropped: list[int] = []
    for messages in _portions(pending.new.values()):
        connection.execute(
            schema.insert(connection, table).on_conflict_do_nothing(index_elements=["message_id"]),
            [
                {
                    "message_id": message.message_id,
                    "server_id": message.server_id,
                    "channel_id": message.channel_id,
                    "at": message.at,
                    "reason": message.reason.value,
                }
                for message in messages
            ],
        )
    if pending.new:
        too_old = delete(table).where(table.c.at < oldest).returning(table.c.message_id)
        dropped += connection.execute(too_old).scalars()
        for server_id in {message.server_id for message in pending.new.values()}:
            dropped += _make_room(connection, server_id, most_per_server)
    for server_id, message_id in pending.marks.items():
        _move_mark(connection, server_id, message_id)
    return dropped


def _make_room(connection: Connection, server_id: int, most: int) -> Sequence[int]:
    table = schema.unscreened
    of_server = table.c.server_id == server_id
    count = connection.execute(
        select(func.count()).select_from(table).where(of_server)
    ).scalar_one()
    if count <= most:
        return ()
    first = (
        select(table.c.message_id).where(of_server).order_by(table.c.message_id).limit(count - most)
    )
    statement = delete(table).where(table.c.message_id.in_(first)).returning(table.c.message_id)
    return connection.execute(statement).scalars().all()


def _move_mark(connection: Connection, server_id: int, message_id: int) -> None:
    table = schema.last_seen
    statement = schema.insert(connection, table).values(server_id=server_id, message_id=message_id)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["server_id"],
            set_={"message_id": statement.excluded.message_id},
            where=statement.excluded.message_id > table.c.message_id,
        )
    )


def _messages(statement: Select[Any], connection: Connection) -> list[UnscreenedMessage]:
    return [
        UnscreenedMessage(
            server_id=row.server_id,
            channel_id=row.channel_id,
            message_id=row.message_id,
            at=row.at,
            reason=Reason(row.reason),
        )
        for row in connection.execute(statement)
    ]


def _portions(items: Iterable[T]) -> Iterable[list[T]]:
    left = iter(items)
    while portion := list(islice(left, _AT_A_TIME)):
        yield portion
