"""Loads and what they count, on a scorer that answers as a test wants."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections import Counter

import pytest

from benchmarks.crowd import RAIDED, REPEATS, raid
from benchmarks.load import (
    Arrival,
    LoopWatch,
    arrivals,
    closed_loop,
    one_by_one,
    open_loop,
    poisson,
)
from bot.errors import Overloaded, ScoringError


class Scorer:
    """Takes a moment; refuses "refuse" and fails on "fail"."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.asked: list[str] = []
        self.waiting = self.most = 0

    async def score(self, text: str, server_id: int) -> None:
        self.asked.append(text)
        if text == "refuse":
            raise Overloaded(1)
        if text == "fail":
            raise ScoringError("no")
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await asyncio.sleep(self.seconds)
        self.waiting -= 1


async def test_a_closed_loop_asks_everything_once_with_so_many_callers() -> None:
    scorer = Scorer(0.001)
    served = await closed_loop(scorer.score, [(str(at), 1) for at in range(40)], callers=8)
    assert sorted(scorer.asked, key=int) == [str(at) for at in range(40)]
    assert scorer.most == 8
    assert (served.offered, served.scored, served.unanswered) == (40, 40, 0)
    assert served.per_second == pytest.approx(40 / served.seconds)
    assert min(served.latencies_s) >= 0.001


async def test_refusals_and_failures_are_counted() -> None:
    texts = ["a", "refuse", "b", "fail", "refuse"]
    served = await closed_loop(Scorer().score, [(text, 1) for text in texts], callers=2)
    assert (served.scored, served.refused, served.failed, served.unanswered) == (2, 2, 1, 0)


async def test_lone_messages_come_one_after_the_other() -> None:
    scorer = Scorer(0.002)
    seconds = await one_by_one(scorer.score, ["a", "b", "c"])
    assert scorer.most == 1
    assert len(seconds) == 3
    assert min(seconds) >= 0.002


async def test_an_open_loop_does_not_wait_for_answers() -> None:
    together = asyncio.Barrier(10)

    async def score(text: str, server_id: int) -> None:
        await together.wait()  # nobody is answered before all have asked

    coming = [Arrival(at * 0.001, str(at), at % 2) for at in range(10)]
    everybody, apart, others = await open_loop(score, coming, apart=1)
    assert (everybody.offered, apart.offered, others.offered) == (10, 5, 5)
    assert everybody.scored == apart.scored + others.scored == 10


async def test_latency_counts_from_when_the_message_was_due() -> None:
    async def blocking(text: str, server_id: int) -> None:
        if text == "first":
            time.sleep(0.1)  # noqa: ASYNC251 # the loop is held up, as a bad engine would

    coming = [Arrival(0.0, "first"), Arrival(0.01, "second")]
    everybody, *_ = await open_loop(blocking, coming)
    assert everybody.latencies_s[1] >= 0.08


async def test_the_watch_sees_a_loop_that_is_held_up() -> None:
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1

    async with LoopWatch(look) as watch:
        await asyncio.sleep(0.02)
        time.sleep(0.05)  # noqa: ASYNC251 # held up, as it is to be seen
        await asyncio.sleep(0.02)
    assert max(watch.delays_s) >= 0.04
    assert looks == len(watch.delays_s)


def test_poisson_times_rise_at_the_rate() -> None:
    times = poisson(200.0, 50.0, seed=1)
    assert times == sorted(times)
    assert times[0] > 0
    assert times[-1] < 50.0
    assert len(times) == pytest.approx(10_000, rel=0.05)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    # of an exponential distribution, the deviation is the mean
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.1)


def test_arrivals_take_each_text_in_turn_from_all_servers() -> None:
    texts = [f"text {at}" for at in range(50)]
    found = arrivals(texts, rate=100.0, seconds=2.0, servers=5, seed=2)
    counts = Counter(arrival.text for arrival in found)
    assert max(counts.values()) - min(counts[text] for text in texts) <= 1
    assert {arrival.server_id for arrival in found} == {1, 2, 3, 4, 5}


def test_a_raid_is_mostly_repeats_in_one_server() -> None:
    flood = raid(4_000, 2.0, seed=1)
    assert len(flood) == pytest.approx(4_000, rel=0.1)
    assert {arrival.server_id for arrival in flood} == {RAIDED}
    different = len({arrival.text for arrival in flood})
    assert 1 - different / len(flood) == pytest.approx(REPEATS, abs=0.02)
