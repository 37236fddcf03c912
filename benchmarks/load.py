"""Ways to load something that scores texts, and what the callers saw of it.

A closed loop keeps so many callers waiting and finds the capacity. An open loop lets messages come
when they come, as members do, whether or not the ones before were answered; their latency counts
from the moment when they were due, so that nothing is hidden by a source that waits (Tene, "How NOT
to measure latency": coordinated omission).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Self

from bot.errors import Overloaded, ScoringError

Score = Callable[[str, int], Awaitable[object]]
"""A text and its server's id → whatever the answer is, or one of the engine's errors."""

TICK_S = 0.001  # between two looks at the event loop's delay


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message."""

    at_s: float
    """Since the beginning."""
    text: str
    server_id: int = 0


@dataclass(frozen=True, slots=True)
class Served:
    """What became of the messages of a run."""

    offered: int
    latencies_s: tuple[float, ...]
    """Of those that got scores."""
    refused: int
    failed: int
    seconds: float
    """From the first message to the last answer."""
    delays_s: tuple[float, ...]
    """How late the event loop was, looked at every `TICK_S`; empty where nobody looked."""

    @property
    def scored(self) -> int:
        """How many got scores."""
        return len(self.latencies_s)

    @property
    def unanswered(self) -> int:
        """Neither scored nor refused nor failed; anything but 0 is a fault."""
        return self.offered - self.scored - self.refused - self.failed

    @property
    def per_second(self) -> float:
        """Messages that got scores, a second."""
        return self.scored / self.seconds


class LoopWatch:
    """Measures how late the event loop gets to what is due, as an asynchronous context.

    Parameters
    ----------
    look
        Called at every look, for whatever else is to be watched.
    """

    def __init__(self, look: Callable[[], None] | None = None) -> None:
        self.delays_s: list[float] = []
        self._look = look
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._watching is not None
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            self.delays_s.append(max(loop.time() - due, 0.0))
            if self._look is not None:
                self._look()


class _Counter:
    """Counts how calls of ``score`` end."""

    def __init__(self, score: Score) -> None:
        self._score = score
        self.latencies_s: list[float] = []
        self.refused = 0
        self.failed = 0

    async def call(self, text: str, server_id: int, due_s: float) -> None:
        try:
            await self._score(text, server_id)
        except Overloaded:
            self.refused += 1
        except ScoringError:
            self.failed += 1
        else:
            self.latencies_s.append(asyncio.get_running_loop().time() - due_s)

    def served(self, offered: int, seconds: float, delays_s: Iterable[float] = ()) -> Served:
        return Served(
            offered, tuple(self.latencies_s), self.refused, self.failed, seconds, tuple(delays_s)
        )


async def closed_loop(score: Score, requests: Iterable[tuple[str, int]], callers: int) -> Served:
    """Have so many callers ask one text after the other until all were asked.

    Parameters
    ----------
    requests
        Texts and their servers' ids.
    callers
        How many wait at a time.
    """
    counter = _Counter(score)
    left = iter(requests)
    loop = asyncio.get_running_loop()
    offered = 0

    async def ask() -> None:
        nonlocal offered
        for text, server_id in left:
            offered += 1
            await counter.call(text, server_id, loop.time())

    async with LoopWatch() as watch:
        started = loop.time()
        await asyncio.gather(*(ask() for _ in range(callers)))
        seconds = loop.time() - started
    return counter.served(offered, seconds, watch.delays_s)


async def one_by_one(score: Score, texts: Sequence[str]) -> list[float]:
    """Ask for lone texts; seconds that each took."""
    counter = _Counter(score)
    loop = asyncio.get_running_loop()
    for text in texts:
        await counter.call(text, 0, loop.time())
    return counter.latencies_s


async def open_loop(
    score: Score,
    arrivals: Sequence[Arrival],
    *,
    apart: int = 0,
    watch: LoopWatch | None = None,
) -> list[Served]:
    """Let messages come at their times, and wait until all are answered.

    Parameters
    ----------
    arrivals
        In the order of their times.
    apart
        A server's id.
    watch
        On the event loop meanwhile; None for nothing beside the messages, since each look wakes the
        processor up and so takes from what is measured.

    Returns
    -------
    list of Served
        All of them; then those of the server ``apart``; then all others.
    """
    alone, others = _Counter(score), _Counter(score)
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with watch or contextlib.nullcontext(), asyncio.TaskGroup() as calls:
        for arrival in arrivals:
            due = started + arrival.at_s
            if (early := due - loop.time()) > 0:
                await asyncio.sleep(early)
            counter = alone if arrival.server_id == apart else others
            calls.create_task(counter.call(arrival.text, arrival.server_id, due))
    seconds = loop.time() - started
    offered = sum(arrival.server_id == apart for arrival in arrivals)
    delays_s = watch.delays_s if watch else ()
    parts = [
        alone.served(offered, seconds, delays_s),
        others.served(len(arrivals) - offered, seconds, delays_s),
    ]
    return [_together(parts), *parts]


def _together(parts: Sequence[Served]) -> Served:
    first = parts[0]
    return Served(
        sum(part.offered for part in parts),
        tuple(latency for part in parts for latency in part.latencies_s),
        sum(part.refused for part in parts),
        sum(part.failed for part in parts),
        first.seconds,
        first.delays_s,
    )


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """When events of a Poisson process happen: independent of each other, ``rate`` a second."""
    draw = Random(seed)
    times: list[float] = []
    at = 0.0
    while (at := at - math.log(1.0 - draw.random()) / rate) < seconds:
        times.append(at)
    return times


def arrivals(
    texts: Sequence[str], *, rate: float, seconds: float, servers: int, seed: int
) -> list[Arrival]:
    """Poisson arrivals of texts, each text as seldom as possible, in servers drawn at random.

    The servers' ids are 1 to ``servers``.
    """
    draw = Random(seed + 1)
    start = int(draw.random() * len(texts))
    return [
        Arrival(at, texts[(start + number) % len(texts)], 1 + int(draw.random() * servers))
        for number, at in enumerate(poisson(rate, seconds, seed))
    ]
