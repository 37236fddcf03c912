"""What takes long is given up for cut off where somebody wants the same, and may end even so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from bot.storage import schema
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision
from bot.storage.history import CutShort, DeedKind, DeedResult, RecordedDeed
from bot.storage.verdicts import Verdicts

Make = Callable[..., NewDecision]
MO = 11
HOUR = timedelta(hours=1)


@pytest.fixture
def verdicts(database: Database) -> Verdicts:
    return Verdicts(database)


@pytest.fixture
async def flag(database: Database, new_decision: Make) -> int:
    kept = await Decisions(database).record(new_decision())
    assert kept is not None
    return kept.id


async def begun(verdicts: Verdicts, flag: int, kind: DeedKind, by: int | None = None) -> int:
    deed_id = await verdicts.begin(flag, kind, by, HOUR if kind is DeedKind.TIMEOUT else None)
    assert deed_id is not None
    return deed_id


async def deeds(verdicts: Verdicts, flag: int) -> tuple[RecordedDeed, ...]:
    history = await verdicts.history(flag)
    assert history is not None
    return history.deeds


async def three_minutes_pass(database: Database) -> None:
    moment = datetime.now(UTC) - timedelta(minutes=3)
    statement = sa.update(schema.deeds).values(at=moment, changed_at=moment)
    await database.write(lambda connection: connection.execute(statement).rowcount)


async def test_what_the_bot_still_tries_is_given_up_only_by_who_wants_the_same(
    database: Database, verdicts: Verdicts, flag: int
) -> None:
    await begun(verdicts, flag, DeedKind.DELETE)
    await three_minutes_pass(database)
    await begun(verdicts, flag, DeedKind.TIMEOUT, MO)
    assert [one.result for one in await deeds(verdicts, flag)] == [DeedResult.BEGUN] * 2
    await begun(verdicts, flag, DeedKind.DELETE, MO)
    given_up, *rest = await deeds(verdicts, flag)
    assert (given_up.result, given_up.cut_short) == (DeedResult.FAILED, CutShort.UNKNOWN)
    assert [one.result for one in rest] == [DeedResult.BEGUN] * 2


@pytest.mark.parametrize("other", ["done", "failed", "under way"])
async def test_who_has_done_it_knows_better_than_who_gave_it_up(
    database: Database, verdicts: Verdicts, flag: int, other: str
) -> None:
    first = await begun(verdicts, flag, DeedKind.DELETE)
    await three_minutes_pass(database)
    second = await begun(verdicts, flag, DeedKind.DELETE, MO)
    if other != "under way":
        await verdicts.finish(second, done=other == "done")
    await verdicts.finish(first, done=True)
    ended = (await deeds(verdicts, flag))[0]
    # What stands, stands once.
    assert ended.result is (DeedResult.DONE if other == "failed" else DeedResult.FAILED)
    await verdicts.finish(first, done=False, detail="gone")
    assert (await deeds(verdicts, flag))[0].detail == (None if other == "failed" else "gone")


async def test_what_has_ended_stays_so(verdicts: Verdicts, flag: int) -> None:
    deed_id = await begun(verdicts, flag, DeedKind.DELETE, MO)
    await verdicts.finish(deed_id, done=False, detail="missing_permission")
    await verdicts.finish(deed_id, done=True)
    (ended,) = await deeds(verdicts, flag)
    assert (ended.result, ended.detail) == (DeedResult.FAILED, "missing_permission")


async def test_what_became_of_a_lifting_says_nothing_about_the_next(
    database: Database, verdicts: Verdicts, flag: int
) -> None:
    deed_id = await begun(verdicts, flag, DeedKind.TIMEOUT, MO)
    await verdicts.finish(deed_id, done=True)
    await verdicts.claim_lifting(flag)
    moment = datetime.now(UTC) - timedelta(minutes=3)
    statement = sa.update(schema.deeds).values(changed_at=moment)
    await database.write(lambda connection: connection.execute(statement).rowcount)
    assert await verdicts.claim_lifting(flag) is not None
    await verdicts.lifted(deed_id, done=False, claimed_at=moment)
    (lifting,) = await deeds(verdicts, flag)
    assert lifting.result is DeedResult.LIFTING
    await verdicts.lifted(deed_id, done=True, claimed_at=lifting.changed_at)
    assert (await deeds(verdicts, flag))[0].result is DeedResult.UNDONE
