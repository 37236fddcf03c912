from __future__ import annotations

import asyncio

import pytest

from bot.errors import EngineClosed, Overloaded
from bot.screening.engine import Engine, Limits, Priority
from bot.screening.observing import Counts
from tests.screening.numbers_model import GatedBackend, numbers_model, told
from tests.screening.running_engine import entered, running, soon, submit


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


async def test_batches_are_of_one_length_and_keep_to_the_budget() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend, batch_tokens=60) as engine:
        tasks = await submit(engine, "0")
        await entered(backend)
        lengths = {"1": 31, "2": 11, "3": 11, "4": 16, "5": 11, "6": 70}
        texts = [" ".join([number] + ["9"] * (length - 1)) for number, length in lengths.items()]
        tasks += await submit(engine, *texts)
        backend.open()
        found = await soon(asyncio.gather(*tasks))
    assert [told(each) for each in found] == ["0", *lengths]
    assert backend.batches == [[0], [1], [2, 3, 5], [4], [6]]
    assert all(tokens <= 60 for tokens in backend.padded_tokens[:-1])


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


async def test_past_the_bound_a_text_is_refused_at_once() -> None:
    backend = GatedBackend()
    limits = Limits(most_per_server=3)
    async with running(numbers_model(backend), backend, limits=limits) as engine:
        tasks = await submit(engine, "1")
        await entered(backend)
        tasks += await submit(engine, "2", "2")
        with pytest.raises(Overloaded) as caught:
            await engine.score("3")
        assert (caught.value.waiting, caught.value.server_id) == (3, 0)
        tasks += await submit(engine, "4", server_id=7)  # which has nothing waiting
        tasks += await submit(engine, "5", priority=Priority.CHECK)
        with pytest.raises(Overloaded):
            await engine.score("6", priority=Priority.CHECK)
        assert engine.figures().refused == 2
        backend.open()
        await soon(asyncio.gather(*tasks))
        assert told(await soon(engine.score("7"))) == "7"  # there is room again
    assert engine.figures().waiting_servers == 0


async def test_a_caller_that_went_away_is_skipped_and_makes_room() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend, limits=Limits(most_per_server=2)) as engine:
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


async def test_a_caller_that_is_thrown_away_unfinished_is_skipped_too() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend) as engine:
        first = await submit(engine, "1")
        await entered(backend)
        thrown_away = engine.score("2")
        thrown_away.send(None)
        thrown_away.close()
        assert engine.waiting == 1
        backend.open()
        await soon(first[0])
    assert backend.batches == [[1]]


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


async def test_answers_on_their_way_arrive_before_the_end() -> None:
    backend = GatedBackend()
    engine = Engine(numbers_model(backend))
    await engine.start()
    tasks = await submit(engine, *["1"] * 2000)
    backend.open()
    await soon(tasks[0])
    assert not tasks[-1].done()
    await engine.close()
    await asyncio.sleep(0)
    assert {told(task.result()) for task in tasks} == {"1"}


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
        for _ in range(20):
            await asyncio.sleep(0.001)  # would never end if the loop waited for the network
        assert not task.done()
        backend.open()
        await soon(task)


async def test_checks_overtake_live_messages_which_overtake_bulk() -> None:
    backend = GatedBackend()
    order: list[str] = []
    async with running(numbers_model(backend), backend, batch_tokens=5) as engine:
        tasks = await submit(engine, "0")
        await entered(backend)
        for priority, texts in (
            (Priority.BULK, ("31", "32")),
            (Priority.LIVE, ("21", "22")),
            (Priority.CHECK, ("11", "12")),
        ):
            tasks += await submit(engine, *texts, priority=priority)
        for task in tasks:
            task.add_done_callback(lambda done: order.append(told(done.result())))
        backend.open()
        await soon(asyncio.gather(*tasks))
        await asyncio.sleep(0)
    assert order == ["0", "11", "12", "21", "22", "31", "32"]


async def test_bulk_work_gets_on_while_live_messages_never_end() -> None:
    backend = GatedBackend()
    async with running(numbers_model(backend), backend, batch_tokens=5) as engine:
        live = await submit(engine, "0")
        await entered(backend)
        bulk = await submit(engine, *map(str, range(500, 505)), priority=Priority.BULK)
        number = 1
        while not all(task.done() for task in bulk):
            live += await submit(engine, *(str(number + step) for step in range(2)))
            number += 2
            assert number < 400
            backend.permit()
            await entered(backend)
        backend.open()
        await soon(asyncio.gather(*live))


async def test_an_observer_sees_plain_numbers_and_a_broken_one_does_no_harm(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Seeing(Counts):
        def __init__(self) -> None:
            super().__init__(None)
            self.seen: list[tuple[object, ...]] = []

        def queue_wait(self, seconds: float, priority: Priority) -> None:
            self.seen.append(("wait", seconds, priority))

        def prepared(self, texts: int, seconds: float) -> None:
            self.seen.append(("prepared", texts, seconds))

        def batch(self, windows: int, tokens: int, padded_tokens: int, inference_s: float) -> None:
            self.seen.append(("batch", windows, tokens, padded_tokens, inference_s))
            if windows == 2:
                raise RuntimeError("broken")

    ticks = iter(range(10_000))
    backend = GatedBackend()
    seeing = Seeing()
    options = {"observer": seeing, "clock": lambda: float(next(ticks)), "round_s": 1e6}
    async with running(numbers_model(backend), backend, **options) as engine:
        tasks = await submit(engine, "1", priority=Priority.BULK)
        await entered(backend)
        tasks += await submit(engine, "2 2 2", "3")
        backend.permit()
        await soon(tasks[0])
        backend.open()
        await soon(asyncio.gather(*tasks))
        assert seeing.by_how["scored"] == 1
        await soon(engine.score("4"))
    assert seeing.seen[:3] == [
        ("wait", 1.0, Priority.BULK),
        ("prepared", 1, 1.0),
        ("batch", 1, 1, 1, 3.0),  # the clock was read twice for those who came meanwhile
    ]
    assert seeing.seen[-1] == ("batch", 2, 4, 6, 1.0)
    assert "observer failed" in caplog.text
    assert engine.figures().scored == 4


async def test_a_long_text_is_read_a_few_windows_a_round() -> None:
    backend = GatedBackend()
    model = numbers_model(backend, max_tokens=12)
    async with running(model, backend, batch_tokens=24) as engine:
        wall = asyncio.create_task(engine.score(" ".join(map(str, range(100, 190)))))
        await entered(backend)
        short = await submit(engine, "7")
        backend.permit()  # the wall's first windows
        backend.permit()
        assert told(await soon(short[0])) == "7"
        assert not wall.done()
        backend.open()
        # the highest over all of its windows: that which begins with the 82nd number
        assert told(await soon(wall)) == "181"
    assert all(tokens <= 24 for tokens in backend.padded_tokens)


async def test_a_long_text_that_nobody_waits_for_any_more_is_not_read_on() -> None:
    backend = GatedBackend()
    model = numbers_model(backend, max_tokens=12)
    async with running(model, backend, batch_tokens=24) as engine:
        wall = asyncio.create_task(engine.score(" ".join(map(str, range(100, 190)))))
        await entered(backend)
        wall.cancel()
        await asyncio.wait([wall])
        backend.open()
        assert told(await soon(engine.score("7"))) == "7"
        assert engine.waiting == 0
    assert len(backend.batches) == 2
