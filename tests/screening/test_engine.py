from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import EngineClosed, Overloaded, ScoringError
from bot.labels import Scores
from bot.screening.engine import Engine
from bot.screening.model import Model, Prepared
from tests.screening.numbers_model import GatedBackend, numbers_model, told


@asynccontextmanager
async def running(model: Model, backend: GatedBackend, **bounds: int) -> AsyncIterator[Engine]:
    engine = Engine(model, **bounds)
    await engine.start()
    try:
        yield engine
    finally:
        backend.open()
        await engine.close()


async def submit(engine: Engine, *texts: str) -> list[asyncio.Task[Scores]]:
    tasks = [asyncio.create_task(engine.score(text)) for text in texts]
    await asyncio.sleep(0)  # each runs up to where it waits
    return tasks


async def entered(backend: GatedBackend) -> None:
    """Wait until the worker is inside the network."""
    assert await asyncio.to_thread(backend.entered.acquire, timeout=20)


async def soon(answer: Awaitable[Scores]) -> Scores:
    async with asyncio.timeout(20):
        return await answer


async def test_many_callers_each_get_their_own_scores() -> None:
    backend = GatedBackend(is_open=True)
    async with running(numbers_model(backend), backend) as engine:
        texts = [str(number) for number in range(300)]
        found = await asyncio.gather(*(engine.score(text) for text in texts))
    assert [told(each) for each in found] == texts
    assert len(backend.threads) == 1


async def test_a_lone_message_is_a_batch_of_one_and_the_next_is_all_that_waits() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend) as engine:
        tasks = await submit(engine, "1")
        await entered(backend)
        tasks += await submit(engine, "2", "3", "4")
        assert engine.waiting == 4
        backend.open()
        await soon(asyncio.gather(*tasks))
        assert engine.waiting == 0
    assert backend.batches == [[1], [2, 3, 4]]


async def test_batches_keep_to_the_budget_shortest_first() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend, batch_tokens=40) as engine:
        tasks = await submit(engine, "0")
        await entered(backend)
        lengths = {"1": 30, "2": 3, "3": 12, "4": 13, "5": 3, "6": 60}
        texts = [" ".join([number] + ["9"] * (length - 1)) for number, length in lengths.items()]
        tasks += await submit(engine, *texts)
        backend.open()
        found = await soon(asyncio.gather(*tasks))
    assert [told(each) for each in found] == ["0", *lengths]
    assert backend.batches == [[0], [2, 5, 3], [4], [1], [6]]
    assert all(tokens <= 40 for tokens in backend.padded_tokens[:-1])


async def test_a_model_that_must_not_be_batched_is_not() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend, batched=False), backend) as engine:
        tasks = await submit(engine, "1", "2", "3")
        await entered(backend)
        backend.permit()
        assert told(await soon(tasks[0])) == "1"  # and need not wait for the others
        backend.open()
        await soon(asyncio.gather(*tasks))
    assert backend.batches == [[1], [2], [3]]


@pytest.mark.parametrize(
    ("bounds", "accepted"), [({"max_waiting": 2}, 2), ({"max_waiting_chars": 10}, 3)]
)
async def test_past_the_bound_a_text_is_refused_at_once(
    bounds: dict[str, int], accepted: int
) -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend, **bounds) as engine:
        in_hand = await submit(engine, "1")
        await entered(backend)
        taken = await submit(engine, *["123"] * accepted)
        with pytest.raises(Overloaded) as caught:
            await engine.score("123")
        assert caught.value.waiting == accepted
        backend.open()
        await soon(asyncio.gather(*in_hand, *taken))
        assert told(await soon(engine.score("5"))) == "5"  # there is room again


async def test_a_caller_that_went_away_is_skipped_and_makes_room() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend, max_waiting=1) as engine:
        first = await submit(engine, "1")
        await entered(backend)
        (gone,) = await submit(engine, "2")
        gone.cancel()
        await asyncio.wait([gone])
        second = await submit(engine, "3")
        backend.open()
        assert told(await soon(second[0])) == "3"
        await soon(first[0])
    assert gone.cancelled()
    assert backend.batches == [[1], [3]]


async def test_a_caller_that_goes_away_while_others_are_scored_is_skipped() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend, batched=False), backend) as engine:
        tasks = await submit(engine, "1", "2", "3")
        await entered(backend)
        tasks[1].cancel()
        await asyncio.wait([tasks[1]])
        backend.open()
        assert told(await soon(tasks[2])) == "3"
    assert backend.batches == [[1], [3]]


