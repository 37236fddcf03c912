"""What a database driver raises → one sentence a host can act on."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.errors import DatabaseError, DatabaseMisfit
from bot.storage.address import Address

#: What is said of a file in which something cannot be right.
DAMAGED = "is damaged. Restore a backup, or name another file in DATABASE_URL"

# The beginning of SQLite's error names (extended ones such as SQLITE_BUSY_SNAPSHOT included).
_SQLITE = {
    "SQLITE_BUSY": "is locked by another process. Close what is using it, then try again",
    "SQLITE_LOCKED": "is locked. Close what is using it, then try again",
    "SQLITE_FULL": "cannot grow: the disk is full. Free some space",
    "SQLITE_NOTADB": "is not a database. Move the file away, or name another one in DATABASE_URL",
    "SQLITE_READONLY": "cannot be written. Give Hexward write access to the file and its folder",
    "SQLITE_PERM": "cannot be written. Give Hexward write access to the file and its folder",
    "SQLITE_CANTOPEN": "cannot be opened. Check that the folder exists and can be written",
    "SQLITE_CORRUPT": DAMAGED,
    "SQLITE_IOERR": (
        "cannot be read or written: the disk reported an error. See whether it is full, and what "
        "the system's log says of it"
    ),
}

# What may be over soon without anybody changing a setting.
_PASSING = {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR"}


def explain(error: Exception, address: Address) -> DatabaseError:
    """Say what went wrong with the database at `address`.

    Only the driver's own first line is passed on, never a statement or its values.
    """
    if isinstance(error, DatabaseError):
        return type(error)(str(error))
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig
    code = _sqlite_code(cause)
    for beginning, sentence in _SQLITE.items():
        if code.startswith(beginning):
            kind = DatabaseError if beginning in _PASSING else DatabaseMisfit
            return kind(f"The database {address} {sentence}.")
    if isinstance(error, PoolTimeout):
        return DatabaseError(f"The database {address} is too busy to answer.")
    if isinstance(error, OSError) and address.path is None:
        return DatabaseError(
            f"The database {address} cannot be reached ({error.strerror or type(error).__name__}). "
            "Check that PostgreSQL runs there and that DATABASE_URL names it."
        )
    first_line = next(iter(str(cause).splitlines()), "") or type(cause).__name__
    # SQLAlchemy's PostgreSQL driver puts the class of the error before its words.
    first_line = first_line.partition(">: ")[2] or first_line
    return DatabaseError(f"The database {address} reports: {first_line.rstrip('.')}.")


def is_busy(error: Exception) -> bool:
    """Whether SQLite refused only because somebody else holds the lock for the moment."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return _sqlite_code(cause).startswith("SQLITE_BUSY")


def _sqlite_code(cause: BaseException | None) -> str:
    return str(getattr(cause, "sqlite_errorname", ""))
