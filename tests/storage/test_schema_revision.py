"""Which revisions there are, told without Alembic."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from pydantic import SecretStr

from bot import app
from bot.errors import DatabaseError, DatabaseMisfit
from bot.settings import Settings
from bot.storage import schema_revision
from bot.storage.migrate import alembic_config, current, upgrade, upgrade_apart

# Brings a new database up to date as `python -m bot run` does, and opens it.
RUN = """
import asyncio, sys
import bot.app
from bot.storage.database import Database
from bot.storage.migrate import upgrade_apart

async def main():
    await upgrade_apart(sys.argv[1])
    async with await Database.open(sys.argv[1]) as database:
        print((await database.health()).revision, "alembic" in sys.modules)

asyncio.run(main())
"""


def test_file_names_tell_the_same_as_alembic() -> None:
    steps = list(ScriptDirectory.from_config(alembic_config(None)).walk_revisions())
    assert schema_revision.known() == [step.revision for step in reversed(steps)]
    assert schema_revision.newest() == steps[0].revision


def test_without_migrations_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_revision, "SCRIPTS", tmp_path)
    with pytest.raises(DatabaseError, match="not installed completely"):
        schema_revision.newest()


@pytest.mark.parametrize("new", [True, False])
def test_a_running_bot_holds_no_alembic(tmp_path: Path, new: bool) -> None:
    url = f"sqlite:///{tmp_path}/bot.db"
    if not new:
        upgrade(url)
    command = [sys.executable, "-c", RUN, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{schema_revision.newest()} False\n", done.stderr


def test_a_database_is_upgraded_apart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bot.db"
    asyncio.run(upgrade_apart(url))
    assert current(url) == (schema_revision.newest(), schema_revision.newest())


async def test_an_upgrade_apart_can_be_cancelled(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bot.db"
    upgrading = asyncio.create_task(upgrade_apart(url))
    await asyncio.sleep(0.3)
    upgrading.cancel()
    await asyncio.wait({upgrading})
    assert await asyncio.to_thread(upgrade, url) == schema_revision.newest()


async def test_the_bot_upgrades_before_it_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/bot.db"
    served: list[str | None] = []

    async def serve(settings: Settings, _: asyncio.Event) -> None:
        served.append((await asyncio.to_thread(current, settings.database_url))[0])

    monkeypatch.setattr(app, "serve", serve)
    await app.run(Settings(discord_token=SecretStr("no.real.one"), database_url=url))
    assert served == [schema_revision.newest()]


def test_what_cannot_be_upgraded_apart_is_left_for_who_can_say_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "bot")
    path = tmp_path / "bot.db"
    url = f"sqlite:///{path}"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    asyncio.run(upgrade_apart(url))
    assert "ended with status" in caplog.text
    assert current(url) == ("9999", schema_revision.newest())
    with pytest.raises(DatabaseMisfit, match="9999"):
        upgrade(url)


def test_without_a_process_to_spare_nothing_is_done_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "bot")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    url = f"sqlite:///{tmp_path}/bot.db"
    asyncio.run(upgrade_apart(url))
    assert "No process of its own" in caplog.text
    assert current(url)[0] is None
    assert upgrade(url) == schema_revision.newest()
