"""The engine does not score twice what it need not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bot.errors import ScoringError
from bot.screening.engine import Priority
from bot.screening.model import Model, Prepared
from tests.screening.numbers_model import GatedBackend, numbers_model, told
from tests.screening.running_engine import entered, running, soon, submit


async def test_what_is_in_flight_is_scored_once_for_all_who_ask() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend) as engine:
        tasks = await submit(engine, "1")
        await entered(backend)
        tasks += await submit(engine, "1", "2", "2")  # one is in hand, the other waits
        tasks += await submit(engine, "1", "2", server_id=5)
        tasks += await submit(engine, "2", priority=Priority.CHECK)
        assert engine.waiting == 7
        assert engine.figures().waiting_chars == 5  # a text counts once a server and class
        backend.open()
        found = await soon(asyncio.gather(*tasks))
    assert [told(each) for each in found] == ["1", "1", "2", "2", "1", "2", "2"]
    assert backend.batches == [[1], [2]]
    figures = engine.figures()
    assert (figures.scored, figures.joined_in_flight, figures.answered_from_cache) == (2, 5, 0)
    assert (figures.waiting, figures.waiting_chars, figures.waiting_servers) == (0, 0, 0)


async def test_a_repeat_from_another_server_does_not_wait_behind_a_raid() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend, batch_tokens=5) as engine:
        await submit(engine, "1")
        await entered(backend)
        raid = await submit(engine, *map(str, range(2, 50)), server_id=1)
        (other,) = await submit(engine, "49", server_id=2)
        backend.permit()
        backend.permit()
        backend.permit()
        await soon(other)
        await soon(raid[-1])  # who asked first is answered with them
        assert len(backend.batches) <= 4
        assert not raid[-2].done()
        backend.open()
        await soon(asyncio.gather(*raid))
    read = sorted(number for batch in backend.batches for number in batch)
    assert read == list(range(1, 50))


async def test_texts_that_are_the_same_to_the_network_are_scored_once() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend) as engine:
        tasks = await submit(engine, "1")
        await entered(backend)
        tasks += await submit(engine, "7", " 7", "7  ")
        backend.open()
        found = await soon(asyncio.gather(*tasks))
        assert [told(each) for each in found] == ["1", "7", "7", "7"]
        assert told(await soon(engine.score("  7 "))) == "7"  # never seen in these characters
    assert backend.batches == [[1], [7]]
    figures = engine.figures()
    assert (figures.scored, figures.joined_in_flight, figures.answered_from_cache) == (2, 2, 1)


async def test_what_was_scored_lately_is_answered_at_once_though_the_worker_is_busy() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend, cache_entries=2) as engine:
        backend.permit()
        await soon((await submit(engine, "1"))[0])
        busy = await submit(engine, "2")
        await soon(asyncio.gather(*(engine.score("1") for _ in range(100))))
        backend.open()
        await soon(asyncio.gather(*busy))
        await soon(engine.score("3"))  # the first is forgotten for it
        await soon(engine.score("1"))
        assert engine.figures().cache_entries == 2
    assert backend.batches == [[1], [2], [3], [1]]
    assert engine.figures().answered_from_cache == 100


async def test_without_a_cache_a_text_is_scored_every_time() -> None:
    backend = GatedBackend(is_open=True)
    async with running(numbers_model(backend), backend, cache_entries=0) as engine:
        for _ in range(3):
            assert told(await soon(engine.score("1"))) == "1"
    assert backend.batches == [[1], [1], [1]]
    assert engine.figures().cache_entries == 0


async def test_a_failure_is_not_remembered() -> None:
    class Shaky(Model):
        def prepare(self, texts: Sequence[str]) -> list[Prepared]:
            if not failures:
                failures.append(1)
                raise OSError
            return super().prepare(texts)

    failures: list[int] = []
    backend = GatedBackend(is_open=True)
    model = numbers_model(backend)
    model.__class__ = Shaky
    async with running(model, backend) as engine:
        with pytest.raises(ScoringError):
            await soon(engine.score("1"))
        assert told(await soon(engine.score("1"))) == "1"
    assert engine.figures().failed == 1


async def test_a_text_is_scored_as_long_as_one_caller_is_left() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend) as engine:
        tasks = await submit(engine, "1")
        await entered(backend)
        first, second, third = await submit(engine, "2", "2", "3")
        tasks.append(second)
        tasks += await submit(engine, "3", server_id=4)
        for gone in (first, third):
            gone.cancel()
            await asyncio.wait([gone])
        backend.open()
        assert [told(each) for each in await soon(asyncio.gather(*tasks))] == ["1", "2", "3"]
    assert backend.batches == [[1], [2, 3]]
