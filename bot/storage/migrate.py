"""Bring a database's tables up to date; ask how far they are, and whether they can be used.

The functions are synchronous and run an event loop of their own, so call them from a thread where
a loop is running already (`Database.open` does).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import DatabaseMisfit
from bot.storage.address import Address
from bot.storage.engine import make_engine, writing
from bot.storage.faults import DAMAGED, explain, is_busy
from bot.storage.health import try_writing
from bot.storage.schema_revision import SCRIPTS, is_known, newest, standing, strange_tables

if TYPE_CHECKING:
    from alembic.config import Config

T = TypeVar("T")
log = logging.getLogger(__name__)

# Any number will do, as long as nothing else in the same PostgreSQL database uses it.
_ADVISORY_LOCK = 0x48657877617264

# Alembic keeps the running migration in module globals.
_one_at_a_time = threading.Lock()


def upgrade(url: str, *, lock_wait_s: float = 5.0) -> str:
    """Migrate a database to the newest revision this version of Hexward has.

    Makes the SQLite file and its folder where they are missing. Safe to run again, and safe when
    several processes start at once: all but one wait, then find nothing to do.

    Returns
    -------
    str
        The revision the database is at now.

    Raises
    ------
    DatabaseError
        If the database cannot be used, is newer than this version, or is not Hexward's.
    MissingExtraError
        If PostgreSQL's driver is needed and not installed.
    """
    address = Address.parse(url)
    if address.path is not None:
        _make_folder(address.path)

    def work(connection: Connection) -> str:
        head = newest()
        if _refuse_unknown(connection, address) != head:
            from alembic import command  # nothing to do at most starts, see `schema_revision`

            command.upgrade(alembic_config(connection), "head")
        return head

    return _run(address, work, writes=True, lock_wait_s=lock_wait_s)


async def upgrade_apart(url: str) -> None:
    """Do what `upgrade` has to do, if anything, in a process of its own.

    What Alembic takes in memory goes with that process. Where it fails, `upgrade` will say why.

    May be cancelled; what was not finished is undone.

    Raises
    ------
    DatabaseError, MissingExtraError
        As for `upgrade`, where not even the revision can be read.
    """
    revision, head = await asyncio.to_thread(current, url)
    if revision == head:
        return
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "db", "upgrade"),
            env=os.environ | {"DATABASE_URL": url},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except (OSError, ValueError) as error:  # ValueError: the address does not fit an environment
        log.info("No process of its own to upgrade the database (%s)", type(error).__name__)
        return
    try:
        status = await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
    if status:
        log.info("The process that was to upgrade the database ended with status %d", status)


def current(url: str, *, lock_wait_s: float = 5.0) -> tuple[str | None, str]:
    """Where a database stands: its revision (``None``: not migrated yet) and the newest one.

    Changes nothing, and does not make a file that is missing.

    Raises
    ------
    DatabaseError, MissingExtraError
        As for `upgrade`; a database newer than this version is not an error here.
    """
    address = Address.parse(url)
    if address.path is not None:
        _refuse_folder(address.path)
        if not address.path.exists():
            return None, newest()

    def work(connection: Connection) -> tuple[str | None, str]:
        # In this order: another process may be making the tables just now.
        strange, revision = strange_tables(connection), standing(connection)
        if revision is None:
            _refuse_foreign(strange, address)
        return revision, newest()

    return _run(address, work, writes=False, lock_wait_s=lock_wait_s)


def check_whole(url: str) -> None:
    """Read an SQLite file from end to end for damage, which may lie where nothing has read yet.

    PostgreSQL looks after its own files.

    Raises
    ------
    DatabaseError, MissingExtraError
        As for `upgrade`, and if anything in the file is damaged.
    """
    address = Address.parse(url)
    if address.path is None:
        return

    def work(connection: Connection) -> None:
        if connection.scalar(text("PRAGMA quick_check(1)")) != "ok":
            raise DatabaseMisfit(f"The database {address} {DAMAGED}.")

    _run(address, work, writes=False, lock_wait_s=5.0)


def check_writing(url: str) -> None:
    """Write a row and take it away again; the database has to be at the newest revision.

    Raises
    ------
    DatabaseError, MissingExtraError
        As for `upgrade`, and if the file is read-only or its disk is full.
    """
    _run(Address.parse(url), try_writing, writes=True, lock_wait_s=5.0)


def _run(
    address: Address, work: Callable[[Connection], T], *, writes: bool, lock_wait_s: float
) -> T:
    """Do `work` in one transaction, waiting for other processes that migrate."""
    deadline = time.monotonic() + lock_wait_s
    with _one_at_a_time:
        while True:
            try:
                if address.path is not None:
                    # First without a loop: aiosqlite's thread outlives the loop where a file cannot
                    # be opened, and complains of it on standard error.
                    sqlite3.connect(address.path).close()
                return asyncio.run(_in_transaction(address, work, writes, lock_wait_s))
            except (SQLAlchemyError, sqlite3.Error, OSError) as error:
                # SQLite does not wait when two processes turn WAL on together, so we do.
                if is_busy(error) and time.monotonic() < deadline:
                    time.sleep(0.05)
                    continue
                raise explain(error, address) from error


async def _in_transaction(
    address: Address, work: Callable[[Connection], T], writes: bool, lock_wait_s: float
) -> T:
    engine = make_engine(address, lock_wait_s=lock_wait_s, poolclass=NullPool)
    try:
        async with (writing(engine) if writes else engine).begin() as connection:
            if writes and address.path is None:
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK}
                )
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def alembic_config(connection: Connection | None) -> Config:
    """Alembic's settings, without a file: our steps, on this connection."""
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    # A "%" would be read as the start of a reference to another option.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config


def _refuse_unknown(connection: Connection, address: Address) -> str | None:
    """Where the database stands; stops before a newer one than the code, or another program's."""
    found = standing(connection)
    if found is None:
        _refuse_foreign(strange_tables(connection), address)
    elif not is_known(found):
        raise DatabaseMisfit(
            f"The database {address} is at revision {found}, but this version of Hexward knows "
            f"revisions only up to {newest()}. Update Hexward, or restore a backup made "
            "before the database was upgraded."
        )
    return found


def _refuse_foreign(tables: Sequence[str], address: Address) -> None:
    """Stop before tables in a database that Hexward has not made."""
    if tables:
        raise DatabaseMisfit(
            f"The database {address} holds tables that are not Hexward's "
            f"({', '.join(tables[:3])}). Name another one in DATABASE_URL."
        )


def check_place(url: str) -> None:
    """Whether a database that does not exist yet could be made; changes nothing.

    Raises
    ------
    DatabaseMisfit
        If its folder cannot be written, or made where it is missing.
    """
    path = Address.parse(url).path
    if path is None:
        return
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DatabaseMisfit(
            f"The database {path} cannot be made: {folder} cannot be written ({error.strerror})."
        ) from None


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise DatabaseMisfit(f"The database {path} is a folder. Name a file in DATABASE_URL.")


def _make_folder(path: Path) -> None:
    _refuse_folder(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseMisfit(
            f"The database's folder {path.parent} cannot be made ({error.strerror}). "
            "Check the path in DATABASE_URL and who may write there."
        ) from error
