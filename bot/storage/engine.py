"""SQLAlchemy engines for an address, with what SQLite needs to behave."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from bot.errors import DatabaseError, MissingExtraError
from bot.storage.address import Address

# The first with RETURNING.
_OLDEST_SQLITE = (3, 35, 0)


def make_engine(address: Address, *, lock_wait_s: float, **pool: Any) -> AsyncEngine:
    """An engine whose SQLite transactions are the ones we ask for.

    Connections made from ``writing(engine)`` take the write lock when their transaction begins.

    Parameters
    ----------
    address
        Where the database is.
    lock_wait_s
        How long a statement waits, in seconds, while another process holds SQLite's write lock.
    **pool
        SQLAlchemy's pool settings.

    Raises
    ------
    DatabaseError
        If Python comes with an SQLite that is too old.
    MissingExtraError
        If the address is PostgreSQL's and its driver is not installed.
    """
    # hide_parameters: values must not travel in error messages.
    if address.path is None:
        try:
            return create_async_engine(
                address.url, hide_parameters=True, pool_pre_ping=True, **pool
            )
        except ModuleNotFoundError as error:
            raise MissingExtraError("PostgreSQL", "postgresql") from error
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise DatabaseError(
            f"Python's SQLite is {sqlite3.sqlite_version}; Hexward needs "
            f"{'.'.join(map(str, _OLDEST_SQLITE))} or newer. Use a newer Python or PostgreSQL."
        )
    engine = create_async_engine(
        address.url,
        hide_parameters=True,
        # isolation_level: Python's driver must not begin transactions by itself, since it would
        # leave savepoints and schema changes outside them.
        connect_args={"timeout": lock_wait_s, "isolation_level": None},
        **pool,
    )
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def writing(engine: AsyncEngine) -> AsyncEngine:
    """The same engine, for transactions that write."""
    return engine.execution_options(hexward_writes=True)


def _set_pragmas(connection: Any, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    try:
        # Pages that become empty can be given back to the disk (see `bot.storage.space`). Only a
        # new file takes this; an older one would be locked for nothing.
        cursor.execute("PRAGMA page_count")
        if cursor.fetchone() == (0,):
            cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
        # Readers and the writer do not wait for each other. It stays set in the file.
        cursor.execute("PRAGMA journal_mode = WAL")
        # With WAL this is safe against a crash of the bot; a power cut can lose the last moments.
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        # What is deleted is overwritten: whoever reads the file must not find it any more.
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()
    except Exception:
        # Nobody else closes a connection that the pool did not get, and it has a thread.
        connection.close()
        raise


def _begin(connection: Connection) -> None:
    # A transaction that first reads and then writes can be refused halfway; one that takes the
    # write lock at once waits for its turn instead.
    writes = connection.get_execution_options().get("hexward_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
