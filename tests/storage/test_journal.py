"""Decisions are found by what moderators know of them, in pages that hold while new ones come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from bot.labels import Label, Scores, Thresholds
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision
from bot.storage.history import History, Verdict
from bot.storage.journal import Journal, Judged, Wanted
from bot.storage.verdicts import Verdicts

Make = Callable[..., NewDecision]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def journal(database: Database) -> Journal:
    return Journal(database)


async def fill(database: Database, decisions: Iterable[NewDecision]) -> list[int]:
    numbers = []
    for decision in decisions:
        kept = await Decisions(database).record(decision)
        assert kept is not None
        numbers.append(kept.id)
    return numbers


def ids(entries: Iterable[History]) -> list[int]:
    return [entry.decision.id for entry in entries]


async def test_pages_from_the_newest_to_the_oldest_and_back(
    database: Database, journal: Journal, new_decision: Make
) -> None:
    numbers = await fill(database, (new_decision(message_id=number) for number in range(7)))
    await fill(database, [new_decision(server_id=101, message_id=50)])
    first = await journal.page(100, Wanted(), most=3)
    assert ids(first.entries) == numbers[:3:-1]
    assert (first.newer, first.older) == (False, True)
    second = await journal.page(100, Wanted(), before=numbers[4], most=3)
    assert ids(second.entries) == numbers[3:0:-1]
    assert (second.newer, second.older) == (True, True)
    third = await journal.page(100, Wanted(), before=numbers[1], most=3)
    assert ids(third.entries) == [numbers[0]]
    assert (third.newer, third.older) == (True, False)
    # One that comes meanwhile moves nothing.
    (latest,) = await fill(database, [new_decision(message_id=60)])
    back = await journal.page(100, Wanted(), after=numbers[0], most=3)
    assert ids(back.entries) == numbers[3:0:-1]
    assert (back.newer, back.older) == (True, True)
    newest = await journal.page(100, Wanted(), after=numbers[5], most=3)
    assert ids(newest.entries) == [latest, numbers[6], numbers[5]]
    assert (newest.newer, newest.older) == (False, True)


async def test_each_filter_and_all_of_them(
    database: Database, journal: Journal, new_decision: Make
) -> None:
    threat = new_decision(
        message_id=1,
        scores=Scores(0.1, 0.1, 0.1, 0.8, 0.1, 0.1),
        thresholds=Thresholds(*[0.8] * 6),
        labels_over=(Label.THREAT,),
        decided_at=NOON - timedelta(days=3),
    )
    numbers = await fill(
        database,
        (
            threat,
            new_decision(message_id=2, channel_id=7, decided_at=NOON),
            new_decision(message_id=3, author_id=8, decided_at=NOON),
            new_decision(message_id=3, revision=5, decided_at=NOON),
        ),
    )
    verdicts = Verdicts(database)
    await verdicts.give(numbers[0], Verdict.UPHELD, 9)
    await verdicts.give(numbers[1], Verdict.DISMISSED, 9)

    async def found(**wanted: object) -> list[int]:
        page = await journal.page(100, Wanted(**wanted))  # type: ignore[arg-type]
        rows = await journal.rows(100, Wanted(**wanted), before=None, most=9)  # type: ignore[arg-type]
        assert [decision.id for decision, _ in rows] == ids(page.entries)
        return [numbers.index(number) for number in ids(page.entries)]

    assert await found() == [3, 2, 1, 0]
    assert await found(label=Label.THREAT) == [0]
    assert await found(label=Label.INSULT) == [3, 2, 1]
    assert await found(channel_id=7) == [1]
    assert await found(author_id=8) == [2]
    assert await found(message_id=3) == [3, 2]
    assert await found(since=NOON) == [3, 2, 1]
    assert await found(judged=Judged.UPHELD) == [0]
    assert await found(judged=Judged.DISMISSED) == [1]
    assert await found(judged=Judged.NOT_YET) == [3, 2]
    assert await found(
        label=Label.INSULT, channel_id=7, judged=Judged.DISMISSED, since=NOON, author_id=400
    ) == [1]


async def test_entries_come_with_what_came_of_them(
    database: Database, journal: Journal, new_decision: Make
) -> None:
    (number,) = await fill(database, [new_decision()])
    await Verdicts(database).give(number, Verdict.UPHELD, 9)
    page = await journal.page(100, Wanted())
    assert page.entries == (await Verdicts(database).history(number),)
    assert page.entries[0].verdict is not None
    ((_, verdict),) = await journal.rows(100, Wanted(), before=None, most=1)
    assert verdict == page.entries[0].verdict


async def test_rows_go_on_where_others_ended(
    database: Database, journal: Journal, new_decision: Make
) -> None:
    numbers = await fill(database, (new_decision(message_id=number) for number in range(5)))
    rows = await journal.rows(100, Wanted(), before=numbers[3], most=2)
    assert [decision.id for decision, _ in rows] == [numbers[2], numbers[1]]
