"""The open database: where reads and writes go through."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.errors import DatabaseError
from bot.storage.address import Address
from bot.storage.engine import make_engine, writing
from bot.storage.faults import explain
from bot.storage.health import Health, free_bytes, try_writing
from bot.storage.migrate import upgrade
from bot.storage.schema_revision import newest, standing
from bot.storage.space import give_back
from bot.storage.writer import Operation, Writer

T = TypeVar("T")
log = logging.getLogger(__name__)

# Queries that run at the same time. Each has a connection, and on SQLite a thread.
_READERS = 4


class Database:
    """An open, migrated database. Make one with `open`.

    Reading and writing take a function of a synchronous SQLAlchemy connection. It may run
    statements and nothing else that takes time, so transactions are short by construction, and
    what it returns must not hold rows or results.
    """

    def __init__(self, address: Address, engine: AsyncEngine) -> None:
        self._address = address
        self._engine = engine
        self._writer = Writer(writing(engine), self._explain)
        self._slots = asyncio.Semaphore(_READERS)
        self._reads: set[asyncio.Task[Any]] = set()
        self._last_words: list[Callable[[], Awaitable[None]]] = []
        self._reading = True
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str, *, lock_wait_s: float = 5.0) -> Self:
        """Migrate the database at `url` to the newest revision and open it.

        Parameters
        ----------
        url
            ``sqlite:///./folder/file.db`` (file and folder are made where missing) or
            ``postgresql://user:password@host/name``.
        lock_wait_s
            How long to wait, in seconds, while another process holds SQLite's write lock.

        Raises
        ------
        DatabaseError
            If the database cannot be used, with the reason and the way out.
        MissingExtraError
            If PostgreSQL's driver is needed and not installed.
        """
        await asyncio.to_thread(upgrade, url, lock_wait_s=lock_wait_s)
        address = Address.parse(url)
        # One connection more than there are readers: the writer never waits for one.
        engine = make_engine(
            address, lock_wait_s=lock_wait_s, pool_size=_READERS + 1, max_overflow=0
        )
        return cls(address, engine)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run `query` on a connection that sees one state of the database.

        Raises
        ------
        DatabaseError
            If it could not be read, or the database is closed.
        """
        if not self._reading:
            raise DatabaseError("The database is closed; nothing more is read or written.")
        # A task of its own: a cancelled caller leaves no connection in the middle of a statement.
        task = asyncio.create_task(self._read(query))
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)
        return await asyncio.shield(task)

    async def write(self, operation: Operation[T], *, after: Callable[[], None] | None = None) -> T:
        """Run `operation` with the next batch of writes; return its result once it is committed.

        An accepted operation is carried out even when its caller is cancelled while waiting.

        Parameters
        ----------
        operation
            Runs the statements. What it raises reaches the caller and undoes this operation alone.
        after
            Called when the operation is over, committed or not, before the caller goes on.

        Raises
        ------
        DatabaseError
            If it could not be written, if too many writes wait, or if the database is closed.
        """
        return await self._writer.write(operation, after=after)

    async def size_bytes(self) -> int:
        """How much the database takes on disk, without SQLite's write-ahead log."""
        statement = text(
            "SELECT pg_database_size(current_database())"
            if self._address.path is None
            else "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        )
        return await self.read(lambda connection: int(connection.execute(statement).scalar_one()))

    async def health(self) -> Health:
        """Read and write a little, and say how that went.

        Raises
        ------
        DatabaseError
            If it cannot be read or written, with the reason and the way out.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        await self.try_writing()
        write_s = clock() - began
        return Health(
            revision=await self.read(standing),
            newest=await asyncio.to_thread(newest),
            size_bytes=await self.size_bytes(),
            free_bytes=await asyncio.to_thread(free_bytes, self._address.path),
            write_s=write_s,
        )

    async def try_writing(self) -> None:
        """Write something that leaves nothing behind.

        Raises
        ------
        DatabaseError
            If it cannot be written.
        """
        await self.write(try_writing)

    async def give_back(self, *, rewrite: bool = False) -> None:
        """Give room that deleted rows took back to the disk; PostgreSQL does that by itself.

        What others keep from being done now, by reading or writing, is left for the next time.

        Parameters
        ----------
        rewrite
            Leave no copy of anything deleted in the file; others cannot write meanwhile.

        Raises
        ------
        DatabaseError
            If the file could not be written, or the database is closed.
        """
        if not self._reading:
            raise DatabaseError("The database is closed; nothing more is read or written.")
        if self._address.path is None:
            return
        task = asyncio.create_task(self._give_back(rewrite))
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)
        await asyncio.shield(task)

    def before_close(self, last_words: Callable[[], Awaitable[None]]) -> None:
        """Have `last_words` awaited when the database closes, while it can still be written."""
        self._last_words.append(last_words)

    async def close(self) -> None:
        """Finish what was accepted and close. May be called again, and by several at once."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        for last_words in self._last_words:
            try:
                await last_words()
            except Exception:
                log.exception("Something could not be written before the database closed")
        self._reading = False
        await asyncio.gather(*self._reads, return_exceptions=True)
        await self._writer.close()
        await self._engine.dispose()

    async def _read(self, query: Callable[[Connection], T]) -> T:
        async with self._slots:
            try:
                async with self._engine.connect() as connection:
                    if self._address.path is None:
                        # What SQLite does anyway: all statements of a query see the same state.
                        await connection.execution_options(isolation_level="REPEATABLE READ")
                    return await connection.run_sync(query)
            except (SQLAlchemyError, OSError) as error:
                raise self._explain(error) from error

    async def _give_back(self, rewrite: bool) -> None:
        async with self._slots:
            try:
                await give_back(self._engine, rewrite=rewrite)
            except (SQLAlchemyError, sqlite3.Error, OSError) as error:
                raise self._explain(error) from error

    def _explain(self, error: Exception) -> DatabaseError:
        return explain(error, self._address)
