"""Verdicts and deeds: once, whoever asks, from however many processes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.storage.cards import Cards, Change
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision
from bot.storage.history import CardPlace, DeedKind, DeedResult, History, Verdict
from bot.storage.verdicts import TakenBack, Verdicts

Make = Callable[..., NewDecision]
MO, MIA = 11, 12
HOUR = timedelta(hours=1)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def verdicts(database: Database) -> Verdicts:
    return Verdicts(database)


@pytest.fixture
def cards(database: Database) -> Cards:
    return Cards(database)


@pytest.fixture
async def elsewhere(database: Database, url: str) -> AsyncIterator[Verdicts]:
    """Another process with the same database."""
    async with await Database.open(url) as other:
        yield Verdicts(other)


@pytest.fixture
async def flag(database: Database, new_decision: Make) -> int:
    kept = await Decisions(database).record(new_decision())
    assert kept is not None
    return kept.id


async def known(verdicts: Verdicts, decision_id: int) -> History:
    history = await verdicts.history(decision_id)
    assert history is not None
    return history


def backdate(path: Path, seconds: int) -> None:
    """Make every deed as old as that."""
    moment = (datetime.now(UTC) - timedelta(seconds=seconds)).replace(tzinfo=None)
    text = moment.isoformat(timespec="microseconds") + "Z"
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE deeds SET at = ?, changed_at = ?", (text, text))


async def test_a_flag_nobody_has_touched(verdicts: Verdicts, flag: int) -> None:
    history = await known(verdicts, flag)
    assert history == History(history.decision)
    assert history.decision.id == flag
    assert await verdicts.history(flag + 1) is None


async def test_the_first_verdict_stands(verdicts: Verdicts, elsewhere: Verdicts, flag: int) -> None:
    given = await asyncio.gather(
        verdicts.give(flag, Verdict.UPHELD, MO), elsewhere.give(flag, Verdict.DISMISSED, MIA)
    )
    assert sorted(given) == [False, True]
    verdict = (await known(verdicts, flag)).verdict
    assert verdict is not None
    assert verdict.moderator_id == (MO if given[0] else MIA)
    assert verdict.verdict is (Verdict.UPHELD if given[0] else Verdict.DISMISSED)


async def test_a_verdict_on_nothing_is_refused(verdicts: Verdicts) -> None:
    assert not await verdicts.give(12345, Verdict.UPHELD, MO)
    assert await verdicts.begin(12345, DeedKind.DELETE, MO) is None
    assert await verdicts.take_back(12345, MO) is None


async def test_a_deed_is_claimed_once(verdicts: Verdicts, elsewhere: Verdicts, flag: int) -> None:
    claims = await asyncio.gather(
        *(one.begin(flag, DeedKind.DELETE, MO) for one in [verdicts, elsewhere] * 5)
    )
    (deed_id,) = [claim for claim in claims if claim is not None]
    assert await verdicts.begin(flag, DeedKind.TIMEOUT, MIA, HOUR) is not None
    await verdicts.finish(deed_id, done=True)
    assert await elsewhere.begin(flag, DeedKind.DELETE, MIA) is None
    history = await known(elsewhere, flag)
    assert history.deletion is not None
    assert history.message_gone


async def test_a_moderators_deed_upholds_and_the_bots_own_does_not(
    verdicts: Verdicts, flag: int
) -> None:
    own = await verdicts.begin(flag, DeedKind.DELETE, None)
    assert own is not None
    await verdicts.finish(own, done=True)
    assert (await known(verdicts, flag)).verdict is None
    deed_id = await verdicts.begin(flag, DeedKind.TIMEOUT, MO, HOUR)
    assert deed_id is not None
    assert (await known(verdicts, flag)).verdict is None
    await verdicts.finish(deed_id, done=True)
    history = await known(verdicts, flag)
    assert history.verdict is not None
    assert (history.verdict.verdict, history.verdict.moderator_id) == (Verdict.UPHELD, MO)


async def test_what_failed_upholds_nothing_and_can_be_tried_again(
    verdicts: Verdicts, flag: int
) -> None:
    deed_id = await verdicts.begin(flag, DeedKind.DELETE, MO)
    assert deed_id is not None
    await verdicts.finish(deed_id, done=False, detail="x" * 500)
    history = await known(verdicts, flag)
    assert history.verdict is None
    assert [deed.detail for deed in history.deeds] == ["x" * 200]
    assert await verdicts.begin(flag, DeedKind.DELETE, MO) is not None


async def test_nothing_is_done_about_a_false_alarm(verdicts: Verdicts, flag: int) -> None:
    await verdicts.give(flag, Verdict.DISMISSED, MO)
    assert await verdicts.begin(flag, DeedKind.DELETE, MIA) is None
    assert await verdicts.begin(flag, DeedKind.TIMEOUT, MIA, HOUR) is None


async def test_undoing_takes_back_verdict_and_timeout_once(
    verdicts: Verdicts, elsewhere: Verdicts, flag: int
) -> None:
    deed_id = await verdicts.begin(flag, DeedKind.TIMEOUT, MO, HOUR)
    assert deed_id is not None
    await verdicts.finish(deed_id, done=True)
    taken = await asyncio.gather(verdicts.take_back(flag, MO), elsewhere.take_back(flag, MIA))
    (back,) = [one for one in taken if one is not None]
    assert back.verdict is Verdict.UPHELD
    assert back.timeout is not None
    assert back.timeout.id == deed_id
    await verdicts.lifted(deed_id, done=True)
    history = await known(verdicts, flag)
    assert history.verdict is None
    assert history.timeout(datetime.now(UTC)) is None
    assert [(deed.kind, deed.result) for deed in history.deeds] == [
        (DeedKind.TIMEOUT, DeedResult.UNDONE),
        (DeedKind.UNDO, DeedResult.DONE),
    ]
    assert await verdicts.begin(flag, DeedKind.TIMEOUT, MIA, HOUR) is not None


async def test_a_timeout_that_could_not_be_lifted_can_be_lifted_later(
    verdicts: Verdicts, flag: int
) -> None:
    deed_id = await verdicts.begin(flag, DeedKind.TIMEOUT, None, HOUR)
    assert deed_id is not None
    await verdicts.finish(deed_id, done=True)
    assert await verdicts.claim_lifting(flag) is not None
    assert await verdicts.claim_lifting(flag) is None
    await verdicts.lifted(deed_id, done=False)
    assert (await known(verdicts, flag)).timeout(datetime.now(UTC)) is not None
    assert await verdicts.claim_lifting(flag) is not None


async def test_a_deletion_is_not_taken_back(verdicts: Verdicts, flag: int) -> None:
    deed_id = await verdicts.begin(flag, DeedKind.DELETE, MO)
    assert deed_id is not None
    await verdicts.finish(deed_id, done=True)
    assert await verdicts.take_back(flag, MO) == TakenBack(Verdict.UPHELD, None)
    assert (await known(verdicts, flag)).message_gone
    assert await verdicts.begin(flag, DeedKind.DELETE, MO) is None


async def test_what_a_crash_left_in_the_middle_is_done_again(
    verdicts: Verdicts, flag: int, path: Path
) -> None:
    assert await verdicts.begin(flag, DeedKind.DELETE, MO) is not None
    assert await verdicts.begin(flag, DeedKind.DELETE, MIA) is None
    backdate(path, 121)
    assert await verdicts.begin(flag, DeedKind.DELETE, MIA) is not None


async def test_a_lifting_that_a_crash_left_in_the_middle_is_done_again(
    verdicts: Verdicts, flag: int, path: Path
) -> None:
    deed_id = await verdicts.begin(flag, DeedKind.TIMEOUT, MO, HOUR)
    assert deed_id is not None
    await verdicts.finish(deed_id, done=True)
    assert await verdicts.claim_lifting(flag) is not None
    backdate(path, 121)
    assert await verdicts.claim_lifting(flag) is not None


async def test_a_timeout_that_is_over_makes_room(verdicts: Verdicts, flag: int, path: Path) -> None:
    deed_id = await verdicts.begin(flag, DeedKind.TIMEOUT, MO, HOUR)
    assert deed_id is not None
    await verdicts.finish(deed_id, done=True)
    assert await verdicts.begin(flag, DeedKind.TIMEOUT, MO, HOUR) is None
    backdate(path, 3601)
    assert (await known(verdicts, flag)).timeout(datetime.now(UTC)) is None
    assert await verdicts.begin(flag, DeedKind.TIMEOUT, MO, HOUR) is not None


async def test_upheld_flags_are_counted_per_server_and_author(
    verdicts: Verdicts, database: Database, new_decision: Make
) -> None:
    decisions = Decisions(database)
    made = []
    for number, given in enumerate(
        [{}, {}, {}, {"author_id": 401}, {"server_id": 101}, {"decided_at": LONG_AGO}]
    ):
        kept = await decisions.record(new_decision(message_id=number, **given))
        assert kept is not None
        made.append(kept.id)
    for decision_id in made[1:]:
        await verdicts.give(decision_id, Verdict.UPHELD, MO)
    await verdicts.give(made[0], Verdict.DISMISSED, MO)
    assert await verdicts.upheld(100, 400, LONG_AGO + HOUR) == 2
    assert await verdicts.upheld(100, 400, LONG_AGO) == 3
    await verdicts.take_back(made[1], MO)
    assert await verdicts.upheld(100, 400, LONG_AGO + HOUR) == 1


async def test_all_of_it_goes_with_the_decision(
    verdicts: Verdicts, cards: Cards, flag: int, database: Database
) -> None:
    await verdicts.give(flag, Verdict.UPHELD, MO)
    await verdicts.begin(flag, DeedKind.DELETE, MO)
    await cards.put(CardPlace(flag, 1, 2))
    await database.write(
        lambda connection: connection.exec_driver_sql("DELETE FROM decisions").rowcount
    )
    for table in ("verdicts", "deeds", "cards"):
        count = await database.read(
            lambda connection, table=table: connection.exec_driver_sql(
                f"SELECT count(*) FROM {table}"
            ).scalar_one()
        )
        assert count == 0


class TestCards:
    async def test_the_first_place_stays(self, verdicts: Verdicts, cards: Cards, flag: int) -> None:
        await cards.put(CardPlace(flag, 1, 2))
        await cards.put(CardPlace(flag, 3, 4))
        await cards.put(CardPlace(flag + 1, 3, 4))  # of a decision that is purged already
        assert (await known(verdicts, flag)).card == CardPlace(flag, 1, 2)

    async def test_of_an_earlier_decision_on_the_message(
        self, cards: Cards, database: Database, new_decision: Make
    ) -> None:
        ids = []
        for revision in (0, 1_000, 2_000):
            kept = await Decisions(database).record(new_decision(revision=revision))
            assert kept is not None
            ids.append(kept.id)
            await cards.put(CardPlace(kept.id, 1, kept.id))
        assert await cards.first(300, ids[0]) is None
        assert await cards.first(300, ids[2]) == CardPlace(ids[0], 1, ids[0])
        assert await cards.first(301, ids[2]) is None

    async def test_tell_once_of_an_edit_and_a_deletion(
        self, verdicts: Verdicts, cards: Cards, flag: int
    ) -> None:
        await cards.put(CardPlace(flag, 1, 2))
        now = datetime.now(UTC)
        edit, deletion = Change(edited_at=now), Change(deleted_at=now)
        assert await cards.note({300: edit, 999: deletion}) == [flag]
        assert await cards.note({300: edit}) == []
        assert await cards.note({300: deletion}) == [flag]
        assert await cards.note({300: deletion}) == []
        history = await known(verdicts, flag)
        assert (history.edited_at, history.deleted_at) == (now, now)
        assert history.message_gone

    async def test_the_edit_that_was_flagged_is_no_news(
        self, cards: Cards, database: Database, new_decision: Make
    ) -> None:
        edited_at = datetime(2026, 1, 31, 12, 0, 0, 456000, UTC)
        revision = int(edited_at.timestamp() * 1000)
        kept = await Decisions(database).record(new_decision(revision=revision))
        assert kept is not None
        await cards.put(CardPlace(kept.id, 1, 2))
        assert await cards.note({300: Change(edited_at=edited_at)}) == []
        later = edited_at + timedelta(milliseconds=1)
        assert await cards.note({300: Change(edited_at=later)}) == [kept.id]
