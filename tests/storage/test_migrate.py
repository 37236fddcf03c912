from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from bot.errors import DatabaseError, MissingExtraError
from bot.storage.address import Address
from bot.storage.database import Database
from bot.storage.migrate import SCRIPTS, _run, check_whole, check_writing, current, upgrade

ROOT = Path(__file__).parents[2]


def versions(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]


def test_makes_the_folder_the_file_and_the_tables(path: Path, url: str) -> None:
    head = upgrade(url)
    assert versions(path) == [head]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_running_twice_changes_nothing(path: Path, url: str) -> None:
    head = upgrade(url)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO daily_counts VALUES (1, '2026-01-31', 5, 2)")
    assert upgrade(url) == head
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM daily_counts").fetchall() == [
            (1, "2026-01-31", 5, 2)
        ]


def test_current_before_and_after(path: Path, url: str) -> None:
    before, head = current(url)
    assert before is None
    assert not path.exists()
    assert not path.parent.exists()
    upgrade(url)
    assert current(url) == (head, head)


def test_an_empty_file_is_a_new_database(path: Path, url: str) -> None:
    path.parent.mkdir()
    path.touch()
    assert current(url)[0] is None
    head = upgrade(url)
    assert versions(path) == [head]


def test_a_percent_sign_in_the_path(tmp_path: Path) -> None:
    path = tmp_path / "100% mine" / "a.db"
    assert upgrade(f"sqlite:///{path}") == versions(path)[0]


def test_several_processes_at_once(path: Path, url: str) -> None:
    script = "import sys; from bot.storage.migrate import upgrade; print(upgrade(sys.argv[1]))"
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script, url],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    ended = [(process.communicate(timeout=40), process.returncode) for process in running]
    head = current(url)[1]
    assert ended == [((f"{head}\n", ""), 0)] * 3
    assert versions(path) == [head]


