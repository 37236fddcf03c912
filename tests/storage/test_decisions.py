from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import DatabaseError
from bot.labels import Label, Scores, Thresholds
from bot.rules import Mode
from bot.storage import decisions as module
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision, Outcome, RecordedDecision
from tests.patience import until
from tests.storage.keeping import decided, latest

Make = Callable[..., NewDecision]
BIG = 2**63 - 1
DAY = date(2026, 1, 31)


@pytest.fixture
def decisions(database: Database) -> Decisions:
    return Decisions(database)


async def recorded(decisions: Decisions, decision: NewDecision) -> RecordedDecision:
    result = await decisions.record(decision)
    assert result is not None
    return result


async def test_comes_back_as_it_was_given(
    database: Database, decisions: Decisions, new_decision: Make
) -> None:
    given = new_decision(server_id=BIG, channel_id=BIG - 1, message_id=BIG - 2, author_id=BIG - 3)
    kept = await recorded(decisions, given)
    assert kept == RecordedDecision(
        id=kept.id,
        **{name: getattr(given, name) for name in NewDecision.__dataclass_fields__},
    )
    assert await decided(database, kept.id) == kept
    assert kept.outcome is kept.outcome_detail is kept.settled_at is None


async def test_the_row_reads_well_in_plain_sqlite(
    decisions: Decisions, new_decision: Make, path: Path
) -> None:
    new = new_decision(
        surface="forward:0",
        revision=1769860800123,
        action="timeout",
        mode=Mode.ENFORCE,
        timeout=timedelta(hours=2),
    )
    kept = await recorded(decisions, new)
    await decisions.settle(kept.id, Outcome.MISSING_PERMISSION, "Send Messages in the log channel")
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM decisions").fetchone())
    settled_at = row.pop("settled_at")
    assert datetime.fromisoformat(settled_at).tzinfo is not None
    assert row == {
        "id": kept.id,
        "server_id": 100,
        "channel_id": 200,
        "message_id": 300,
        "author_id": 400,
        "surface": "forward:0",
        "revision": 1769860800123,
        "score_toxic": 0.91,
        "score_severe_toxic": 0.02,
        "score_obscene": 0.33,
        "score_threat": 0.04,
        "score_insult": 0.85,
        "score_identity_hate": 0.06,
        "threshold_toxic": 0.5,
        "threshold_severe_toxic": 0.6,
        "threshold_obscene": 0.7,
        "threshold_threat": 0.8,
        "threshold_insult": 0.55,
        "threshold_identity_hate": 0.65,
        "labels_over": "toxic,insult",
        "action": "timeout",
        "outcome": "missing_permission",
        "outcome_detail": "Send Messages in the log channel",
        "model_version": "0.1.0+abc",
        "message_created_at": "2026-01-31T11:59:58.123000Z",
        "decided_at": "2026-01-31T12:00:00.456789Z",
        "mode": "enforce",
        "timeout_s": 7_200,
    }


async def test_the_same_revision_is_recorded_once(
    database: Database, decisions: Decisions, new_decision: Make, path: Path
) -> None:
    results = await asyncio.gather(*(decisions.record(new_decision()) for _ in range(10)))
    kept = [result for result in results if result is not None]
    assert len(kept) == 1
    assert await latest(database, 100) == kept
    assert counts(path, 100) == [(str(DAY), 0, 1)]


async def test_edits_and_other_surfaces_are_decisions_of_their_own(
    database: Database, decisions: Decisions, new_decision: Make
) -> None:
    different = [
        new_decision(),
        new_decision(revision=1769860800123),
        new_decision(revision=1769860800124),
        new_decision(surface="forward:0"),
        new_decision(message_id=301),
    ]
    kept = [await recorded(decisions, decision) for decision in different]
    assert len({one.id for one in kept}) == 5
    assert await latest(database, 100) == kept[::-1]
    assert await latest(database, 100, 2) == kept[:2:-1]
    assert await latest(database, 101) == []


async def test_ids_are_not_given_out_again(
    database: Database, decisions: Decisions, new_decision: Make, path: Path
) -> None:
    first = await recorded(decisions, new_decision())
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM decisions")
    second = await recorded(decisions, new_decision())
    assert second.id > first.id
    assert await decided(database, first.id) is None


