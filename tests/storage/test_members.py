"""A member gets what is stored of them and nothing else; who is forgotten is in no file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.storage import members as module
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision, Outcome
from bot.storage.members import FORGOTTEN, PEOPLE, Forgotten, Members
from bot.storage.privacy import Privacy
from bot.storage.retention import Retention
from tests.storage.keeping import DAY, NOW, Clock

Make = Callable[..., NewDecision]
# As long as Discord's ids are, so that SQLite stores them in eight bytes.
ADA, BOB, MO, HERE, THERE = (1_200_000_000_000_000_000 + number for number in range(5))
MESSAGE = 1_300_000_000_000_000_000


@pytest.fixture
def members(database: Database, clock: Clock) -> Members:
    return Members(database, clock=clock)


class Log:
    """Puts flags, verdicts and deeds into the database as the bot does."""

    def __init__(self, database: Database, new_decision: Make) -> None:
        self._database = database
        self._new_decision = new_decision
        self._next = MESSAGE

    async def flag(self, age: timedelta = 10 * DAY, author: int = ADA, server: int = HERE) -> int:
        self._next += 1
        kept = await Decisions(self._database).record(
            self._new_decision(
                server_id=server,
                author_id=author,
                message_id=self._next,
                message_created_at=NOW - age,
                decided_at=NOW - age,
            )
        )
        assert kept is not None
        return kept.id

    async def judge(
        self, decision_id: int, verdict: str, by: int = MO, age: timedelta = DAY
    ) -> int:
        await self._put(
            schema.verdicts,
            decision_id=decision_id,
            verdict=verdict,
            moderator_id=by,
            at=NOW - age,
        )
        return decision_id

    async def act(self, decision_id: int, by: int | None = MO, age: timedelta = DAY) -> int:
        await self._put(
            schema.deeds,
            decision_id=decision_id,
            kind="delete",
            moderator_id=by,
            at=NOW - age,
            result="done",
            changed_at=NOW - age,
        )
        await self._put(schema.cards, decision_id=decision_id, channel_id=77, card_id=88)
        return decision_id

    async def quote(self, decision_id: int, text: str = "words") -> int:
        await self._put(schema.excerpts, decision_id=decision_id, text=text, stored_at=NOW)
        return decision_id

    async def _put(self, table: sa.Table, **values: object) -> None:
        await self._database.write(lambda c: c.execute(table.insert(), values).close())


@pytest.fixture
def record(database: Database, new_decision: Make) -> Log:
    return Log(database, new_decision)


async def rows(database: Database, table: sa.Table) -> list[Any]:
    statement = sa.select(table).order_by(*table.primary_key.columns)
    return await database.read(lambda c: list(c.execute(statement).all()))


def test_every_column_that_may_name_a_person_is_known() -> None:
    # What else is an id of Discord's. Whoever adds a column decides here which kind it is.
    others = {
        "server_id",
        "channel_id",
        "message_id",
        "log_channel_id",
        "scope_id",
        "target_id",  # a role or a channel
        "decision_id",
        "card_id",
        "line_id",  # a message of the bot's
        "place_id",  # a channel
        "left_out_id",  # a channel
        "id",
    }
    found = {
        column
        for table in schema.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_id") and column.name not in others
    }
    assert found == set(PEOPLE)


class TestExport:
    async def test_holds_exactly_the_members_rows(
        self, members: Members, record: Log, database: Database
    ) -> None:
        first = await record.flag(3 * DAY)
        second = await record.flag(2 * DAY)
        for other in (await record.flag(author=BOB), await record.flag(server=THERE)):
            await record.judge(other, "upheld")
            await record.act(other)
            await record.quote(other)
        await record.judge(first, "upheld")
        await record.act(first, by=None)
        await record.quote(first, "my own words")
        document = await members.export(HERE, ADA)
        assert document["server_id"] == str(HERE)
        assert document["member_id"] == str(ADA)
        flags = document["flags_of_your_messages"]
        assert [flag["id"] for flag in flags] == [str(second), str(first)]
        assert document["older_flags_left_out"] == 0
        assert flags[0]["verdict"] is flags[0]["excerpt"] is flags[0]["card"] is None
        assert flags[0]["deeds"] == []
        assert flags[1]["excerpt"]["text"] == "my own words"
        assert flags[1]["verdict"]["verdict"] == "upheld"
        assert flags[1]["card"]["card_id"] == "88"
        (deed,) = flags[1]["deeds"]
        assert (deed["kind"], deed["by"]) == ("delete", "hexward")
        # Every column of a decision is in it, the two that say whose it is apart.
        assert {column.name for column in schema.decisions.columns} - flags[0].keys() == {
            "server_id",
            "author_id",
        }
        text = json.dumps(document)
        assert str(BOB) not in text
        assert str(MO) not in text
        assert document["your_verdicts"] == document["your_deeds"] == []

    async def test_a_moderator_gets_what_they_did_and_not_to_whom(
        self, members: Members, record: Log
    ) -> None:
        flag = await record.act(await record.judge(await record.flag(), "dismissed"))
        await record.judge(await record.flag(server=THERE), "upheld")
        document = await members.export(HERE, MO)
        (verdict,), (deed,) = document["your_verdicts"], document["your_deeds"]
        assert verdict["decision_id"] == deed["decision_id"] == str(flag)
        assert verdict["verdict"] == "dismissed"
        assert document["flags_of_your_messages"] == []
        assert str(ADA) not in json.dumps(document)

    async def test_nobody_else_gets_anything(self, members: Members, record: Log) -> None:
        await record.judge(await record.flag(), "upheld")
        document = await members.export(HERE, BOB)
        assert not any(
            value for key, value in document.items() if key.startswith(("flags", "your"))
        )

    async def test_says_how_many_older_flags_do_not_fit(
        self, members: Members, record: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MOST_ROWS", 2)
        flags = [await record.quote(await record.flag()) for _ in range(5)]
        document = await members.export(HERE, ADA)
        found = [int(flag["id"]) for flag in document["flags_of_your_messages"]]
        assert found == [flags[4], flags[3]]
        assert document["older_flags_left_out"] == 3


class TestForgetting:
    async def test_a_flag_without_a_verdict_is_deleted_with_all_that_belongs_to_it(
        self, members: Members, record: Log, database: Database
    ) -> None:
        await record.quote(await record.act(await record.flag()))
        assert await members.forget(HERE, ADA) == Forgotten(gone=1, later=0)
        for table in (
            schema.decisions,
            schema.deeds,
            schema.cards,
            schema.excerpts,
            schema.forgettings,
        ):
            assert await rows(database, table) == []
        # How many were flagged on a day names nobody.
        assert [row.flagged for row in await rows(database, schema.daily_counts)] == [1]

    async def test_a_verdict_stays_with_the_scores_and_without_ids(
        self, members: Members, record: Log, database: Database
    ) -> None:
        flag = await record.flag()
        await Decisions(database).settle(flag, Outcome.ALERTED, "a detail")
        (before,) = await rows(database, schema.decisions)
        await record.quote(await record.act(await record.judge(flag, "upheld")))
        assert await members.forget(HERE, ADA) == Forgotten(gone=1, later=0)
        (after,) = await rows(database, schema.decisions)
        assert (after.author_id, after.channel_id) == (FORGOTTEN, FORGOTTEN)
        assert (after.message_id, after.revision) == (-flag, 0)
        assert after.outcome_detail is None
        for name in ("message_created_at", "decided_at", "settled_at"):
            time = getattr(after, name)
            assert time.date() == getattr(before, name).date()
            assert (time.hour, time.minute, time.second, time.microsecond) == (0, 0, 0, 0)
        scores = [name for name in after._fields if name.startswith(("score", "threshold"))]
        assert [after._mapping[name] for name in scores] == [
            before._mapping[name] for name in scores
        ]
        assert after.labels_over == before.labels_over
        (verdict,) = await rows(database, schema.verdicts)
        assert (verdict.verdict, verdict.moderator_id) == ("upheld", MO)
        assert verdict.at.hour == 0
        for table in (schema.deeds, schema.cards, schema.excerpts):
            assert await rows(database, table) == []

    async def test_what_is_young_stays_seven_days_unless_it_was_a_false_alarm(
        self, members: Members, record: Log, database: Database, clock: Clock
    ) -> None:
        old = await record.flag(8 * DAY)
        young = await record.quote(await record.flag(DAY))
        await record.judge(await record.flag(2 * DAY), "upheld")
        await record.judge(await record.flag(DAY), "dismissed")
        assert await members.forget(HERE, ADA) == Forgotten(gone=2, later=2)
        left = [row.id for row in await rows(database, schema.decisions) if row.author_id == ADA]
        assert left == [young, young + 1]
        assert old not in left
        # Words go at once, whatever age.
        assert await rows(database, schema.excerpts) == []
        # What is flagged after the wish is none of it.
        later = await record.flag(-DAY)
        assert await members.finish_forgetting() == 0
        clock.now = NOW + 5 * DAY + timedelta(seconds=1)
        assert await members.finish_forgetting() == 1
        assert len(await rows(database, schema.forgettings)) == 1
        clock.now = NOW + 6 * DAY + timedelta(seconds=1)
        assert await members.finish_forgetting() == 1
        assert await rows(database, schema.forgettings) == []
        clock.now = NOW + 60 * DAY
        assert await members.finish_forgetting() == 0
        (kept,) = [row for row in await rows(database, schema.decisions) if row.author_id]
        assert (kept.id, kept.author_id) == (later, ADA)

    async def test_the_daily_purge_finishes_it(
        self, members: Members, record: Log, database: Database, clock: Clock
    ) -> None:
        await record.flag(DAY)
        assert await members.forget(HERE, ADA) == Forgotten(gone=0, later=1)
        clock.now = NOW + 7 * DAY
        purged = await Retention(database, Privacy(database), members, clock=clock).purge()
        assert purged.forgotten == 1
        assert await rows(database, schema.decisions) == []

    async def test_a_moderators_verdicts_stay_without_their_name(
        self, members: Members, record: Log, database: Database, clock: Clock
    ) -> None:
        old = await record.judge(await record.flag(), "upheld", age=8 * DAY)
        await record.act(old, age=8 * DAY)
        new = await record.act(await record.judge(await record.flag(), "dismissed", age=DAY))
        by_itself = await record.act(await record.flag(), by=None)
        assert await members.forget(HERE, MO) == Forgotten(gone=2, later=2)

        async def names(table: sa.Table) -> dict[int, int | None]:
            return {row.decision_id: row.moderator_id for row in await rows(database, table)}

        assert await names(schema.verdicts) == {old: FORGOTTEN, new: MO}
        assert await names(schema.deeds) == {old: FORGOTTEN, new: MO, by_itself: None}
        clock.now = NOW + 7 * DAY
        assert await members.finish_forgetting() == 2
        assert await names(schema.verdicts) == {old: FORGOTTEN, new: FORGOTTEN}
        assert await names(schema.deeds) == {old: FORGOTTEN, new: FORGOTTEN, by_itself: None}

    async def test_other_members_and_other_servers_keep_theirs(
        self, members: Members, record: Log, database: Database
    ) -> None:
        others = [await record.flag(author=BOB), await record.flag(server=THERE)]
        for flag in others:
            await record.quote(await record.act(await record.judge(flag, "upheld")))
        await record.flag()
        before = {table: await rows(database, table) for table in schema.metadata.sorted_tables}
        await members.forget(HERE, ADA)
        after = {table: await rows(database, table) for table in schema.metadata.sorted_tables}
        before[schema.decisions] = [row for row in before[schema.decisions] if row.id in others]
        assert after == before

    async def test_more_than_a_slice(
        self,
        members: Members,
        record: Log,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(module, "_SLICE", 3)
        for number in range(10):
            flag = await record.flag()
            if number % 2:
                await record.judge(flag, "upheld")
        assert (await members.forget(HERE, ADA)).gone == 10
        assert len(await rows(database, schema.decisions)) == 5

    async def test_no_trace_of_an_id_is_left_in_any_file(
        self, members: Members, record: Log, database: Database, path: Path, clock: Clock
    ) -> None:
        for number in range(200):
            flag = await record.flag(author=(ADA, BOB)[number % 2])
            if number % 3 == 0:
                await record.judge(flag, "upheld", by=MO, age=8 * DAY)
            if number % 5 == 0:
                await record.act(flag, by=MO, age=8 * DAY)
            await record.quote(flag, f"the words of {(ADA, BOB)[number % 2]}")
        assert traces(path, ADA) > 50
        assert traces(path, MO) > 50
        await members.forget(HERE, ADA)
        await members.forget(HERE, MO)
        # At once no row and next to no trace; none after the daily purge.
        assert all(ADA not in row and MO not in row for row in await everything(database))
        assert traces(path, ADA) < 40
        await Retention(database, Privacy(database), members, clock=clock).purge()
        # While the bot runs: in the file, and in the log that SQLite writes ahead of it.
        assert traces(path, ADA) == traces(path, MO) == 0
        assert traces(path, BOB) > 50
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def everything(database: Database) -> list[Any]:
    return [row for table in schema.metadata.sorted_tables for row in await rows(database, table)]


def traces(path: Path, number: int) -> int:
    """How often an id stands in the files of a database, as SQLite stores it or in digits."""
    return sum(
        file.read_bytes().count(form)
        for file in path.parent.iterdir()
        if not file.name.endswith("-shm")
        for form in (number.to_bytes(8, "big"), str(number).encode())
    )
