"""The same on PostgreSQL, where ``TEST_POSTGRESQL_URL`` names an empty database to try it in."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.errors import DatabaseError
from bot.labels import Label
from bot.storage.address import Address
from bot.storage.database import Database
from bot.storage.decisions import DailyCount, Decisions, NewDecision, Outcome
from bot.storage.engine import make_engine
from bot.storage.migrate import current, upgrade
from bot.storage.servers import ExemptionKind, Servers, ServerSettings

ROOT = Path(__file__).parents[2]
URL = os.environ.get("TEST_POSTGRESQL_URL", "")
pytestmark = pytest.mark.skipif(not URL, reason="TEST_POSTGRESQL_URL is not set")


@pytest.fixture
async def url() -> str:
    engine = make_engine(Address.parse(URL), lock_wait_s=1.0)
    async with engine.begin() as connection:
        await connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        await connection.execute(sa.text("CREATE SCHEMA public"))
    await engine.dispose()
    return URL


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await Database.open(url) as database:
        yield database


async def test_migrates_once_however_many_start_together(url: str) -> None:
    script = "import sys; from bot.storage.migrate import upgrade; upgrade(sys.argv[1])"
    running = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, url, cwd=ROOT)
        for _ in range(3)
    ]
    assert [await process.wait() for process in running] == [0, 0, 0]
    now, head = await asyncio.to_thread(current, url)
    assert now == head == await asyncio.to_thread(upgrade, url)


async def test_refuses_a_newer_database(url: str, database: Database) -> None:
    await database.write(
        lambda connection: connection.execute(
            sa.text("UPDATE alembic_version SET version_num = '9876'")
        ).close()
    )
    with pytest.raises(DatabaseError, match="9876"):
        await Database.open(url)


async def test_settings(database: Database) -> None:
    servers = Servers(database)
    assert await servers.get(1) == ServerSettings(1)
    await servers.set_preset(1, "strict")
    await servers.set_threshold(1, Label.THREAT, 0.1)
    await servers.set_threshold(1, Label.THREAT, 0.2)
    assert await servers.add_exemption(1, ExemptionKind.ROLE, 2**63 - 1)
    assert not await servers.add_exemption(1, ExemptionKind.ROLE, 2**63 - 1)
    assert await servers.get(1) == ServerSettings(
        1,
        preset="strict",
        overrides={Label.THREAT: 0.2},
        exempt_role_ids=frozenset({2**63 - 1}),
    )


async def test_decisions(database: Database, new_decision: Callable[..., NewDecision]) -> None:
    decisions = Decisions(database)
    results = await asyncio.gather(*(decisions.record(new_decision()) for _ in range(5)))
    (kept,) = [result for result in results if result is not None]
    assert await decisions.get(kept.id) == kept
    day = date(2026, 1, 31)
    decisions.count_passed(100, datetime(2026, 1, 31, tzinfo=UTC), texts=3)
    assert await decisions.counts(100, day) == [DailyCount(day, passed=3, flagged=1)]
    assert await decisions.unsettled(decided_after=kept.decided_at) == [kept]
    assert await decisions.unsettled(decided_before=kept.decided_at) == []
    assert await decisions.settle(kept.id, Outcome.ALERTED)
    assert not await decisions.settle(kept.id, Outcome.FAILED)
    (found,) = await decisions.recent(100)
    assert found.outcome is Outcome.ALERTED
    assert found.settled_at is not None
    assert datetime.now(UTC) - found.settled_at < timedelta(minutes=1)


async def test_a_failed_write_takes_no_other_along(
    database: Database, new_decision: Callable[..., NewDecision]
) -> None:
    decisions = Decisions(database)
    results = await asyncio.gather(
        decisions.record(new_decision(message_id=1)),
        decisions.record(new_decision(message_id=2**64)),
        decisions.record(new_decision(message_id=2)),
        return_exceptions=True,
    )
    assert isinstance(results[1], DatabaseError)
    assert [one.message_id for one in await decisions.recent(100)] == [2, 1]


async def test_a_database_that_does_not_exist() -> None:
    missing = Address.parse(URL).url.set(database="hexward_that_is_not_there")
    with pytest.raises(DatabaseError, match="does not exist"):
        await Database.open(missing.render_as_string(hide_password=False))
