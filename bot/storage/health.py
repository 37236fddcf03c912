"""How the database is: at which revision, with how much room, and how fast it can be written."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete

from bot.storage import schema

# No server has this id.
_NOWHERE = 0
_KIND = "write test"


@dataclass(frozen=True, slots=True)
class Health:
    """A database that could be read and written.

    Attributes
    ----------
    revision, newest
        Of its tables, and of this version of Hexward; they differ where another version has
        migrated it meanwhile.
    size_bytes
        What it takes on disk.
    free_bytes
        What is free there; None where that is not this machine's to know.
    write_s
        Seconds that a small write took, its turn among the others included.
    """

    revision: str | None
    newest: str
    size_bytes: int
    free_bytes: int | None
    write_s: float


def try_writing(connection: Connection) -> None:
    """Write a row and take it away again, so that a disk that is full or read-only shows."""
    table = schema.announcements
    row = {"server_id": _NOWHERE, "kind": _KIND}
    connection.execute(schema.insert(connection, table).values(row).on_conflict_do_nothing())
    connection.execute(delete(table).filter_by(**row))


def free_bytes(path: Path | None) -> int | None:
    """What is free on the disk of a file; None if nothing says."""
    if path is None:
        return None
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return None
