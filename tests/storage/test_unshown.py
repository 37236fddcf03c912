"""Counts of flags that no moderator was shown, over restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.storage.database import Database
from bot.storage.unshown import Missing, Unshown

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)


async def test_what_is_missing_outlasts_the_process(url: str) -> None:
    async with await Database.open(url) as database:
        unshown = await Unshown.open(database)
        unshown.add(1, 2, NOON)
        unshown.add(1, 1, LATER)
        unshown.told(1, LATER)
        unshown.await_line(2, 7, NOON)
    async with await Database.open(url) as database:
        unshown = await Unshown.open(database)
        assert unshown.of(1) == Missing(NOON, 3, told_at=LATER)
        # That line will never be posted.
        assert unshown.of(2) == Missing(NOON, 7)
        assert unshown.of(3) is None


async def test_what_was_told_is_gone_and_what_waits_for_its_line_is_not(url: str) -> None:
    async with await Database.open(url) as database:
        unshown = await Unshown.open(database)
        unshown.add(1, 2, NOON)
        unshown.told(1, NOON)
        unshown.await_line(1, 4, LATER)
        assert unshown.take(1) == Missing(NOON, 2, 4, NOON)
        assert unshown.take(1) is None
        assert unshown.of(1) == Missing(NOON, 0, 4)
        unshown.await_line(1, 0, LATER)
        assert unshown.of(1) is None
        unshown.told(1, LATER)
        assert unshown.of(1) is None
    async with await Database.open(url) as database:
        assert (await Unshown.open(database)).of(1) is None


async def test_what_could_not_be_told_comes_back(database: Database) -> None:
    unshown = await Unshown.open(database)
    unshown.add(1, 2, NOON)
    unshown.told(1, NOON)
    taken = unshown.take(1)
    assert taken is not None
    unshown.add(1, 1, LATER)
    unshown.put_back(1, taken)
    assert unshown.of(1) == Missing(NOON, 3, told_at=NOON)