class TestSettling:
    async def test_is_written_down(
        self, database: Database, decisions: Decisions, new_decision: Make
    ) -> None:
        kept = await recorded(decisions, new_decision())
        before = datetime.now(UTC)
        assert await decisions.settle(kept.id, Outcome.ALERTED)
        found = await decided(database, kept.id)
        assert found is not None
        assert found.outcome is Outcome.ALERTED
        assert found.outcome_detail is None
        assert found.settled_at is not None
        assert before <= found.settled_at <= datetime.now(UTC)

    async def test_the_first_outcome_stays(
        self, database: Database, decisions: Decisions, new_decision: Make
    ) -> None:
        kept = await recorded(decisions, new_decision())
        first, second = await asyncio.gather(
            decisions.settle(kept.id, Outcome.ALERTED), decisions.settle(kept.id, Outcome.FAILED)
        )
        assert (first, second) == (True, False)
        found = await decided(database, kept.id)
        assert found is not None
        assert found.outcome is Outcome.ALERTED

    async def test_of_nothing(self, decisions: Decisions) -> None:
        assert not await decisions.settle(12345, Outcome.ALERTED)

    async def test_a_long_detail_is_cut(
        self, database: Database, decisions: Decisions, new_decision: Make
    ) -> None:
        kept = await recorded(decisions, new_decision())
        await decisions.settle(kept.id, Outcome.FAILED, "x" * 5000)
        found = await decided(database, kept.id)
        assert found is not None
        assert found.outcome_detail == "x" * 200

    async def test_unsettled_ones_oldest_first_within_bounds(
        self, decisions: Decisions, new_decision: Make
    ) -> None:
        noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
        times = [noon + timedelta(minutes=minute) for minute in (3, 1, 2, 0)]
        three, one, two, zero = [
            await recorded(decisions, new_decision(message_id=number, decided_at=moment))
            for number, moment in enumerate(times)
        ]
        await decisions.settle(two.id, Outcome.ALERTED)
        assert await decisions.unsettled() == [zero, one, three]
        assert await decisions.unsettled(limit=2) == [zero, one]
        assert await decisions.unsettled(decided_after=one.decided_at) == [one, three]
        assert await decisions.unsettled(decided_before=three.decided_at) == [zero, one]
        east = noon.astimezone(timezone(timedelta(hours=9)))
        assert await decisions.unsettled(decided_before=east + timedelta(seconds=1)) == [zero]


