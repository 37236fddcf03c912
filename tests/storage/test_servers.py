from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from bot.errors import DatabaseError
from bot.labels import Label
from bot.storage.database import Database
from bot.storage.servers import ExemptionKind, Servers, ServerSettings

T = TypeVar("T")
BIG = 2**63 - 1


class Counting(Database):
    """A database that counts its queries."""

    queries = 0

    async def read(self, query: Callable[[Connection], T]) -> T:
        self.queries += 1
        return await super().read(query)


@pytest.fixture
def servers(database: Database) -> Servers:
    return Servers(database)


async def test_a_server_that_chose_nothing_has_the_defaults(servers: Servers, path: Path) -> None:
    found = await servers.get(1)
    assert found == ServerSettings(server_id=1)
    assert found.preset == "balanced"
    assert found.exempt_moderators
    assert found.exempt_bots
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM servers").fetchall() == []


async def test_everything_comes_back_after_a_restart(url: str) -> None:
    async with await Database.open(url) as database:
        servers = Servers(database)
        await servers.set_preset(BIG, "strict")
        await servers.set_threshold(BIG, Label.THREAT, 0.1)
        await servers.set_threshold(BIG, Label.THREAT, 0.123456789012345)
        await servers.set_threshold(BIG, Label.TOXIC, 1)
        await servers.set_log_channel(BIG, BIG - 1)
        await servers.set_exempt_moderators(BIG, False)
        await servers.set_exempt_bots(BIG, False)
        await servers.change_exemptions(BIG, added=[(ExemptionKind.ROLE, BIG - 2)])
        await servers.change_exemptions(BIG, added=[(ExemptionKind.CHANNEL, BIG - 3)])
        before = await servers.get(BIG)
    async with await Database.open(url) as database:
        after = await Servers(database).get(BIG)
    assert before == after
    assert after == ServerSettings(
        server_id=BIG,
        preset="strict",
        overrides={Label.TOXIC: 1.0, Label.THREAT: 0.123456789012345},
        log_channel_id=BIG - 1,
        exempt_moderators=False,
        exempt_bots=False,
        exempt_role_ids=frozenset({BIG - 2}),
        exempt_channel_ids=frozenset({BIG - 3}),
    )


async def test_one_server_is_not_another(servers: Servers) -> None:
    await servers.set_threshold(1, Label.TOXIC, 0.2)
    await servers.set_log_channel(2, 22)
    await servers.reset_threshold(2)
    await servers.set_preset(2, "relaxed")
    assert await servers.get(1) == ServerSettings(1, overrides={Label.TOXIC: 0.2})
    assert await servers.get(2) == ServerSettings(2, preset="relaxed", log_channel_id=22)


async def test_resetting_one_threshold_or_all(servers: Servers) -> None:
    for label in (Label.TOXIC, Label.INSULT, Label.THREAT):
        await servers.set_threshold(1, label, 0.3)
    await servers.reset_threshold(1, Label.INSULT)
    assert set((await servers.get(1)).overrides) == {Label.TOXIC, Label.THREAT}
    await servers.reset_threshold(1)
    assert (await servers.get(1)).overrides == {}


