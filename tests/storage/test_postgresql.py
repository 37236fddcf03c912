"""The same on PostgreSQL, where ``TEST_POSTGRESQL_URL`` names an empty database to try it in."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.errors import DatabaseError
from bot.labels import Label, Scores, Thresholds
from bot.rules import Action, Measure
from bot.storage.address import Address
from bot.storage.cut_off import CutOffDeeds
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision, Outcome
from bot.storage.engine import make_engine
from bot.storage.excerpts import Excerpts
from bot.storage.history import CutShort, DeedKind, DeedResult, Verdict
from bot.storage.journal import Journal, Judged, Wanted
from bot.storage.members import FORGOTTEN, Forgotten, Members
from bot.storage.migrate import current, upgrade
from bot.storage.preview import Places, Previews
from bot.storage.privacy import Privacy
from bot.storage.retention import Retention
from bot.storage.samples import ScoreSamples
from bot.storage.servers import ExemptionKind, Servers, ServerSettings
from bot.storage.statistics import Deeds, Flags, Statistics
from bot.storage.unscreened import Reason, Unscreened, UnscreenedMessage
from bot.storage.verdicts import Verdicts
from tests.storage.keeping import decided, latest

ROOT = Path(__file__).parents[2]
URL = os.environ.get("TEST_POSTGRESQL_URL", "")
pytestmark = pytest.mark.skipif(not URL, reason="TEST_POSTGRESQL_URL is not set")


@pytest.fixture
async def url() -> str:
    engine = make_engine(Address.parse(URL), lock_wait_s=1.0)
    async with engine.begin() as connection:
        await connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        await connection.execute(sa.text("CREATE SCHEMA public"))
    await engine.dispose()
    return URL


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await Database.open(url) as database:
        yield database


async def test_migrates_once_however_many_start_together(url: str) -> None:
    script = "import sys; from bot.storage.migrate import upgrade; upgrade(sys.argv[1])"
    running = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, url, cwd=ROOT)
        for _ in range(3)
    ]
    assert [await process.wait() for process in running] == [0, 0, 0]
    now, head = await asyncio.to_thread(current, url)
    assert now == head == await asyncio.to_thread(upgrade, url)


async def test_refuses_a_newer_database(url: str, database: Database) -> None:
    await database.write(
        lambda connection: connection.execute(
            sa.text("UPDATE alembic_version SET version_num = '9876'")
        ).close()
    )
    with pytest.raises(DatabaseError, match="9876"):
        await Database.open(url)


async def test_settings(database: Database) -> None:
    servers = Servers(database)
    assert await servers.get(1) == ServerSettings(1)
    await servers.set_preset(1, "strict")
    await servers.set_threshold(1, Label.THREAT, 0.1)
    await servers.set_threshold(1, Label.THREAT, 0.2)
    assert await servers.change_exemptions(1, added=[(ExemptionKind.ROLE, 2**63 - 1)])
    assert not await servers.change_exemptions(1, added=[(ExemptionKind.ROLE, 2**63 - 1)])
    assert await servers.get(1) == ServerSettings(
        1,
        preset="strict",
        overrides={Label.THREAT: 0.2},
        exempt_role_ids=frozenset({2**63 - 1}),
    )


async def test_decisions(database: Database, new_decision: Callable[..., NewDecision]) -> None:
    decisions = Decisions(database)
    results = await asyncio.gather(*(decisions.record(new_decision()) for _ in range(5)))
    (kept,) = [result for result in results if result is not None]
    assert await decided(database, kept.id) == kept
    assert await decisions.unsettled(decided_after=kept.decided_at) == [kept]
    assert await decisions.unsettled(decided_before=kept.decided_at) == []
    assert await decisions.settle(kept.id, Outcome.ALERTED)
    assert not await decisions.settle(kept.id, Outcome.FAILED)
    (found,) = await latest(database, 100)
    assert found.outcome is Outcome.ALERTED
    assert found.settled_at is not None
    assert datetime.now(UTC) - found.settled_at < timedelta(minutes=1)


async def test_statistics_and_journal(
    database: Database, new_decision: Callable[..., NewDecision]
) -> None:
    decisions, day = Decisions(database), date(2026, 1, 31)
    flags = []
    # The last moment of the day in UTC, whatever the zone of the database.
    for number, decided_at in enumerate(
        (datetime(2026, 1, 31, 0, 0, tzinfo=UTC), datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC))
    ):
        kept = await decisions.record(new_decision(message_id=number + 1, decided_at=decided_at))
        assert kept is not None
        flags.append(kept.id)
    decisions.count_passed(100, datetime(2026, 1, 31, 7, 30, tzinfo=UTC), texts=3)
    await Verdicts(database).give(flags[0], Verdict.DISMISSED, 8)
    assert await Verdicts(database).begin(flags[1], DeedKind.DELETE, 8) is not None
    found = await Statistics(database, decisions).of(100, day, day)
    assert (found.screened, found.flags) == (5, Flags(dismissed=1, unjudged=1))
    assert found.days == {day: Flags(dismissed=1, unjudged=1)}
    assert found.labels[Label.TOXIC] == Flags(dismissed=1, unjudged=1)
    assert found.labels[Label.THREAT] == Flags()
    assert [found.hours[hour] for hour in (0, 7, 23)] == [1, 3, 1]
    assert found.deletions == Deeds()
    page = await Journal(database).page(100, Wanted(label=Label.TOXIC, judged=Judged.NOT_YET))
    assert [entry.decision.id for entry in page.entries] == [flags[1]]
    page = await Journal(database).page(100, Wanted(), before=flags[1])
    assert [entry.decision.id for entry in page.entries] == [flags[0]]
    assert (page.newer, page.older) == (True, False)


async def test_unscreened_messages(database: Database) -> None:
    unscreened = Unscreened(database, most_per_server=2)
    now = datetime.now(UTC)
    rows = [
        UnscreenedMessage(
            server_id=1,
            channel_id=2,
            message_id=2**62 + number,
            at=now,
            reason=Reason.OVERLOADED,
        )
        for number in range(4)
    ]
    dropped: list[int] = []
    unscreened.when_dropped(dropped.extend)
    for row in [*rows, rows[3]]:
        unscreened.put_down(row)
    unscreened.mark(1, 50)
    unscreened.mark(1, 40)
    assert await unscreened.in_server(1) == rows[2:]
    assert sorted(dropped) == [row.message_id for row in rows[:2]]
    unscreened.settle(rows[2].message_id)
    assert await unscreened.oldest() == rows[3]
    assert await unscreened.oldest(not_in={2}) is None
    assert await unscreened.count() == 1
    unscreened.mark(1, 30)
    assert await unscreened.mark_of(1) == 40
    assert await database.size_bytes() > 0


async def test_retention_and_leaving(
    database: Database, url: str, new_decision: Callable[..., NewDecision]
) -> None:
    now = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
    decisions, privacy, excerpts = Decisions(database), Privacy(database), Excerpts(database)

    def retention(where: Database, at: datetime = now) -> Retention:
        return Retention(where, Privacy(where), Members(where, clock=lambda: at), clock=lambda: at)

    await privacy.set_excerpts(1, 30)
    await asyncio.gather(
        *(
            decisions.record(
                new_decision(
                    server_id=1, message_id=number, decided_at=now - timedelta(days=number % 40)
                )
            )
            for number in range(800)
        )
    )
    assert await excerpts.keep(1, 39, "content", "half \ud83d and \0")
    assert await excerpts.keep(1, 20, "content", "kept")
    assert await excerpts.drop_messages([20]) == 1
    async with await Database.open(url) as second:
        one, two = await asyncio.gather(retention(database).purge(), retention(second).purge())
    # Days 31 to 39 of twenty rounds, and their nine counts by the day and by the hour.
    assert one.rows + two.rows == 9 * 20 + 9 + 9
    assert (await retention(database).purge()).rows == 0
    await Servers(database).set_threshold(1, Label.THREAT, 0.1)
    await privacy.mark_left([1], now)
    week_later = retention(database, now + timedelta(days=7))
    assert await week_later.delete_left([1]) == [1]
    assert await privacy.known_servers() == set()


async def test_export_and_forgetting(
    database: Database, new_decision: Callable[..., NewDecision]
) -> None:
    now = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
    decisions, members = Decisions(database), Members(database, clock=lambda: now)
    flags = []
    for number, days in enumerate((10, 10, 1)):
        kept = await decisions.record(
            new_decision(author_id=7, message_id=number + 1, decided_at=now - timedelta(days=days))
        )
        assert kept is not None
        flags.append(kept.id)
    await Verdicts(database).give(flags[0], Verdict.UPHELD, 8)
    document = await members.export(100, 7)
    assert [int(flag["id"]) for flag in document["flags_of_your_messages"]] == flags[::-1]
    assert len((await members.export(100, 8))["your_verdicts"]) == 1
    assert await members.forget(100, 7) == Forgotten(gone=2, later=1)
    assert await members.count(100, 7) == 1
    kept = await decided(database, flags[0])
    assert kept is not None
    assert (kept.author_id, kept.message_id) == (FORGOTTEN, -flags[0])
    assert await decided(database, flags[1]) is None
    later = Members(database, clock=lambda: now + timedelta(days=7))
    assert await later.finish_forgetting() == 1
    assert await members.count(100, 7) == 0


async def test_what_was_cut_off_is_found_and_may_end_even_after_it_was_given_up(
    database: Database, new_decision: Callable[..., NewDecision]
) -> None:
    decisions, verdicts, cut_off = Decisions(database), Verdicts(database), CutOffDeeds(database)
    kept = await decisions.record(new_decision())
    assert kept is not None
    given = await verdicts.begin(kept.id, DeedKind.TIMEOUT, 8, timedelta(hours=1))
    assert given is not None
    await verdicts.finish(given, done=True)
    assert await verdicts.claim_lifting(kept.id) is not None
    deleted = await verdicts.begin(kept.id, DeedKind.DELETE, 8)
    assert deleted is not None
    await verdicts.begin(kept.id, DeedKind.RENAME, None)  # not settled: it is gone on with
    lifting = await cut_off.left(datetime.now(UTC) + timedelta(seconds=1), 10)
    assert [one.deed.id for one in lifting] == [deleted, given]
    await verdicts.lifted(given, done=True, claimed_at=lifting[1].deed.changed_at)
    await verdicts.finish(deleted, done=False, detail=CutShort.UNKNOWN.value)
    await verdicts.finish(deleted, done=True)
    history = await verdicts.history(kept.id)
    assert history is not None
    results = [one.result for one in history.deeds]
    assert results == [DeedResult.UNDONE, DeedResult.DONE, DeedResult.BEGUN]


async def test_a_reset_tells_what_was_chosen(database: Database) -> None:
    servers, measure = Servers(database), Measure(Action.TIMEOUT, timedelta(minutes=10))
    await servers.set_measure(1, Label.THREAT, measure)
    assert await servers.reset_measure(1) == {Label.THREAT: measure}
    assert await servers.reset_measure(1) == {}


async def test_a_failed_write_takes_no_other_along(
    database: Database, new_decision: Callable[..., NewDecision]
) -> None:
    decisions = Decisions(database)
    results = await asyncio.gather(
        decisions.record(new_decision(message_id=1)),
        decisions.record(new_decision(message_id=2**64)),
        decisions.record(new_decision(message_id=2)),
        return_exceptions=True,
    )
    assert isinstance(results[1], DatabaseError)
    assert [one.message_id for one in await latest(database, 100)] == [2, 1]


async def test_a_database_that_does_not_exist() -> None:
    missing = Address.parse(URL).url.set(database="hexward_that_is_not_there")
    with pytest.raises(DatabaseError, match="does not exist"):
        await Database.open(missing.render_as_string(hide_password=False))


async def test_scores_are_sampled_and_counted(
    database: Database, new_decision: Callable[..., NewDecision]
) -> None:
    at = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    one, two = ScoreSamples(database), ScoreSamples(database)
    for number in range(700):
        for samples in (one, two):
            samples.add(100, 5 + number % 2, Scores(0.5, 0.0, 0.0, 0.0, 0.0, 0.0), at)
    await asyncio.gather(one.flush(), two.flush())
    for score in (0.7, 0.9):
        scores = Scores(score, 0.0, 0.0, 0.0, 0.0, 0.0)
        made = new_decision(message_id=int(score * 10), scores=scores, channel_id=5, decided_at=at)
        await Decisions(database).record(made)
    usual = Thresholds(0.6, 1.0, 1.0, 1.0, 1.0, 1.0)
    own = {5: usual.replace({Label.TOXIC: 0.8})}
    places = Places(Label.TOXIC, usual, own, frozenset({5}))
    preview = await Previews(database, one).of(100, places, at.date(), at.date())
    assert preview.at(0.95).count == 1
    assert abs(preview.at(0.5).count - 701) < 150
    (stock,) = preview.passed
    assert (stock.known, stock.stands_for) == (600, 1_400)
    assert [flagged.day for flagged in preview.flagged] == [at.date()]
