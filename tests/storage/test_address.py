from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import DatabaseError
from bot.storage.address import Address


@pytest.mark.parametrize(
    ("text", "driver", "path"),
    [
        ("sqlite+aiosqlite:///./data/hexward.db", "sqlite+aiosqlite", Path("data/hexward.db")),
        ("sqlite:///data/hexward.db", "sqlite+aiosqlite", Path("data/hexward.db")),
        (" sqlite:////srv/hexward.db\n", "sqlite+aiosqlite", Path("/srv/hexward.db")),
        ("sqlite:///~/hexward.db", "sqlite+aiosqlite", Path.home() / "hexward.db"),
        ("postgresql://bot:secret@db:5432/hexward", "postgresql+asyncpg", None),
        ("postgres://bot:secret@db/hexward", "postgresql+asyncpg", None),
        ("postgresql+asyncpg://bot:secret@db/hexward", "postgresql+asyncpg", None),
    ],
)
def test_accepts(text: str, driver: str, path: Path | None) -> None:
    address = Address.parse(text)
    assert address.url.drivername == driver
    assert address.path == path


def test_translates_the_option_for_encryption() -> None:
    address = Address.parse("postgresql://bot@db/hexward?sslmode=require")
    assert dict(address.url.query) == {"ssl": "require"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a database URL"),
        ("data/hexward.db", "not a database URL"),
        ("postgresql://bot:secret@db:port/hexward", "not a database URL"),
        ("mysql://bot:secret@db/hexward", "'mysql' is not supported"),
        ("postgresql+psycopg2://bot:secret@db/hexward", "'postgresql+psycopg2' is not supported"),
        ("postgresql://bot:secret@db", "name of the database is missing"),
        ("postgresql://bot:secret@db/hexward?pasword=secret", "only host, port, ssl, sslmode"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:///file:data.db?uri=true", "name a file"),
        ("sqlite://data/hexward.db", "three slashes"),
    ],
)
def test_refuses_with_the_way_out(text: str, says: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        Address.parse(text)
    message = str(caught.value)
    assert message.startswith("DATABASE_URL")
    assert says in message
    assert "secret" not in message
    assert "\n" not in message


def test_never_shows_the_password() -> None:
    address = Address.parse("postgresql://bot:secret@db/hexward")
    assert "secret" not in f"{address} {address!r}"
