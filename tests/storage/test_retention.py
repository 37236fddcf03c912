"""What is too old goes, what the bot left goes, and nothing else does."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.storage import retention as module
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision
from bot.storage.members import Members
from bot.storage.privacy import Privacy, ServerPrivacy
from bot.storage.retention import AGES, KEEP_LEFT, LASTING, Retention
from bot.storage.servers import Servers
from bot.storage.utc_time import UtcTime
from tests.storage.keeping import DAY, NOW, Clock, numbers

Make = Callable[..., NewDecision]


async def message_ids(database: Database) -> list[int]:
    statement = sa.select(schema.decisions.c.message_id).order_by(schema.decisions.c.message_id)
    return await database.read(lambda connection: list(connection.execute(statement).scalars()))


async def put(database: Database, table: sa.Table, **values: object) -> None:
    await database.write(lambda connection: connection.execute(table.insert(), values).close())


def test_every_table_says_how_long_its_rows_stay() -> None:
    for table in schema.metadata.sorted_tables:
        owners = {key.column.table for key in table.foreign_keys if key.ondelete == "CASCADE"}
        ways = [table in AGES, table in LASTING, schema.decisions in owners]
        assert sum(ways) == 1, table.name
        # And what belongs to a server is found when the bot has left it.
        assert "server_id" in table.c or owners, table.name


def test_rows_that_go_with_another_are_found_by_it() -> None:
    for table in schema.metadata.sorted_tables:
        indexed = {next(iter(index.columns)) for index in table.indexes}
        indexed.add(next(iter(table.primary_key.columns)))
        for key in table.foreign_keys:
            assert key.parent in indexed, f"{table.name}: every deletion would read it whole"


async def test_decisions_go_when_they_are_older_than_the_server_wants(
    database: Database, privacy: Privacy, retention: Retention, new_decision: Make
) -> None:
    decisions = Decisions(database)
    for number, (server_id, age) in enumerate(
        [(1, 29 * DAY), (1, 31 * DAY), (2, 6 * DAY), (2, 8 * DAY), (3, 89 * DAY), (3, 91 * DAY)]
    ):
        await decisions.record(
            new_decision(server_id=server_id, message_id=number, decided_at=NOW - age)
        )
    await privacy.set_retention(2, 7)
    await privacy.set_retention(3, 90)
    purged = await retention.purge()
    assert await message_ids(database) == [0, 2, 4]
    # The day and the hour of each are counted, and go with it.
    assert purged.rows == 9
    assert await numbers(database, schema.daily_counts) == 3


async def test_what_belongs_to_a_decision_goes_with_it(
    database: Database, retention: Retention, new_decision: Make
) -> None:
    kept = await Decisions(database).record(new_decision(decided_at=NOW - 31 * DAY))
    assert kept is not None
    about = {"decision_id": kept.id}
    await put(database, schema.verdicts, **about, verdict="upheld", moderator_id=7, at=NOW)
    await put(database, schema.deeds, **about, kind="delete", at=NOW, result="done", changed_at=NOW)
    await put(database, schema.cards, **about, channel_id=1, card_id=2)
    await put(database, schema.excerpts, **about, text="words", stored_at=NOW)
    await retention.purge()
    for table in (schema.verdicts, schema.deeds, schema.cards, schema.excerpts):
        assert await numbers(database, table) == 0


async def test_unscreened_messages_and_counts_go_too(
    database: Database, retention: Retention
) -> None:
    for number, age in enumerate((6 * DAY, 8 * DAY)):
        await put(
            database,
            schema.unscreened,
            message_id=number,
            server_id=1,
            channel_id=2,
            at=NOW - age,
            reason="away",
        )
    for age in (29 * DAY, 31 * DAY):
        await put(
            database,
            schema.daily_counts,
            server_id=1,
            day=(NOW - age).date(),
            passed=1,
            flagged=0,
        )
        await put(
            database, schema.hourly_counts, server_id=1, day=(NOW - age).date(), hour=5, texts=1
        )
        for number in range(3):
            samples = {"server_id": 1, "day": (NOW - age).date(), "stratum": number}
            await put(database, schema.sample_counts, **samples, texts=9)
            scores = {
                column.name: 0 for column in schema.score_samples.c if "permille" in column.name
            }
            await put(database, schema.score_samples, **samples, place=0, **scores)
    assert (await retention.purge()).rows == 9
    assert await numbers(database, schema.unscreened) == 1
    assert await numbers(database, schema.hourly_counts) == 1
    assert await numbers(database, schema.daily_counts) == 1
    assert await numbers(database, schema.sample_counts) == 3
    assert await numbers(database, schema.score_samples) == 3


async def test_a_second_purge_finds_nothing(
    database: Database, retention: Retention, new_decision: Make
) -> None:
    await Decisions(database).record(new_decision(decided_at=NOW - 31 * DAY))
    assert (await retention.purge()).rows == 3
    assert (await retention.purge()).rows == 0


async def test_a_large_purge_lets_others_write_in_between(
    database: Database,
    retention: Retention,
    new_decision: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_SLICE", 10)
    decisions = Decisions(database)
    await asyncio.gather(
        *(
            decisions.record(new_decision(message_id=number, decided_at=NOW - 40 * DAY))
            for number in range(100)
        )
    )
    purging = asyncio.create_task(retention.purge())
    while await numbers(database, schema.decisions) == 100:  # noqa: ASYNC110 - one slice
        await asyncio.sleep(0)
    await decisions.record(new_decision(message_id=1_000, decided_at=NOW))
    assert not purging.done()
    await purging
    assert await message_ids(database) == [1_000]


async def test_a_purge_that_was_cut_off_goes_on_where_it_was(
    database: Database, retention: Retention, new_decision: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SLICE", 10)
    decisions = Decisions(database)
    for number in range(30):
        await decisions.record(new_decision(message_id=number, decided_at=NOW - 40 * DAY))
    purging = asyncio.create_task(retention.purge())
    while await numbers(database, schema.decisions) == 30:  # noqa: ASYNC110 - one slice
        await asyncio.sleep(0)
    purging.cancel()
    assert 0 < await numbers(database, schema.decisions) < 30
    await retention.purge()
    assert await numbers(database, schema.decisions) == 0


async def test_two_processes_purge_together(
    database: Database, url: str, retention: Retention, clock: Clock, new_decision: Make
) -> None:
    decisions = Decisions(database)
    for number in range(250):
        await decisions.record(new_decision(message_id=number, decided_at=NOW - 40 * DAY))
    async with await Database.open(url) as second:
        other = Retention(second, Privacy(second), Members(second, clock=clock), clock=clock)
        one, two = await asyncio.gather(retention.purge(), other.purge())
    assert one.rows + two.rows == 252
    assert await numbers(database, schema.decisions) == 0


class TestLeaving:
    async def fill(self, database: Database, new_decision: Make) -> None:
        """Something in every table, of server 1 and of server 2."""
        servers, decisions = Servers(database), Decisions(database)
        for server_id in (1, 2):
            await servers.set_log_channel(server_id, 5)
            kept = await decisions.record(
                new_decision(server_id=server_id, message_id=server_id, decided_at=NOW)
            )
            assert kept is not None
            for table in schema.metadata.sorted_tables:
                counts = (schema.daily_counts, schema.hourly_counts)
                if table in (schema.servers, schema.decisions, *counts):
                    continue
                await put(database, table, **_anything(table, server_id, kept.id))

    async def rows(self, path: Path) -> dict[str, int]:
        with closing(sqlite3.connect(path)) as connection:
            return {
                name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
                for name in schema.metadata.tables
            }

    async def test_everything_of_a_server_goes_seven_days_after_the_bot(
        self,
        database: Database,
        path: Path,
        privacy: Privacy,
        retention: Retention,
        clock: Clock,
        new_decision: Make,
    ) -> None:
        await self.fill(database, new_decision)
        assert set((await self.rows(path)).values()) == {2}
        await privacy.mark_left([1], NOW)
        clock.now = NOW + KEEP_LEFT - timedelta(seconds=1)
        assert await retention.delete_left([1]) == []
        assert set((await self.rows(path)).values()) == {2}
        clock.now = NOW + KEEP_LEFT
        # Not without somebody who knows that the bot is not there.
        assert await retention.delete_left([]) == []
        assert await retention.delete_left([1]) == [1]
        assert set((await self.rows(path)).values()) == {1}
        assert await privacy.known_servers() == {2}

    async def test_coming_back_in_time_keeps_it(
        self, database: Database, privacy: Privacy, retention: Retention, clock: Clock
    ) -> None:
        await privacy.set_retention(1, 60)
        await privacy.mark_left([1], NOW)
        await privacy.mark_present([1, 2])
        clock.now = NOW + 30 * DAY
        assert await retention.delete_left([1]) == []
        assert await privacy.get(1) == ServerPrivacy(1, retention_days=60)

    async def test_the_first_time_it_was_noticed_counts(self, privacy: Privacy) -> None:
        await privacy.mark_left([1], NOW)
        await privacy.mark_left([1], NOW + 3 * DAY)
        assert (await privacy.get(1)).left_at == NOW

    async def test_coming_back_in_the_middle_keeps_the_rest(
        self,
        database: Database,
        privacy: Privacy,
        retention: Retention,
        clock: Clock,
        new_decision: Make,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(module, "_SLICE", 10)
        decisions = Decisions(database)
        for number in range(30):
            await decisions.record(new_decision(server_id=1, message_id=number, decided_at=NOW))
        await privacy.mark_left([1], NOW)
        clock.now = NOW + 8 * DAY
        deleting = asyncio.create_task(retention.delete_left([1]))
        while await numbers(database, schema.decisions) == 30:  # noqa: ASYNC110 - one slice
            await asyncio.sleep(0)
        await privacy.mark_present([1])
        await deleting
        assert 0 < await numbers(database, schema.decisions) < 30


def _anything(table: sa.Table, server_id: int, decision_id: int) -> dict[str, object]:
    """Values that a row of the table can have."""
    known: dict[str, object] = {
        "server_id": server_id,
        "decision_id": decision_id,
        "label": "toxic",
        "verdict": "upheld",
        "kind": "role",
        "value": 0.5,
    }
    values: dict[str, object] = {}
    for column in table.columns:
        if column.name in known:
            values[column.name] = known[column.name]
        elif isinstance(column.type, sa.Boolean):
            values[column.name] = True
        elif isinstance(column.type, UtcTime):
            values[column.name] = None if column.nullable else NOW
        elif isinstance(column.type, sa.Date):
            values[column.name] = NOW.date()
        elif column.nullable or column.autoincrement is True:
            continue
        elif isinstance(column.type, sa.String):
            values[column.name] = "x"
        elif column.name != "id":
            values[column.name] = server_id
    return values
