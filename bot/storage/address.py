"""A database URL as people write it → an address the rest of the storage can use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import DatabaseMisfit

_ACCEPTED = (
    "Use sqlite:///./data/hexward.db for a file, "
    "or postgresql://user:password@host/name for PostgreSQL."
)

# What may follow the "?" for PostgreSQL.
_OPTIONS = frozenset({"host", "port", "ssl", "sslmode"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is. As text it never shows the password.

    Attributes
    ----------
    url
        With the asynchronous driver filled in.
    path
        The file of an SQLite database; ``None`` for PostgreSQL.
    """

    url: URL
    path: Path | None

    def __str__(self) -> str:
        return str(self.path) if self.path else self.url.render_as_string(hide_password=True)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL.

        Raises
        ------
        DatabaseMisfit
            If it is no URL, or names a database or driver that Hexward does not use.
        """
        try:
            url = make_url(text.strip())
        except (ArgumentError, ValueError):
            # The text may hold a password, and a typing error may have put it anywhere.
            raise DatabaseMisfit(f"DATABASE_URL is not a database URL. {_ACCEPTED}") from None
        match url.drivername:
            case "sqlite" | "sqlite+aiosqlite" | "sqlite+pysqlite":
                path = _sqlite_path(url)
                return cls(url.set(drivername="sqlite+aiosqlite", database=str(path)), path)
            case "postgresql" | "postgres" | "postgresql+asyncpg":
                return cls(_for_asyncpg(url), None)
            case other:
                # A host pasted without its scheme can end up here too, so show only a plain name.
                name = repr(other) if re.fullmatch(r"[a-z0-9_+]{1,32}", other) else "what it names"
                raise DatabaseMisfit(f"DATABASE_URL: {name} is not supported. {_ACCEPTED}")


def _sqlite_path(url: URL) -> Path:
    """The file an SQLite URL names."""
    database = url.database or ""
    if url.host:
        raise DatabaseMisfit(
            "DATABASE_URL: an SQLite file needs three slashes (sqlite:///./folder/file.db), "
            "or four for an absolute path."
        )
    if database in ("", ":memory:") or database.startswith("file:"):
        raise DatabaseMisfit(
            "DATABASE_URL: name a file, such as sqlite:///./data/hexward.db; "
            "a database in memory would forget everything at the next start."
        )
    return Path(database).expanduser()


def _for_asyncpg(url: URL) -> URL:
    """The same address with the driver, and the option that it calls otherwise than others do."""
    if not url.database:
        raise DatabaseMisfit(f"DATABASE_URL: the name of the database is missing. {_ACCEPTED}")
    if not url.query.keys() <= _OPTIONS:
        raise DatabaseMisfit(
            f"DATABASE_URL: after the ? only {', '.join(sorted(_OPTIONS))} are understood."
        )
    query = {("ssl" if key == "sslmode" else key): value for key, value in url.query.items()}
    return url.set(drivername="postgresql+asyncpg", query=query)
