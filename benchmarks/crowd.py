"""The engine when many ask: tail latency, the event loop's delay, a raid on one server.

The arrivals of a run are made beforehand, and messages come at their times whether or not those
before them were answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from benchmarks import chat
from benchmarks.effort import Effort
from benchmarks.engine_side import CALLERS, EngineSide, Watched
from benchmarks.figures import Spread, percentile, ratios
from benchmarks.load import Arrival, Served, arrivals, poisson
from benchmarks.table import Row, at_most
from benchmarks.workers import Worker

SHARE = 0.7  # of the capacity, where the tail is measured
SERVERS = 100
USUAL_SHARE = 0.25  # of the capacity: what the servers that are not raided ask for
RAIDED = SERVERS + 1  # its id
REPEATS = 0.9  # share of a raid's messages that repeat an earlier one
REPEATED = 40  # how many different texts are repeated
MOST_GROWTH_MB = 64.0  # of resident memory in a raid


@dataclass(frozen=True, slots=True)
class Tail:
    """Saturated, and right after that at `SHARE` of what was served then; in turns."""

    capacity: list[float]
    """Messages a second."""
    delay_s: list[float]
    """The event loop's, p99.9, while saturated."""
    p50_s: list[float]
    p99_s: list[float]
    refused: int

    def rows(self) -> Iterator[Row]:
        """Figures for the table."""
        p99 = Spread.of([1000 * each for each in self.p99_s])
        delay = Spread.of([1000 * each for each in self.delay_s])
        yield at_most(
            f"p99 at {SHARE:.0%} of the measured capacity, open-loop Poisson arrivals",
            p99.median,
            p99.text(unit="ms"),
            60,
            "ms",
        )
        yield at_most(
            "event-loop delay while saturated, p99.9", delay.median, delay.text(unit="ms"), 10, "ms"
        )
        yield Row(
            f"capacity with {CALLERS} callers waiting, cache off",
            Spread.of(self.capacity).text(",.0f", "messages/s"),
        )
        yield Row(
            f"p50 at {SHARE:.0%} of the capacity",
            Spread.of([1000 * each for each in self.p50_s]).text(unit="ms"),
        )


def measure_tail(texts: Sequence[str], effort: Effort, threads: int | None = None) -> Tail:
    """Find the capacity, then the tail below it, in turns.

    The machine is faster in one minute than in the next, so each turn has a capacity of its own.
    The tail differs most between turns: it gets three times as many as other figures.
    """
    floods: list[Served] = []
    streams: list[Served] = []
    with Worker(EngineSide, threads) as engine:
        for turn in range(3 * effort.turns):
            flood = engine.ask(EngineSide.flood, (*texts, *texts))
            come = arrivals(
                texts,
                rate=SHARE * flood.per_second,
                seconds=effort.seconds / 2,
                servers=SERVERS,
                seed=turn,
            )
            floods.append(flood)
            streams.append(engine.ask(EngineSide.stream, come)[0])
    return Tail(
        capacity=[flood.per_second for flood in floods],
        delay_s=[percentile(flood.delays_s, 99.9) for flood in floods],
        p50_s=[percentile(stream.latencies_s, 50) for stream in streams],
        p99_s=[percentile(stream.latencies_s, 99) for stream in streams],
        refused=sum(stream.refused for stream in streams),
    )


@dataclass(frozen=True, slots=True)
class Raid:
    """One server flooded, the others as usual; without and with the flood, in turns."""

    messages: int
    seconds: float
    usual_rate: float
    without: list[Served]
    """The other servers, without the raid."""
    others: list[Served]
    """The same, with it."""
    raided: list[Served]
    watched: list[Watched]

    @property
    def unanswered(self) -> int:
        """Messages that were neither scored nor refused; a fault."""
        runs = (*self.without, *self.others, *self.raided)
        return sum(run.unanswered + run.failed for run in runs)

    def rows(self) -> Iterator[Row]:
        """Figures for the table."""
        before = [percentile(run.latencies_s, 99) for run in self.without]
        during = [percentile(run.latencies_s, 99) for run in self.others]
        times = ratios(during, before)
        shown = (
            f"{times.text('.2f')} ×: {1000 * Spread.of(during).median:.1f} ms, without the raid "
            f"{1000 * Spread.of(before).median:.1f} ms"
        )
        name = (
            f"a raid of {self.messages:,} messages in {self.seconds:g} s in one server, "
            f"{REPEATS:.0%} repeats"
        )
        yield at_most(f"{name}: the other servers' p99", times.median, shown, 2, "×")
        growth = max((each.highest - each.before) / 1e6 for each in self.watched)
        waiting = max(each.waiting for each in self.watched)
        yield at_most(
            f"{name}: growth of resident memory",
            growth,
            f"{growth:.0f} MB, with {waiting:,} waiting at most",
            MOST_GROWTH_MB,
            "MB",
        )
        scored = sum(run.scored for run in self.raided)
        refused = sum(run.refused for run in self.raided)
        offered = sum(run.offered for run in self.raided)
        lost = sum(run.refused for run in self.others)
        yield Row(
            f"{name}: scored or counted as unscreened",
            f"{scored / offered:.1%} scored, {refused / offered:.1%} unscreened, "
            f"{self.unanswered:,} lost; of other servers {lost:,} unscreened",
            "0 lost",
            self.unanswered == 0,
        )


def measure_raid(
    texts: Sequence[str], effort: Effort, seconds: float, threads: int | None = None
) -> Raid:
    """Measure the other servers without and with a raid on one, of so many seconds, in turns."""
    with Worker(EngineSide, threads) as engine:
        rate = USUAL_SHARE * engine.ask(EngineSide.flood, texts).per_second
        found = Raid(effort.raid_messages, seconds, rate, [], [], [], [])
        # An odd number: one stall of the machine in one turn must not decide.
        for turn in range(2 * effort.turns - 1):
            usual = arrivals(texts, rate=rate, seconds=seconds, servers=SERVERS, seed=100 + turn)
            flood = raid(effort.raid_messages, seconds, seed=turn)
            together = sorted((*usual, *flood), key=lambda arrival: arrival.at_s)
            (_, _, without), _ = engine.ask(EngineSide.watched_stream, usual, RAIDED)
            (_, raided, others), watched = engine.ask(EngineSide.watched_stream, together, RAIDED)
            found.without.append(without)
            found.raided.append(raided)
            found.others.append(others)
            found.watched.append(watched)
    return found


def raid(count: int, seconds: float, seed: int) -> list[Arrival]:
    """Messages of a raid: most repeat one of the last few texts, the rest are new.

    Parameters
    ----------
    count
        About how many: their times are those of a Poisson process.
    """
    draw = Random(seed)
    times = poisson(count / seconds, seconds, seed)
    fresh = iter(chat.messages(round(len(times) * (1 - REPEATS) * 1.2) + REPEATED, 7_000 + seed))
    posted: list[str] = []
    for _ in times:
        if posted and draw.random() < REPEATS:
            latest = posted[-REPEATED * 10 :]
            posted.append(latest[int(draw.random() * len(latest))])
        else:
            posted.append(next(fresh))
    return [Arrival(at, text, RAIDED) for at, text in zip(times, posted, strict=True)]
