"""Overwriting what was deleted, and giving the room back: SQLite's side of a purge.

A deleted row is overwritten with zeros at once (``PRAGMA secure_delete``, set on every connection).
Three things stay behind. Old pages in the write-ahead log go when it is emptied into the file.
Empty pages in the file go back to the disk in steps (``PRAGMA incremental_vacuum``), so that nobody
waits long. And when SQLite divided a page in two it may have left copies in the unused part of one;
those go only when the file is rewritten (``VACUUM``), which keeps others from writing meanwhile, so
it is done once a day and not to large files. PostgreSQL's autovacuum needs no help.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

log = logging.getLogger(__name__)

# Pages of 4 KiB in one step, and steps in one go.
_PAGES = 256
_STEPS = 4_000
_INCREMENTAL = 2
# Rewriting so much takes about a second, well below what a writer waits.
_MOST_REWRITTEN = 64 * 2**20


async def give_back(engine: AsyncEngine, *, rewrite: bool) -> None:
    """Give an SQLite file's empty pages back to the disk and empty its write-ahead log.

    Parameters
    ----------
    rewrite
        Rewrite the whole file, up to 64 MiB, so that nothing deleted is left in it anywhere.

    Raises
    ------
    sqlite3.Error, sqlalchemy.exc.SQLAlchemyError
        If the file cannot be written at all.
    """
    async with engine.connect() as connection:
        # The driver itself: neither vacuum nor checkpoint works inside a transaction.
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        try:
            small = await _bytes(driver) <= _MOST_REWRITTEN
            # A file from before incremental vacuum was set is rewritten once, whatever its size.
            old = await _number(driver, "PRAGMA auto_vacuum") != _INCREMENTAL
            if old or (rewrite and small):
                await _run(driver, "PRAGMA auto_vacuum = INCREMENTAL")
                await _run(driver, "VACUUM")
            for _ in range(_STEPS):
                if not await _number(driver, "PRAGMA freelist_count"):
                    break
                await _run(driver, f"PRAGMA incremental_vacuum({_PAGES})")
            await _run(driver, "PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                log.info("The database is in use; its empty pages are given back another time")
                return
            raise


async def _run(driver: Any, statement: str) -> None:
    # To the last row: SQLite frees a page for each row that is fetched.
    async with driver.execute(statement) as cursor:
        await cursor.fetchall()


async def _bytes(driver: Any) -> int:
    pages = await _number(driver, "PRAGMA page_count")
    return pages * await _number(driver, "PRAGMA page_size")


async def _number(driver: Any, statement: str) -> int:
    async with driver.execute(statement) as cursor:
        (value,) = await cursor.fetchone()
    return int(value)
