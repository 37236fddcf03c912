"""The engine with the model that ships, through its public interface, ready to be timed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from benchmarks import load
from benchmarks.load import Arrival, LoopWatch, Score, Served
from benchmarks.machine import resident_bytes
from bot.screening.backends import default_threads
from bot.screening.engine import ROUND_S, Engine, Limits
from bot.screening.model import BATCH_TOKENS, load_model
from bot.settings import Settings

CALLERS = 256  # that wait at a time where the capacity is measured
CACHE_ENTRIES = 10_000  # as the bot has, where a measurement is about repeats
UNHURRIED_S = 3_600.0  # for a batch: no budget holds more than that

Answer = TypeVar("Answer")


def usual_threads() -> int:
    """How many threads the bot gives the network unless its host says otherwise."""
    default: int | None = Settings.model_fields["model_threads"].default
    return default or default_threads()


@dataclass(frozen=True, slots=True)
class Setup:
    """How an engine is made.

    Attributes
    ----------
    cache_entries
        0 scores every text anew.
    bounded
        The engine's own bounds; otherwise whatever a closed loop wants may wait.
    batch_tokens
        The budget of a batch, kept to however long a batch takes; None for what the bot does, whose
        batches also have to be short.
    """

    cache_entries: int = 0
    bounded: bool = True
    batch_tokens: int | None = None


@dataclass(slots=True)
class Watched:
    """The highest seen while a run went on.

    Attributes
    ----------
    before, highest
        Bytes that were resident.
    waiting
        Texts that were accepted and not answered.
    """

    before: int = 0
    highest: int = 0
    waiting: int = 0


class EngineSide:
    """One loaded model, and a fresh engine for each run; see `benchmarks.workers`.

    Parameters
    ----------
    threads
        For the network; None for the bot's default.
    spec
        The model; None for the one that ships.
    """

    def __init__(self, threads: int | None = None, spec: str | None = None) -> None:
        self._model = load_model(spec, threads or usual_threads())
        self._model.score(["warm"])

    def lone(self, texts: Sequence[str]) -> list[float]:
        """Seconds that each text takes when nothing else waits."""
        return self._run(Setup(), lambda score, _: load.one_by_one(score, texts))

    def flood(
        self,
        texts: Sequence[str],
        callers: int = CALLERS,
        servers: int = 1,
        batch_tokens: int | None = None,
    ) -> Served:
        """All texts as fast as they are answered, from at most so many servers in turns."""
        requests = [(text, 1 + number % servers) for number, text in enumerate(texts)]
        return self._run(
            Setup(bounded=False, batch_tokens=batch_tokens),
            lambda score, _: load.closed_loop(score, requests, callers),
        )

    def stream(self, arrivals: Sequence[Arrival], batch_tokens: int | None = None) -> list[Served]:
        """Messages that come when they come, without a cache; see `load.open_loop`."""
        return self._run(
            Setup(batch_tokens=batch_tokens),
            lambda score, _: load.open_loop(score, arrivals),
        )

    def watched_stream(
        self, arrivals: Sequence[Arrival], apart: int
    ) -> tuple[list[Served], Watched]:
        """The same with the cache of a running bot, watching memory and queue meanwhile."""
        found = Watched(before=resident_bytes()[0])
        looks = 0

        async def watch(score: Score, engine: Engine) -> list[Served]:
            def look() -> None:
                nonlocal looks
                looks += 1
                found.waiting = max(found.waiting, engine.waiting)
                if looks % 50 == 0:  # reading it takes a tenth of a millisecond
                    found.highest = max(found.highest, resident_bytes()[0])

            served = await load.open_loop(score, arrivals, apart=apart, watch=LoopWatch(look))
            found.highest = max(found.highest, resident_bytes()[0])
            return served

        served = self._run(Setup(cache_entries=CACHE_ENTRIES), watch)
        return served, found

    def _run(self, setup: Setup, work: Callable[[Score, Engine], Awaitable[Answer]]) -> Answer:
        async def run() -> Answer:
            async with self._engine(setup) as engine:
                return await work(
                    lambda text, server_id: engine.score(text, server_id=server_id), engine
                )

        return asyncio.run(run())

    @asynccontextmanager
    async def _engine(self, setup: Setup) -> AsyncIterator[Engine]:
        most = 10**9
        engine = Engine(
            self._model,
            limits=Limits() if setup.bounded else Limits(most, most, most, most),
            cache_entries=setup.cache_entries,
            batch_tokens=setup.batch_tokens or BATCH_TOKENS,
            round_s=UNHURRIED_S if setup.batch_tokens else ROUND_S,
        )
        await engine.start()
        try:
            yield engine
        finally:
            await engine.close()