def test_several_threads_at_once(path: Path, url: str) -> None:
    results: list[str] = []
    threads = [threading.Thread(target=lambda: results.append(upgrade(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == versions(path) * 4


def test_a_step_that_fails_leaves_nothing_behind(path: Path, url: str) -> None:
    """A table of ours that is there without a revision: the migration cannot be done halfway."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);"
        )
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE VIEW daily_counts AS SELECT 1;")  # the last table made
    with pytest.raises(DatabaseError, match="daily_counts already exists"):
        upgrade(url)
    with closing(sqlite3.connect(path)) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert "servers" not in names
    assert versions(path) == []


async def test_refuses_a_database_newer_than_the_code(path: Path, url: str) -> None:
    head = await asyncio.to_thread(upgrade, url)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9876'")
    with pytest.raises(DatabaseError) as caught:
        await Database.open(url)
    message = str(caught.value)
    assert "9876" in message
    assert head in message
    assert "Update Hexward" in message
    assert await asyncio.to_thread(current, url) == ("9876", head)
    assert versions(path) == ["9876"]


async def test_refuses_another_programs_database(path: Path, url: str) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    with pytest.raises(DatabaseError, match=r"not Hexward's \(recipes\)"):
        await Database.open(url)
    with pytest.raises(DatabaseError, match=r"not Hexward's \(recipes\)"):
        await asyncio.to_thread(current, url)


def test_damage_is_found_where_nothing_reads(path: Path, url: str) -> None:
    upgrade(url)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page_size = connection.execute("PRAGMA page_size").fetchone()[0]
        page = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'daily_counts'"
        ).fetchone()[0]
    check_whole(url)
    with path.open("r+b") as file:
        file.seek((page - 1) * page_size)
        file.write(b"\xaa" * page_size)
    assert current(url) == (versions(path)[0],) * 2
    with pytest.raises(DatabaseError, match=r"is damaged\. Restore a backup"):
        check_whole(url)


def test_refuses_a_file_that_is_no_database(path: Path, url: str) -> None:
    path.parent.mkdir()
    content = b"Dear diary, this is not a database. " * 200
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match="is not a database") as caught:
        asyncio.run(Database.open(url))
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


async def test_refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="is a folder"):
        await Database.open(f"sqlite:///{tmp_path}")
    with pytest.raises(DatabaseError, match="is a folder"):
        await asyncio.to_thread(current, f"sqlite:///{tmp_path}")


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseError, match="cannot be made"):
        await Database.open(f"sqlite:///{tmp_path}/file/below/hexward.db")


def test_a_database_that_takes_no_rows(path: Path, url: str) -> None:
    upgrade(url)
    check_writing(url)
    with closing(sqlite3.connect(path)) as connection:
        assert not connection.execute("SELECT * FROM announcements").fetchall()
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON announcements "
            "BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    with pytest.raises(DatabaseError, match="no room"):
        check_writing(url)


def test_a_file_that_cannot_be_opened(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Also for root: a link that leads nowhere. Nothing but the sentence may be seen of it."""
    (tmp_path / "link.db").symlink_to(tmp_path / "missing" / "hexward.db")
    for _ in range(10):
        with pytest.raises(DatabaseError, match="cannot be opened"):
            upgrade(f"sqlite:///{tmp_path}/link.db")
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(DatabaseError, match="cannot be opened"):
        await Database.open(f"sqlite:///{folder}/hexward.db")


async def test_a_locked_database(path: Path, url: str) -> None:
    await asyncio.to_thread(upgrade, url)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseError, match="locked by another process"):
            await Database.open(url, lock_wait_s=0.1)
        other.execute("ROLLBACK")
    await (await Database.open(url)).close()


async def test_a_lock_that_is_released_is_waited_for(path: Path, url: str) -> None:
    await asyncio.to_thread(upgrade, url)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        opening = asyncio.create_task(Database.open(url, lock_wait_s=20))
        await asyncio.sleep(0.3)
        assert not opening.done()
        other.execute("ROLLBACK")
        await (await opening).close()


async def test_a_lock_on_a_file_from_before_wal_is_waited_for(path: Path, url: str) -> None:
    """SQLite's own waiting does not cover the change to WAL, as when two processes start anew."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        opening = asyncio.create_task(Database.open(url, lock_wait_s=20))
        await asyncio.sleep(0.3)
        assert not opening.done()
        other.execute("ROLLBACK")
        await (await opening).close()


def test_a_momentary_refusal_is_tried_again(path: Path, url: str) -> None:
    """What SQLite answers at once, without waiting, when two processes turn WAL on together."""
    attempts = 0

    def work(connection: sa.Connection) -> str:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
                try:
                    other.execute("BEGIN IMMEDIATE")  # we hold that lock ourselves
                except sqlite3.OperationalError as error:
                    raise OperationalError("BEGIN IMMEDIATE", None, error) from error
        return "done"

    upgrade(url)
    assert _run(Address.parse(url), work, writes=True, lock_wait_s=10) == "done"
    assert attempts == 3


async def test_postgresql_without_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(MissingExtraError, match=r"\[postgresql\]"):
        await Database.open("postgresql://bot:secret@localhost/hexward")


async def test_postgresql_that_is_not_there(unused_tcp_port: int) -> None:
    pytest.importorskip("asyncpg")
    with pytest.raises(DatabaseError, match="cannot be reached") as caught:
        await Database.open(f"postgresql://bot:secret@127.0.0.1:{unused_tcp_port}/hexward")
    assert "secret" not in str(caught.value)


def test_every_step_says_why() -> None:
    steps = sorted(path for path in (SCRIPTS / "versions").glob("[0-9]*.py"))
    assert steps
    for step in steps:
        text = step.read_text(encoding="utf-8")
        assert "\nWhy: " in text, step.name
        assert "Why: <" not in text, step.name


def test_the_next_step_is_written_from_the_schema(tmp_path: Path) -> None:
    """In a copy: a new table in the schema becomes a step that makes it."""
    shutil.copytree(SCRIPTS, tmp_path / "migrations")
    shutil.copytree(ROOT / "bot" / "storage", tmp_path / "bot" / "storage")
    for name in ("__init__", "labels", "errors"):
        shutil.copy(ROOT / "bot" / f"{name}.py", tmp_path / "bot")
    with (tmp_path / "bot" / "storage" / "schema.py").open("a", encoding="utf-8") as schema:
        schema.write(
            "\nTable('notes', metadata, Column('id', BigInteger, primary_key=True), "
            "Column('made_at', UtcTime, nullable=False))\n"
        )

    def python(*arguments: str) -> str:
        command = [sys.executable, "-W", "error", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=40)
        assert done.returncode == 0, done.stderr
        return done.stdout

    python("-m", "migrations", "Notes on servers")
    steps = sorted((SCRIPTS / "versions").glob("[0-9]*.py"))
    number = f"{len(steps) + 1:04}"
    written = tmp_path / "migrations" / "versions" / f"{number}_notes_on_servers.py"
    text = written.read_text(encoding="utf-8")
    assert "sa.String(27).with_variant" in text
    assert "bot." not in text  # a step must not change when the code does
    script = "from bot.storage.migrate import upgrade; print(upgrade('sqlite:///new.db'))"
    assert python("-c", script).strip() == number
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)
