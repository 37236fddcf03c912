"""Which deeds were begun, or being undone, and have not ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bot.storage.cut_off import CutOffDeeds
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision, Outcome
from bot.storage.history import DeedKind
from bot.storage.verdicts import Verdicts

Make = Callable[..., NewDecision]
MO = 11


async def test_what_has_not_ended_is_found_the_newest_first(
    database: Database, new_decision: Make
) -> None:
    verdicts, decisions, deeds = Verdicts(database), Decisions(database), CutOffDeeds(database)
    flags = []
    for message_id in range(6):
        kept = await decisions.record(new_decision(message_id=message_id))
        assert kept is not None
        flags.append(kept.id)
    clicked, given_up, lifting, gone_on_with, settled, ended = flags
    await verdicts.begin(clicked, DeedKind.DELETE, MO)
    failed = await verdicts.begin(given_up, DeedKind.DELETE, MO)
    given = await verdicts.begin(lifting, DeedKind.TIMEOUT, None, timedelta(hours=1))
    await verdicts.begin(gone_on_with, DeedKind.DELETE, None)
    await verdicts.begin(settled, DeedKind.DELETE, None)
    done = await verdicts.begin(ended, DeedKind.RENAME, MO)
    assert failed is not None
    assert given is not None
    assert done is not None
    await verdicts.finish(failed, done=False)
    await verdicts.finish(given, done=True)
    await verdicts.finish(done, done=True)
    assert await verdicts.claim_lifting(lifting) is not None
    await decisions.settle(settled, Outcome.EXEMPT)
    now = datetime.now(UTC) + timedelta(seconds=1)
    left = await deeds.left(now, 10)
    assert [one.decision.id for one in left] == [settled, lifting, clicked]
    assert [one.deed.kind for one in left] == [DeedKind.DELETE, DeedKind.TIMEOUT, DeedKind.DELETE]
    assert [one.deed.id for one in await deeds.left(now, 1)] == [left[0].deed.id]
    assert await deeds.left(now - timedelta(hours=1), 10) == []


async def test_when_a_timeout_was_given_can_be_said_afterwards(
    database: Database, new_decision: Make
) -> None:
    verdicts, decisions = Verdicts(database), Decisions(database)
    kept = await decisions.record(new_decision())
    assert kept is not None
    deed_id = await verdicts.begin(kept.id, DeedKind.TIMEOUT, MO, timedelta(days=1))
    assert deed_id is not None
    at = datetime.now(UTC) - timedelta(minutes=5)
    await verdicts.finish(deed_id, done=True, at=at)
    history = await verdicts.history(kept.id)
    assert history is not None
    assert history.verdict is not None
    assert history.deeds[0].changed_at == history.verdict.at == at
