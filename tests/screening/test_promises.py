"""The engine under random arrivals, cancellations, faults, deaths of its lanes, and an end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.errors import EngineClosed, Overloaded, ScoringError
from bot.labels import Scores
from bot.screening.engine import Engine, Limits, Priority
from bot.screening.model import Model, Prepared
from tests.patience import PATIENCE_S
from tests.screening.numbers_model import GatedBackend, deadly, numbers_model, told

FAULTS = ("poison", "nan", "exit", "long")
WALL = " ".join(map(str, range(77, 50, -1)))  # in windows of four tokens, it takes many rounds
_TEXTS = st.sampled_from(["1", "22", " 22", "4 4 4", "55 5 5 5 5 5 5 5", WALL, f" {WALL}", *FAULTS])
_STEPS = st.lists(
    st.one_of(
        st.tuples(_TEXTS, st.integers(1, 3), st.sampled_from(Priority)),
        st.tuples(st.just("cancel"), st.integers(0, 40)),
        st.sampled_from(["permit", "breathe"]),
    ),
    max_size=50,
)
_LIMITS = st.builds(
    Limits,
    most=st.integers(1, 20),
    most_chars=st.integers(4, 300),
    most_per_server=st.integers(1, 10),
    most_chars_per_server=st.integers(4, 200),
)


class Mortal(Model):
    """Kills its lane with the text "long"."""

    lives = 0

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        return [
            deadly(each, self.lives) if text == "long" else each
            for text, each in zip(texts, super().prepare(texts), strict=True)
        ]


@dataclass
class Crowd:
    """The callers of one engine, and what has to hold while they come and go."""

    engine: Engine
    limits: Limits
    asked: list[tuple[str, asyncio.Task[Scores]]] = field(default_factory=list)
    cancelled: set[int] = field(default_factory=set)

    def ask(self, text: str, server_id: int, priority: Priority) -> None:
        asking = self.engine.score(text, server_id=server_id, priority=priority)
        self.asked.append((text, asyncio.create_task(asking)))

    def cancel(self, number: int) -> None:
        if number < len(self.asked) and self.asked[number][1].cancel():
            self.cancelled.add(number)

    def keeps_the_bounds(self) -> bool:
        now = self.engine.figures()
        most, chars = self.limits.most, self.limits.most_chars
        return (
            now.waiting <= most + most // 16 + 1
            and now.waiting_chars <= chars + chars // 16 + 1
            and now.waiting_servers <= min(3, now.waiting)
        )

    def ends(self) -> Counter[str]:
        """How each caller's wait ended; fails where it should not have ended so."""
        ends: Counter[str] = Counter()
        for number, (text, task) in enumerate(self.asked):
            if task.cancelled():
                assert number in self.cancelled
                ends["cancelled"] += 1
                continue
            error = task.exception()
            ends[type(error).__name__] += 1
            if error is None:
                assert told(task.result()) == text.split()[0]  # nobody else's answer
            elif type(error) is ScoringError:
                assert text in FAULTS
            else:
                assert isinstance(error, (Overloaded, EngineClosed))
        return ends


@given(
    _STEPS,
    st.booleans(),
    _LIMITS,
    st.integers(1, 12),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from([4, 512]),
    st.integers(0, 3),
    st.integers(1, 3),
)
@settings(max_examples=120, deadline=None)
@example(
    [("long", 1, Priority.LIVE), ("1", 1, Priority.LIVE)], True, Limits(), 12, 3, True, 512, 0, 1
)
@example(
    [(WALL, 1, Priority.LIVE), ("long", 1, Priority.LIVE)], True, Limits(), 12, 3, True, 4, 1, 2
)
def test_everybody_gets_their_own_answer_once(
    steps: list[str | tuple[str, int] | tuple[str, int, Priority]],
    in_time: bool,
    limits: Limits,
    batch_tokens: int,
    cache_entries: int,
    batched: bool,
    max_tokens: int,
    lives: int,
    lanes: int,
) -> None:
    async def scenario() -> None:
        backend = GatedBackend(lanes=lanes)
        model = numbers_model(backend, batched=batched, max_tokens=max_tokens)
        model.__class__ = Mortal
        model.lives = lives
        engine = Engine(
            model, limits=limits, batch_tokens=batch_tokens, cache_entries=cache_entries
        )
        await engine.start()
        crowd = Crowd(engine, limits)
        for step in steps:
            if step == "permit":
                backend.permit()
            elif step == "breathe":
                await asyncio.sleep(0)
            elif len(step) == 2:
                crowd.cancel(step[1])
            else:
                crowd.ask(*step)
            assert crowd.keeps_the_bounds()
        await asyncio.sleep(0)  # all have come
        if in_time:
            backend.open()
        closing = asyncio.create_task(engine.close(deadline_s=20 if in_time else 0.0))
        async with asyncio.timeout(PATIENCE_S):  # every awaited future ends
            await asyncio.gather(*(task for _, task in crowd.asked), return_exceptions=True)
            backend.open()
            await closing

        ends = crowd.ends()
        assert in_time <= (not ends["EngineClosed"])
        now = engine.figures()
        assert (now.waiting, now.waiting_chars, now.waiting_servers) == (0, 0, 0)
        assert now.refused == ends["Overloaded"]
        assert now.cache_entries <= cache_entries
        # an answer may be on its way when its caller is cancelled, but none goes out twice
        answered = now.scored + now.answered_from_cache + now.joined_in_flight
        assert ends["NoneType"] <= answered <= ends["NoneType"] + len(crowd.cancelled)
        assert ends["ScoringError"] <= now.failed <= ends["ScoringError"] + len(crowd.cancelled)
        assert now.worker_restarts <= 2 * sum(text == "long" for text, _ in crowd.asked)
        assert backend.too_many == 0

    asyncio.run(scenario())


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3)), min_size=1, max_size=60),
    st.integers(1, 30),
    st.integers(1, 3),
)
@settings(max_examples=100, deadline=None)
def test_with_a_cache_no_text_is_scored_twice(
    asked: list[tuple[int, int]], batch_tokens: int, lanes: int
) -> None:
    async def scenario() -> None:
        backend = GatedBackend(lanes=lanes)
        engine = Engine(numbers_model(backend), batch_tokens=batch_tokens)
        await engine.start()
        tasks = []
        for number, server_id in asked:
            asking = engine.score(" " * server_id + str(number), server_id=server_id)
            tasks.append(asyncio.create_task(asking))
            backend.permit()
            await asyncio.sleep(0)
        backend.open()
        async with asyncio.timeout(PATIENCE_S):
            found = await asyncio.gather(*tasks)
        await engine.close()
        assert [int(told(each)) for each in found] == [number for number, _ in asked]
        read = [number for batch in backend.batches for number in batch]
        assert sorted(read) == sorted({number for number, _ in asked})
        assert engine.figures().scored == len(read)

    asyncio.run(scenario())
