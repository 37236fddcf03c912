"""Which revisions of the tables this version of Hexward has, and at which a database is.

Read off what Alembic keeps, without Alembic: with all that it imports it takes 12 MB of memory,
and a bot whose tables are up to date has no other use for it.
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bot.errors import DatabaseError

SCRIPTS = Path(__file__).resolve().parents[2] / "migrations"

_TABLE = "alembic_version"
# A step's file is named after its revision; the steps are one line without branches.
_STEP = re.compile(r"([0-9]{4})_\w+\.py")


def known() -> list[str]:
    """All revisions that this version of Hexward has, the oldest first.

    Raises
    ------
    DatabaseError
        If there are none: something of Hexward is missing.
    """
    names = (path.name for path in (SCRIPTS / "versions").glob("*.py"))
    found = sorted(step[1] for step in map(_STEP.fullmatch, names) if step)
    if not found:
        raise DatabaseError(f"No migrations in {SCRIPTS}. Hexward is not installed completely.")
    return found


def newest() -> str:
    """The revision that this version of Hexward has."""
    return known()[-1]


def is_known(revision: str) -> bool:
    """Whether this version of Hexward has that revision; a newer one may not be used."""
    return revision in known()


def standing(connection: Connection) -> str | None:
    """The revision that a database's tables are at; None where nothing was migrated yet."""
    if not inspect(connection).has_table(_TABLE):
        return None
    found = connection.scalars(text(f"SELECT version_num FROM {_TABLE}")).all()
    return ", ".join(found) or None


def strange_tables(connection: Connection) -> list[str]:
    """Tables beside Alembic's; somebody else's, in a database that was never migrated."""
    return sorted(set(inspect(connection).get_table_names()) - {_TABLE})