class TestCounts:
    async def test_add_up_per_server_day_and_hour_in_utc(
        self, decisions: Decisions, new_decision: Make, path: Path
    ) -> None:
        late = datetime(2026, 2, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))  # 31 January in UTC
        decisions.count_passed(100, late)
        decisions.count_passed(100, late, texts=3)
        decisions.count_passed(100, late + timedelta(hours=1))
        decisions.count_passed(200, late, texts=50)
        await recorded(decisions, new_decision(decided_at=late))
        await decisions.flush()
        assert counts(path, 100) == [("2026-01-31", 4, 1), ("2026-02-01", 1, 0)]
        assert hours(path, 100) == [("2026-01-31", 23, 5), ("2026-02-01", 0, 1)]
        decisions.count_passed(100, late)
        await decisions.flush()
        assert counts(path, 100)[0] == ("2026-01-31", 5, 1)
        assert hours(path, 200) == [("2026-01-31", 23, 50)]

    async def test_are_written_by_themselves(self, decisions: Decisions, path: Path) -> None:
        decisions.count_passed(1, datetime.now(UTC), texts=4)
        await until(lambda: passed(path) == 4)
        decisions.count_passed(1, datetime.now(UTC), texts=4)
        await until(lambda: passed(path) == 8)

    async def test_are_written_at_closing(self, url: str, path: Path) -> None:
        database = await Database.open(url)
        decisions = Decisions(database)
        decisions.count_passed(1, datetime.now(UTC), texts=7)
        await database.close()
        assert passed(path) == 7

    async def test_outlast_a_locked_database(
        self, decisions: Decisions, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            decisions.count_passed(1, datetime.now(UTC), texts=2)
            with pytest.raises(DatabaseError, match="locked"):
                await decisions.flush()
            decisions.count_passed(1, datetime.now(UTC), texts=3)
            await until(lambda: "not written yet" in caplog.text)
        await until(lambda: passed(path) == 5)
        await until(lambda: "Counts of passed messages are written again" in caplog.text)
        assert caplog.text.count("not written yet") == 1


class TestNewDecision:
    @pytest.mark.parametrize("surface", ["", "you absolute walnut", "x" * 65, "content\n", "très"])
    def test_a_surface_is_an_identifier_and_never_repeated(
        self, new_decision: Make, surface: str
    ) -> None:
        with pytest.raises(ValueError, match="surface") as caught:
            new_decision(surface=surface)
        assert not surface or surface not in str(caught.value)

    def test_flags_something(self, new_decision: Make) -> None:
        with pytest.raises(ValueError, match="labels_over"):
            new_decision(labels_over=())

    @pytest.mark.parametrize("name", ["decided_at", "message_created_at"])
    def test_times_are_aware(self, new_decision: Make, name: str) -> None:
        naive = datetime(2026, 1, 31, tzinfo=UTC).replace(tzinfo=None)
        with pytest.raises(ValueError, match=name):
            new_decision(**{name: naive})


numbers = st.floats(0, 1)
six = st.tuples(*[numbers] * 6)
ids = st.integers(0, BIG)


@settings(max_examples=40, deadline=None)
@given(scores=six, thresholds=six, labels=st.sets(st.sampled_from(Label), min_size=1), big=ids)
def test_any_decision_survives_the_row(
    scores: tuple[float, ...], thresholds: tuple[float, ...], labels: set[Label], big: int
) -> None:
    """Through SQLite itself, without the writer, so that many can be tried."""
    decision = NewDecision(
        server_id=big,
        channel_id=big,
        message_id=big,
        author_id=big,
        surface="content",
        revision=big,
        scores=Scores(*scores),
        thresholds=Thresholds(*thresholds),
        labels_over=tuple(label for label in Label if label in labels),
        action="alert",
        model_version="1",
        message_created_at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=big % 10**16),
        decided_at=datetime.now(UTC),
    )
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        kept = module._record(decision, connection)
        row = connection.execute(sa.select(schema.decisions)).one()
        assert module.recorded(row) == kept
    engine.dispose()


def test_a_crash_leaves_what_was_recorded(url: str, path: Path, new_decision: Make) -> None:
    """A process that is killed between recording and acting; the next one picks it up."""
    script = """
import asyncio, os, signal, sys
from dataclasses import replace
from datetime import UTC, datetime
from bot.labels import Label, Scores, Thresholds
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision, Outcome

async def main():
    decisions = Decisions(await Database.open(sys.argv[1]))
    now = datetime.now(UTC)
    first = NewDecision(
        server_id=1, channel_id=2, message_id=0, author_id=4, surface="content", revision=0,
        scores=Scores(*[0.9] * 6), thresholds=Thresholds(*[0.5] * 6), labels_over=(Label.TOXIC,),
        action="alert", model_version="1", message_created_at=now, decided_at=now,
    )
    kept = [await decisions.record(replace(first, message_id=number)) for number in range(5)]
    await decisions.settle(kept[0].id, Outcome.ALERTED)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script, url], cwd=root, timeout=40)
    assert done.returncode == -9
    assert os.path.getsize(f"{path}-wal") > 0

    async def pick_up() -> list[int]:
        async with await Database.open(url) as database:
            decisions = Decisions(database)
            left = await decisions.unsettled(decided_before=datetime.now(UTC))
            for decision in left:
                assert await decisions.settle(decision.id, Outcome.ALERTED)
            assert await decisions.unsettled() == []
            return [decision.message_id for decision in left]

    assert asyncio.run(pick_up()) == [1, 2, 3, 4]


def counts(path: Path, server_id: int) -> list[tuple[str, int, int]]:
    """Day, passed, flagged."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT day, passed, flagged FROM daily_counts WHERE server_id = ? ORDER BY day",
            (server_id,),
        ).fetchall()


def hours(path: Path, server_id: int) -> list[tuple[str, int, int]]:
    """Day, hour, texts."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT day, hour, texts FROM hourly_counts WHERE server_id = ? ORDER BY day, hour",
            (server_id,),
        ).fetchall()


def passed(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (total,) = connection.execute(
            "SELECT coalesce(sum(passed), 0) FROM daily_counts"
        ).fetchone()
    return int(total)