async def test_a_preset_drops_the_servers_own_thresholds_and_nothing_else(
    servers: Servers,
) -> None:
    await servers.set_threshold(1, Label.TOXIC, 0.3)
    await servers.set_log_channel(1, 5)
    await servers.change_exemptions(1, added=[(ExemptionKind.ROLE, 9)])
    await servers.set_preset(1, "relaxed")
    assert await servers.get(1) == ServerSettings(
        1, preset="relaxed", log_channel_id=5, exempt_role_ids=frozenset({9})
    )


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
async def test_a_threshold_out_of_range_changes_nothing(servers: Servers, value: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        await servers.set_threshold(1, Label.TOXIC, value)
    assert await servers.get(1) == ServerSettings(1)


@pytest.mark.parametrize("name", ["", "x" * 65])
async def test_a_presets_name_has_a_length(servers: Servers, name: str) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        await servers.set_preset(1, name)


async def test_exemptions_say_whether_they_changed_something(servers: Servers) -> None:
    assert await servers.change_exemptions(1, added=[(ExemptionKind.ROLE, 9)])
    assert not await servers.change_exemptions(1, added=[(ExemptionKind.ROLE, 9)])
    assert await servers.change_exemptions(1, added=[(ExemptionKind.CHANNEL, 9)])
    assert await servers.remove_exemption(1, ExemptionKind.ROLE, 9)
    assert not await servers.remove_exemption(1, ExemptionKind.ROLE, 9)
    assert not await servers.remove_exemption(2, ExemptionKind.CHANNEL, 9)
    assert await servers.get(1) == ServerSettings(1, exempt_channel_ids=frozenset({9}))


async def test_the_log_channel_can_be_cleared(servers: Servers) -> None:
    await servers.set_log_channel(1, 5)
    assert (await servers.get(1)).log_channel_id == 5
    await servers.set_log_channel(1, None)
    assert (await servers.get(1)).log_channel_id is None


async def test_settings_cannot_be_changed_in_memory(servers: Servers) -> None:
    await servers.set_threshold(1, Label.TOXIC, 0.3)
    found = await servers.get(1)
    with pytest.raises(TypeError):
        found.overrides[Label.TOXIC] = 0.9  # type: ignore[index]


class TestCache:
    async def test_concurrent_misses_share_one_query(self, url: str) -> None:
        async with await Counting.open(url) as database:
            servers = Servers(database)
            found = await asyncio.gather(*(servers.get(1) for _ in range(50)))
            assert all(one is found[0] for one in found)
            assert await servers.get(1) is found[0]
            assert database.queries == 1

    async def test_a_write_is_seen_and_costs_one_query(self, url: str) -> None:
        async with await Counting.open(url) as database:
            servers = Servers(database)
            await servers.get(1)
            await servers.get(2)
            await servers.set_threshold(1, Label.TOXIC, 0.3)
            assert (await servers.get(1)).overrides == {Label.TOXIC: 0.3}
            await servers.get(2)
            assert database.queries == 3

    async def test_it_is_bounded_and_drops_what_was_not_asked_for_longest(self, url: str) -> None:
        async with await Counting.open(url) as database:
            servers = Servers(database, capacity=2)
            for server_id in (1, 2, 1, 3):
                await servers.get(server_id)
            assert database.queries == 3
            await servers.get(1)
            assert database.queries == 3
            await servers.get(2)
            assert database.queries == 4

    async def test_another_processs_change_is_seen_after_a_while(
        self, database: Database, path: Path
    ) -> None:
        patient, impatient = Servers(database), Servers(database, fresh_s=0.0)
        await patient.set_preset(1, "strict")
        assert (await patient.get(1)).preset == (await impatient.get(1)).preset == "strict"
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE servers SET preset = 'relaxed'")
        await asyncio.sleep(0.05)
        assert (await patient.get(1)).preset == "strict"
        assert (await impatient.get(1)).preset == "relaxed"

    async def test_a_failed_query_is_not_kept(self, servers: Servers, path: Path) -> None:
        with closing(sqlite3.connect(path)) as other:
            other.execute("ALTER TABLE servers RENAME TO elsewhere")
            results = await asyncio.gather(
                *(servers.get(1) for _ in range(3)), return_exceptions=True
            )
            assert [type(result) for result in results] == [DatabaseError] * 3
            other.execute("ALTER TABLE elsewhere RENAME TO servers")
        assert await servers.get(1) == ServerSettings(1)

    async def test_a_cancelled_caller_leaves_the_others_their_query(self, url: str) -> None:
        async with await Counting.open(url) as database:
            servers = Servers(database)
            leaving, staying = (asyncio.create_task(servers.get(1)) for _ in range(2))
            await asyncio.sleep(0)
            leaving.cancel()
            assert await staying == ServerSettings(1)
            assert leaving.cancelled() or leaving.cancelling()
            assert await servers.get(1) == ServerSettings(1)
            assert database.queries == 1

    async def test_a_cancelled_change_leaves_no_old_value(self, servers: Servers) -> None:
        """The change may happen all the same; then it has to be seen."""
        await servers.get(1)
        change = asyncio.create_task(servers.set_preset(1, "strict"))
        await asyncio.sleep(0)
        change.cancel()
        await servers.get(1)
        await servers.set_preset(2, "any")  # comes after it in the queue
        assert (await servers.get(1)).preset == "strict"

    async def test_a_failed_change_changes_nothing(self, database: Database, path: Path) -> None:
        servers = Servers(database)
        await servers.set_preset(1, "strict")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseError, match="locked"):
                await servers.set_preset(1, "relaxed")
            assert (await servers.get(1)).preset == "strict"
        await servers.set_preset(1, "relaxed")
        assert (await servers.get(1)).preset == "relaxed"


# A script is a list of (what, how many turns of the loop to wait before it starts).
steps = st.sampled_from(["get", "set", "cancelled get", "cancelled set"])
scripts = st.lists(st.tuples(steps, st.integers(0, 60)), min_size=2, max_size=14)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A loop and a database that outlive the examples."""
    with asyncio.Runner() as runner:
        url = f"sqlite:///{tmp_path_factory.mktemp('shared') / 'hexward.db'}"
        database = runner.run(Database.open(url))
        fresh_ids = iter(range(1, 10**9))
        yield runner, database, fresh_ids
        runner.run(database.close())


@given(script=scripts)
@settings(max_examples=30, deadline=None)
def test_a_change_is_seen_by_every_get_that_begins_after_it(
    shared: Any, script: list[tuple[str, int]]
) -> None:
    """However reads, writes and cancellations interleave, and nothing ever goes back."""
    runner, database, fresh_ids = shared
    servers, server_id = Servers(database), next(fresh_ids)
    written = 0  # the newest change whose call has returned; the writer keeps their order

    async def get() -> None:
        at_least = written
        channel_id = (await servers.get(server_id)).log_channel_id or 0
        assert channel_id >= at_least

    async def change(number: int) -> None:
        nonlocal written
        await servers.set_log_channel(server_id, number)
        written = max(written, number)

    async def step(what: str, turns: int, number: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        # Numbers are given out in the order of starting, which is the order of the queue.
        started.append(number)
        work: Coroutine[Any, Any, None] = get() if "get" in what else change(len(started))
        task = asyncio.create_task(work)
        if "cancelled" in what:
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.gather(task, return_exceptions="cancelled" in what)

    async def play() -> None:
        await asyncio.gather(*(step(*what, number) for number, what in enumerate(script)))
        await database.write(lambda connection: None)  # what cancelled callers left has its turn
        assert servers._cache.keys() <= {server_id}
        cached = await servers.get(server_id)
        assert cached == await Servers(database).get(server_id)

    started: list[int] = []
    runner.run(play())
