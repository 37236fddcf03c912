"""The look at the database that `/doctor` takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.errors import DatabaseError
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.health import free_bytes
from bot.storage.schema_revision import newest


async def test_a_database_in_use_is_well_and_left_as_it_was(database: Database) -> None:
    health = await database.health()
    assert health.revision == health.newest == newest()
    assert health.size_bytes > 0
    assert health.write_s >= 0
    count = select(func.count()).select_from(schema.announcements)
    assert await database.read(lambda connection: connection.execute(count).scalar_one()) == 0


async def test_a_closed_database_says_so(database: Database) -> None:
    await database.close()
    with pytest.raises(DatabaseError, match="closed"):
        await database.health()


def test_room_is_known_for_files_only(tmp_path: Path) -> None:
    assert (free_bytes(tmp_path / "hexward.db") or 0) > 0
    assert free_bytes(tmp_path / "gone" / "hexward.db") is None
    assert free_bytes(None) is None
