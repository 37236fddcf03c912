"""Samples of scores that passed: bounded, unbiased, and standing for everything that passed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import DatabaseError
from bot.labels import Scores
from bot.storage import samples as module
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.samples import ScoreSamples, in_thousandths, least_thousandths

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
STRATA = ((0.0, 3), (0.05, 5), (0.25, 10))


def toxic(score: float) -> Scores:
    return Scores(score, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture
async def samples(database: Database) -> ScoreSamples:
    return ScoreSamples(database, random=Random(7))


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STRATA", STRATA)


async def stored(database: Database, server_id: int = 1) -> list[sa.Row[tuple[object, ...]]]:
    table = schema.score_samples
    statement = sa.select(table).where(table.c.server_id == server_id)
    return await database.read(lambda connection: list(connection.execute(statement).all()))


async def counted(database: Database) -> dict[tuple[int, date], int]:
    table = schema.sample_counts
    statement = sa.select(table.c.server_id, table.c.day, sa.func.sum(table.c.texts)).group_by(
        table.c.server_id, table.c.day
    )
    rows = await database.read(lambda connection: connection.execute(statement).all())
    return {(server_id, day): int(texts) for server_id, day, texts in rows}


def add(samples: ScoreSamples, scores: Iterable[float], at: datetime = NOON) -> None:
    for score in scores:
        samples.add(1, 5, toxic(score), at)


async def test_a_calm_day_is_kept_whole(database: Database, samples: ScoreSamples) -> None:
    samples.add(1, 5, Scores(0.1239, 0.0, 0.5, 1.0, 0.0004, 0.999999), NOON)
    samples.add(1, None, toxic(0.02), NOON)
    samples.add(2, 5, toxic(0.02), NOON)
    samples.add(1, 5, toxic(0.02), NOON + timedelta(days=1))
    await samples.flush()
    rows = await stored(database)
    assert sorted(map(tuple, rows), key=str) == [
        (1, NOON.date(), 0, 0, None, 20, 0, 0, 0, 0, 0),
        (1, NOON.date(), 2, 0, 5, 123, 0, 500, 1000, 0, 999),
        (1, NOON.date() + timedelta(days=1), 0, 0, 5, 20, 0, 0, 0, 0, 0),
    ]
    assert len(await stored(database, 2)) == 1


@given(score=st.floats(0, 1), threshold=st.integers(0, 1000).map(lambda n: n / 1000))
def test_a_kept_score_compares_as_the_whole_one_did(score: float, threshold: float) -> None:
    if abs(score - threshold) > 1e-11:
        assert (in_thousandths(score) >= least_thousandths(threshold)) == (score >= threshold)


@given(threshold=st.integers(0, 1000).map(lambda n: n / 1000))
def test_a_score_at_the_threshold_reaches_it(threshold: float) -> None:
    assert in_thousandths(threshold) == least_thousandths(threshold)


@pytest.mark.usefixtures("narrow")
async def test_a_day_never_has_more_samples_and_they_stand_for_everything(
    database: Database, samples: ScoreSamples
) -> None:
    random = Random(3)
    total = 0
    for size in (1, 0, 2, 40, 7, 300, 1, 1, 90):
        add(samples, [random.betavariate(0.4, 3) for _ in range(size)])
        total += size
        await samples.flush()
        rows = await stored(database)
        per_stratum = Counter(row.stratum for row in rows)
        for number, (_, most) in enumerate(STRATA):
            assert per_stratum[number] <= most
            places = [row.place for row in rows if row.stratum == number]
            assert sorted(places) == list(range(len(places)))
        # Each sample stands for as many as its stratum had for each: together, for all.
        assert (await counted(database)).get((1, NOON.date()), 0) == total
    assert len(rows) == 18


@pytest.mark.usefixtures("narrow")
async def test_what_is_counted_with_them_is_right_on_average(database: Database) -> None:
    """How many reach 0.4, of 240 in the upper stratum, of which 10 are kept: 60 in truth."""
    samples = ScoreSamples(database, random=Random(11))
    days = 60
    for n in range(days):
        add(samples, [0.3, 0.3, 0.3, 0.4] * 60, NOON + timedelta(days=n))
        if n % 10 == 0:  # some days are written in one go, some in two
            await samples.flush()
        add(samples, [0.01] * 20, NOON + timedelta(days=n))
    await samples.flush()
    high = [row for row in await stored(database) if row.permille_toxic >= 400]
    estimate = len(high) * 240 / 10 / days
    # A day's estimate has a standard deviation of 32, their mean one of 4.
    assert abs(estimate - 60) < 12


@pytest.mark.usefixtures("narrow")
async def test_a_restart_and_a_second_process_go_on_with_the_same_sample(
    database: Database, url: str
) -> None:
    one = ScoreSamples(database)
    add(one, [0.9] * 30)
    await one.flush()
    async with await Database.open(url) as other:
        two = ScoreSamples(other)
        add(two, [0.8] * 300)
        add(one, [0.7] * 300)
        await asyncio.gather(one.flush(), two.flush())
    assert await counted(database) == {(1, NOON.date()): 630}
    rows = await stored(database)
    assert len(rows) == 10
    assert {row.permille_toxic for row in rows} & {700, 800}


async def test_are_written_by_themselves_and_at_closing(url: str, path: Path) -> None:
    database = await Database.open(url)
    samples = ScoreSamples(database)
    add(samples, [0.5] * 4)
    async with asyncio.timeout(10):
        while not await stored(database):  # noqa: ASYNC110 - written about once a second
            await asyncio.sleep(0.02)
    add(samples, [0.6] * 3)
    await database.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM score_samples").fetchone() == (7,)


@pytest.mark.usefixtures("narrow")
async def test_outlast_a_locked_database_within_bounds(
    database: Database, samples: ScoreSamples, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            add(samples, [0.5] * 50)
            with pytest.raises(DatabaseError, match="locked"):
                await samples.flush()
            add(samples, [0.01] * 2)
        (held,) = [kept for stratum, kept in samples._gathered.items() if stratum.number == 2]
        assert len(held.kept) == 10
        assert held.offered == 100
    await samples.flush()
    assert await counted(database) == {(1, NOON.date()): 104}
    assert len(await stored(database)) == 13
