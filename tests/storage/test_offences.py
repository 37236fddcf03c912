from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.rules import Mode
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision
from bot.storage.history import DeedKind, Verdict
from bot.storage.offences import Offence, Offences
from bot.storage.verdicts import Verdicts

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MODERATOR = 9


class Past:
    """Makes flags of an author and what came of them."""

    def __init__(self, database: Database, make: Callable[..., NewDecision]) -> None:
        self.offences = Offences(database)
        self.verdicts = Verdicts(database)
        self._decisions = Decisions(database)
        self._make = make

    async def flag(self, message_id: int, ago: timedelta = timedelta(), **given: object) -> int:
        new = self._make(message_id=message_id, decided_at=NOW - ago, **given)
        recorded = await self._decisions.record(new)
        assert recorded is not None
        return recorded.id

    async def enforced(self, decision_id: int, kind: DeedKind = DeedKind.DELETE) -> None:
        deed = await self.verdicts.begin(decision_id, kind, None, timedelta(hours=1))
        assert deed is not None
        await self.verdicts.finish(deed, done=True)

    async def counted(self, days: int = 1, but: int = 0) -> tuple[datetime, ...]:
        found = await self.offences.of(100, 400, NOW - timedelta(days=days), but=but)
        return tuple(one.at for one in found)


@pytest.fixture
def past(database: Database, new_decision: Callable[..., NewDecision]) -> Past:
    return Past(database, new_decision)


async def test_flags_that_nobody_judged_do_not_count(past: Past) -> None:
    await past.flag(1)
    assert await past.counted() == ()


async def test_upheld_and_enforced_flags_count_newest_first(past: Past) -> None:
    hour = timedelta(hours=1)
    await past.verdicts.give(await past.flag(1, 2 * hour), Verdict.UPHELD, MODERATOR)
    await past.enforced(await past.flag(2, hour), DeedKind.TIMEOUT)
    assert await past.counted() == (NOW - hour, NOW - 2 * hour)


async def test_dismissed_flags_do_not_count_even_if_enforced(past: Past) -> None:
    decision = await past.flag(1)
    await past.enforced(decision)
    await past.verdicts.give(decision, Verdict.DISMISSED, MODERATOR)
    assert await past.counted() == ()


async def test_what_was_taken_back_does_not_count(past: Past) -> None:
    decision = await past.flag(1)
    await past.enforced(decision)
    await past.enforced(decision, DeedKind.TIMEOUT)
    assert await past.verdicts.take_back(decision, MODERATOR) is not None
    assert await past.counted() == ()


async def test_a_message_counts_once_and_not_against_itself(past: Past) -> None:
    for surface in ("content", "forward"):
        await past.enforced(await past.flag(1, surface=surface))
    assert len(await past.counted()) == 1
    assert await past.counted(but=1) == ()


async def test_other_servers_other_authors_and_old_flags_do_not_count(past: Past) -> None:
    await past.enforced(await past.flag(1, server_id=101))
    await past.enforced(await past.flag(2, author_id=401))
    await past.enforced(await past.flag(3, timedelta(days=1, seconds=1)))
    assert await past.counted() == ()
    assert len(await past.counted(days=2)) == 1


async def test_a_deed_that_failed_does_not_count(past: Past) -> None:
    deed = await past.verdicts.begin(await past.flag(1), DeedKind.DELETE, None)
    assert deed is not None
    await past.verdicts.finish(deed, done=False, detail="I lack Manage Messages.")
    assert await past.counted() == ()


async def test_what_is_to_be_done_counts_until_it_fails(past: Past) -> None:
    decision = await past.flag(1, action="delete", mode=Mode.ENFORCE)
    await past.flag(2, action="delete")  # observing: nothing is to be done
    assert await past.offences.of(100, 400, NOW, but=0) == (Offence(NOW, under_way=True),)
    deed = await past.verdicts.begin(decision, DeedKind.DELETE, None)
    assert deed is not None
    assert len(await past.counted()) == 1
    await past.verdicts.finish(deed, done=False, detail="missing_permission")
    assert await past.counted() == ()


async def test_what_is_done_is_certain_before_it_is_settled(past: Past) -> None:
    await past.enforced(await past.flag(1, action="delete", mode=Mode.ENFORCE))
    assert await past.offences.of(100, 400, NOW, but=0) == (Offence(NOW),)