@pytest.mark.parametrize("bad", ["poison", "nan", "exit"])
async def test_a_text_that_the_model_fails_on_is_isolated(
    bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    backend = GatedBackend()
    caplog.set_level(logging.DEBUG)
    async with running(numbers_model(backend), backend) as engine:
        first = await submit(engine, "1")
        await entered(backend)
        good = await submit(engine, "2", "3")
        (failing,) = await submit(engine, f"{bad} secret")
        good += await submit(engine, "4")
        backend.open()
        found = await soon(asyncio.gather(*first, *good))
        with pytest.raises(ScoringError) as caught:
            await soon(failing)
    assert [told(each) for each in found] == ["1", "2", "3", "4"]
    shown = caplog.text + str(caught.value) + repr(caught.value.__cause__)
    assert "secret" not in shown
    assert "quotes" not in shown
    assert len(backend.threads) == 1


async def test_a_text_that_cannot_be_tokenised_is_isolated() -> None:
    class Picky(Model):
        def prepare(self, texts: Sequence[str]) -> list[Prepared]:
            if "13" in texts:
                raise ValueError("13")
            return super().prepare(texts)

    backend = GatedBackend(is_open=True)
    model = numbers_model(backend)
    model.__class__ = Picky
    async with running(model, backend) as engine:
        found = await asyncio.gather(
            *(engine.score(text) for text in ("12", "13", "14")), return_exceptions=True
        )
        assert isinstance(found[1], ScoringError)
    assert "13" not in str(found[1])


async def test_a_worker_that_dies_is_replaced() -> None:
    class Deadly(Prepared):
        @property
        def longest(self) -> int:  # outside of all that guards the model
            raise SystemExit

    class Killer(Model):
        def prepare(self, texts: Sequence[str]) -> list[Prepared]:
            return [
                Deadly(each.windows) if text == "666" else each
                for text, each in zip(texts, super().prepare(texts), strict=True)
            ]

    backend = GatedBackend(is_open=True)
    model = numbers_model(backend)
    model.__class__ = Killer
    async with running(model, backend) as engine:
        assert told(await soon(engine.score("1"))) == "1"
        with pytest.raises(ScoringError, match="worker died"):
            await soon(engine.score("666"))
        assert told(await soon(engine.score("2"))) == "2"


async def test_closing_answers_everything_accepted() -> None:
    backend = GatedBackend()
    engine = Engine(numbers_model(backend))
    await engine.start()
    tasks = await submit(engine, "1", "2", "3")
    await entered(backend)
    tasks += await submit(engine, "4")
    closing = asyncio.create_task(engine.close(deadline_s=20))
    await asyncio.sleep(0)
    with pytest.raises(EngineClosed):
        await engine.score("5")
    backend.open()
    await closing
    assert [told(task.result()) for task in tasks] == ["1", "2", "3", "4"]
    await engine.close()  # a second time does no harm


async def test_past_the_deadline_the_rest_is_told_so() -> None:
    backend = GatedBackend()
    engine = Engine(numbers_model(backend))
    await engine.start()
    tasks = await submit(engine, "1")
    await entered(backend)
    tasks += await submit(engine, "2")
    closing = asyncio.create_task(engine.close(deadline_s=0.05))
    for task in tasks:
        with pytest.raises(EngineClosed):
            await soon(task)
    backend.open()  # the worker gets out of its batch, finds nothing more and ends
    await closing
    assert backend.batches == [[1]]


async def test_an_engine_that_never_started_can_be_closed() -> None:
    engine = Engine(numbers_model(GatedBackend()))
    with pytest.raises(RuntimeError, match="not been started"):
        await engine.score("1")
    await engine.close()


async def test_the_event_loop_runs_while_the_network_does() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend) as engine:
        (task,) = await submit(engine, "1")
        await entered(backend)
        longest = 0.0
        for _ in range(20):
            start = time.perf_counter()
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - start)
        assert not task.done()
        assert longest < 0.5
        backend.open()
        await soon(task)


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.sampled_from(["1", "22", "333", "4 4 4", "poison", "nan"])),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("permit"), st.just(0)),
        st.tuples(st.just("breathe"), st.sampled_from([0.0, 0.001])),
    ),
    max_size=40,
)


@given(_STEPS, st.booleans(), st.integers(1, 6), st.integers(1, 30), st.integers(1, 12))
@settings(max_examples=120, deadline=None)
def test_nothing_is_lost_or_answered_twice(
    steps: list[tuple[str, str | int | float]],
    in_time: bool,
    max_waiting: int,
    max_chars: int,
    batch_tokens: int,
) -> None:
    """Random arrivals, cancellations, faults and pauses of the network, and then an end."""

    async def scenario() -> None:
        backend = GatedBackend()
        engine = Engine(
            numbers_model(backend),
            max_waiting=max_waiting,
            max_waiting_chars=max_chars,
            batch_tokens=batch_tokens,
        )
        await engine.start()
        tasks: list[tuple[str, asyncio.Task[Scores]]] = []
        cancelled: set[int] = set()
        in_hand_at_most = 4 * batch_tokens + 1
        for kind, value in steps:
            if kind == "submit":
                tasks.append((str(value), asyncio.create_task(engine.score(str(value)))))
            elif kind == "cancel" and value < len(tasks):
                tasks[int(value)][1].cancel()
                cancelled.add(int(value))
            elif kind == "permit":
                backend.permit()
            elif kind == "breathe":
                await asyncio.sleep(float(value))
            assert engine.waiting <= max_waiting + in_hand_at_most
        await asyncio.sleep(0)
        if in_time:
            backend.open()
        closing = asyncio.create_task(engine.close(deadline_s=20 if in_time else 0.01))
        async with asyncio.timeout(20):  # every awaited future ends
            await asyncio.gather(*(task for _, task in tasks), return_exceptions=True)
            backend.open()
            await closing

        assert engine.waiting == 0
        for position, (text, task) in enumerate(tasks):
            if task.cancelled():
                assert position in cancelled
            elif isinstance(error := task.exception(), EngineClosed):
                assert not in_time
            elif error is None:
                assert told(task.result()) == text.split()[0]
            elif not isinstance(error, Overloaded):
                assert type(error) is ScoringError
                assert text in ("poison", "nan")
        answered = sum(len(batch) for batch in backend.batches)
        alone = sum(1 for batch in backend.batches if len(batch) == 1)
        assert answered <= len(tasks) + alone  # only what failed in company runs again
        assert len(backend.threads) <= 1
        assert backend.at_once == 0

    asyncio.run(scenario())
