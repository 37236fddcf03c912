"""Sums of a server: what was screened and flagged, by label, day, hour, verdict and deed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.labels import LABELS, Label, Scores, Thresholds
from bot.rules import Mode
from bot.storage import statistics as module
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision
from bot.storage.history import DeedKind, Verdict
from bot.storage.statistics import Deeds, Flags, Statistics
from bot.storage.verdicts import Verdicts

Make = Callable[..., NewDecision]
NOON = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST, LAST = date(2026, 1, 25), date(2026, 1, 31)


@pytest.fixture
def decisions(database: Database) -> Decisions:
    return Decisions(database)


@pytest.fixture
def statistics(database: Database, decisions: Decisions) -> Statistics:
    return Statistics(database, decisions)


async def flag(decisions: Decisions, decision: NewDecision) -> int:
    kept = await decisions.record(decision)
    assert kept is not None
    return kept.id


async def test_flags_add_up_by_label_day_and_verdict(
    database: Database, decisions: Decisions, statistics: Statistics, new_decision: Make
) -> None:
    threat = {
        "scores": Scores(0.1, 0.1, 0.1, 0.8, 0.1, 0.1),
        "thresholds": Thresholds(*[0.8] * 6),
        "labels_over": (Label.THREAT,),
    }
    numbers = [
        await flag(decisions, new_decision(message_id=number, decided_at=at) if number else first)
        for number, at, first in (
            (0, NOON, new_decision(message_id=99, decided_at=NOON, **threat)),
            (1, NOON - DAY, None),
            (2, NOON - DAY, None),
            (3, NOON - 6 * DAY, None),
            (4, NOON - 7 * DAY, None),  # a day too early
            (5, NOON + DAY, None),  # a day too late
        )
    ]
    await flag(decisions, new_decision(server_id=101, message_id=6, decided_at=NOON))
    verdicts = Verdicts(database)
    for number, verdict in ((1, Verdict.UPHELD), (2, Verdict.DISMISSED), (4, Verdict.UPHELD)):
        await verdicts.give(numbers[number], verdict, 7)
    found = await statistics.of(100, FIRST, LAST)
    assert found.flags == Flags(upheld=1, dismissed=1, unjudged=2)
    assert found.labels == {
        label: {
            Label.THREAT: Flags(unjudged=1),
            Label.TOXIC: Flags(upheld=1, dismissed=1, unjudged=1),
            Label.INSULT: Flags(upheld=1, dismissed=1, unjudged=1),
        }.get(label, Flags())
        for label in LABELS
    }
    assert list(found.days) == [FIRST + number * DAY for number in range(7)]
    assert found.days[LAST] == Flags(unjudged=1)
    assert found.days[LAST - DAY] == Flags(upheld=1, dismissed=1)
    assert found.days[FIRST] == Flags(unjudged=1)
    assert found.screened == 4


async def test_what_passed_counts_by_the_hour(
    decisions: Decisions, statistics: Statistics, new_decision: Make
) -> None:
    decisions.count_passed(100, NOON, texts=8)
    decisions.count_passed(100, NOON - DAY, texts=2)
    decisions.count_passed(100, NOON - 9 * DAY, texts=50)
    decisions.count_passed(101, NOON, texts=50)
    await flag(decisions, new_decision(decided_at=NOON.replace(hour=3)))
    found = await statistics.of(100, FIRST, LAST)
    assert found.screened == 11
    assert {hour: texts for hour, texts in enumerate(found.hours) if texts} == {12: 10, 3: 1}


async def test_deeds_are_counted_by_who_did_them(
    database: Database, decisions: Decisions, statistics: Statistics, new_decision: Make
) -> None:
    verdicts = Verdicts(database)
    first, second, third = [
        await flag(decisions, new_decision(message_id=number, decided_at=NOON))
        for number in range(3)
    ]
    for number, kind, who, done in (
        (first, DeedKind.DELETE, None, True),
        (second, DeedKind.DELETE, 7, True),
        (third, DeedKind.DELETE, 7, False),
        (first, DeedKind.TIMEOUT, 7, True),
    ):
        lasting = timedelta(days=9000) if kind is DeedKind.TIMEOUT else None
        deed = await verdicts.begin(number, kind, who, lasting)
        assert deed is not None
        await verdicts.finish(deed, done=done)
    taken = await verdicts.take_back(first, 7)
    assert taken is not None
    assert taken.timeout is not None
    found = await statistics.of(100, FIRST, LAST)
    assert found.deletions == Deeds(by_rules=1, by_moderators=1)
    assert found.timeouts == Deeds(by_moderators=1)  # it is being lifted, and stands until it is
    await verdicts.lifted(taken.timeout.id, done=True)
    found = await statistics.of(100, FIRST, LAST)
    assert found.timeouts == Deeds(by_moderators=1, lifted=1)


async def test_a_timeout_that_ended_was_given_and_not_lifted(
    database: Database, decisions: Decisions, statistics: Statistics, new_decision: Make
) -> None:
    verdicts = Verdicts(database)
    number = await flag(decisions, new_decision(decided_at=NOON))
    deed = await verdicts.begin(number, DeedKind.TIMEOUT, None, timedelta(days=9000))
    assert deed is not None
    await verdicts.finish(deed, done=True)
    await verdicts.claim_lifting(number)
    await verdicts.lifted(deed, done=True, detail="It had ended.")
    found = await statistics.of(100, FIRST, LAST)
    assert found.timeouts == Deeds(by_rules=1)


async def test_what_observing_left_undone_is_counted(
    decisions: Decisions, statistics: Statistics, new_decision: Make
) -> None:
    for number, (mode, action) in enumerate(
        (mode, action) for mode in Mode for action in ("log", "alert", "delete", "timeout")
    ):
        await flag(
            decisions, new_decision(message_id=number, decided_at=NOON, mode=mode, action=action)
        )
    assert (await statistics.of(100, FIRST, LAST)).observed == 2


async def test_of_nothing(statistics: Statistics) -> None:
    found = await statistics.of(100, LAST, LAST)
    assert (found.screened, found.flags, found.hours) == (0, Flags(), (0,) * 24)
    assert found.flags.false_alarm_rate is None
    assert list(found.days) == [LAST]


def test_the_rate_is_of_what_was_judged() -> None:
    assert Flags(upheld=3, dismissed=1, unjudged=96).false_alarm_rate == 0.25


async def test_only_the_days_that_are_asked_for_are_read(database: Database) -> None:
    """A server with many decisions is not read whole for the sums of a week."""

    def plans(connection: sa.Connection) -> list[str]:
        asked: list[tuple[str, Any]] = []

        def note(_c: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
            asked.append((statement, values))

        sa.event.listen(connection, "before_cursor_execute", note)
        module._statistics(100, FIRST, LAST, connection)
        sa.event.remove(connection, "before_cursor_execute", note)
        return [
            str(row[-1])
            for statement, values in asked
            for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, values)
        ]

    plan = "\n".join(await database.read(plans))
    assert "decisions_by_time (server_id=? AND decided_at>? AND decided_at<?)" in plan
    assert plan.count("(server_id=? AND day>? AND day<?)") == 2
    assert "SCAN" not in plan
