"""How the engine's cost grows: with the length of a message, the budget of a batch, the number of
servers and the number of cores. The cache is off.

Throughput is that of a closed loop; latency that of a lone message, or of an open loop at half of
the capacity that was measured with the engine's defaults, or of the point's own where that is less.
By budget and by servers all messages of the closed loop wait at once, so that there is enough for
the largest batch, and each server has something that waits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks import chat
from benchmarks.effort import Effort
from benchmarks.engine_side import EngineSide, usual_threads
from benchmarks.figures import percentile
from benchmarks.load import arrivals
from benchmarks.machine import usable_cores
from benchmarks.table import Row
from benchmarks.workers import Worker
from training import plots
from training.markdown import table_of

THROUGHPUT, LATENCY = "growth-throughput.png", "growth-latency.png"
WORDS = (1, 2, 4, 8, 16, 32, 64, 96, 128, 256, 384, 640)
# A batch is of texts of about one length, of which these messages have too few for a larger one.
BUDGETS = (1, 64, 128, 256, 512, 1_024, 2_048, 4_096)
SERVERS = (1, 2, 5, 10, 50, 100, 250, 500, 1_000, 2_000, 3_500, 5_000)
MESSAGES = SERVERS[-1]  # that wait at once
CORES = (1, 2, 4)
SHARE = 0.5  # of the capacity, where latency is measured in an open loop
_ROOM = 1.25  # times the highest value: the legend stands above the lines
_WIDE = 20  # times the smallest value: from here on an axis is logarithmic
_ROUND = FuncFormatter(lambda value, _: f"{value / 1e3:g}k" if value >= 1e3 else f"{value:g}")
_WORDS_A_POINT = 1_200  # scored for a point of the curve by length


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a curve."""

    at: int
    """Words, tokens, servers or cores."""
    per_second: float
    p50_s: float
    p99_s: float
    note: str = ""
    rate: float | None = None
    """Messages a second while the latencies were taken, where they were fewer than the curve's."""

    def shown(self, seconds: float) -> str:
        """A latency in milliseconds, with the rate."""
        at = "" if self.rate is None else f" (at {self.rate:,.0f}/s)"
        return f"{1000 * seconds:.1f}{at}"


@dataclass(frozen=True, slots=True)
class Curve:
    """What one thing costs as it grows."""

    name: str
    unit: str
    latency: str
    """Of what the latencies are."""
    points: tuple[Point, ...]

    def page(self) -> str:
        """The points as a Markdown table."""
        return table_of(
            (self.unit, "messages/s", f"p50 in ms, {self.latency}", "p99 in ms"),
            [
                (
                    f"{point.at:,} {point.note}".strip(),
                    f"{point.per_second:,.0f}",
                    point.shown(point.p50_s),
                    point.shown(point.p99_s),
                )
                for point in self.points
            ],
        )


@dataclass(frozen=True, slots=True)
class Growth:
    """All curves."""

    curves: tuple[Curve, ...]

    def rows(self) -> Iterator[Row]:
        """Nothing for the table of targets."""
        return iter(())

    def sections(self) -> Iterator[str]:
        """The curves' tables, below the pictures that `draw` makes of them."""
        yield (
            "### How cost grows\n\nCache off; one engine, the bot's own choice of threads. By "
            f"budget and by servers, throughput is that of {MESSAGES:,} messages that wait at "
            "once, in every line the same ones. Latencies are taken at the rate that is named, or "
            "at half of a line's own throughput where that is less. A budget is kept to however "
            "long its batches take, though the bot limits that too; every server of a line posts."
        )
        yield f"![Throughput](pictures/{THROUGHPUT})\n\n![Latency](pictures/{LATENCY})"
        for curve in self.curves:
            yield curve.page()

    def draw(self, folder: Path) -> None:
        """Write the pictures."""
        plots.small_multiples(
            folder / THROUGHPUT,
            "Messages a second, as one thing grows",
            {curve.name: partial(_draw_throughput, curve=curve) for curve in self.curves},
            columns=2,
        )
        plots.small_multiples(
            folder / LATENCY,
            "Latency in milliseconds, as one thing grows",
            {
                f"{curve.name}, {curve.latency}": partial(_draw_latency, curve=curve)
                for curve in self.curves
            },
            columns=2,
        )


def _draw_throughput(axes: Axes, curve: Curve) -> None:
    plots.draw_lines(axes, _series(curve, {"": "per_second"}, 1.0), x=curve.unit, y="messages/s")
    _scale(axes, curve)
    axes.set_ylim(0, _ROOM * max(point.per_second for point in curve.points))


def _draw_latency(axes: Axes, curve: Curve) -> None:
    series = _series(curve, {"p50": "p50_s", "p99": "p99_s"}, 1000.0)
    plots.draw_lines(axes, series, x=curve.unit, y="ms")
    _scale(axes, curve)
    times = [each for _, up in series.values() for each in up]
    if max(times) > _WIDE * min(times):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(_ROUND)
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(0, _ROOM * max(times))


def _series(curve: Curve, wanted: dict[str, str], times: float) -> plots.Series:
    """Name → coordinates; a line for each note that points have."""
    found = {}
    for name, attribute in wanted.items():
        for note in dict.fromkeys(point.note for point in curve.points):
            points = [point for point in curve.points if point.note == note]
            found[f"{name} {note}".strip()] = (
                np.array([point.at for point in points]),
                np.array([times * getattr(point, attribute) for point in points]),
            )
    return found


def _scale(axes: Axes, curve: Curve) -> None:
    if curve.points[-1].at > 100:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(_ROUND)
    else:
        axes.set_xticks(sorted({point.at for point in curve.points}))


def measure(texts: Sequence[str], effort: Effort) -> Growth:
    """Measure all four curves."""
    with Worker(EngineSide) as engine:
        rate = SHARE * engine.ask(EngineSide.flood, texts).per_second
        latency = f"at {rate:,.0f} messages/s"
        budgets, servers = by_budget(engine, rate, effort), by_servers(engine, rate, effort)
        curves = [
            Curve("Length of a message", "words of a message", "alone", by_length(engine, effort)),
            Curve("Budget of a batch", "budget of a batch in tokens", latency, budgets),
            Curve("Servers", "servers", latency, servers),
        ]
    return Growth((*curves, Curve("Cores", "cores", "alone", by_cores(texts, effort))))


def spread(values: Sequence[int], most: int) -> list[int]:
    """At most so many of the values, the first and the last among them, evenly between."""
    if most >= len(values):
        return list(values)
    last = len(values) - 1
    return [values[round(at * last / (most - 1))] for at in range(most)]


def by_length(engine: Worker[EngineSide], effort: Effort) -> tuple[Point, ...]:
    """Messages of exactly so many words."""
    points = []
    for words in spread(WORDS, effort.points):
        count = min(max(_WORDS_A_POINT // words, effort.lone // 2, 1), 400)
        texts = list(
            dict.fromkeys(f"{chat.talk(words, seed)} {seed}"[:4_000] for seed in range(count))
        )
        flood = engine.ask(EngineSide.flood, texts)
        lone = engine.ask(EngineSide.lone, texts[: effort.lone])
        points.append(Point(words, flood.per_second, percentile(lone, 50), percentile(lone, 99)))
    return tuple(points)


def by_budget(engine: Worker[EngineSide], rate: float, effort: Effort) -> tuple[Point, ...]:
    """Batches of at most so many tokens, however long they take."""
    return tuple(
        _loaded(engine, budget, rate, effort, budget=budget)
        for budget in spread(BUDGETS, effort.points)
    )


def by_servers(engine: Worker[EngineSide], rate: float, effort: Effort) -> tuple[Point, ...]:
    """Messages of so many servers, each of which posts at least one."""
    return tuple(
        _loaded(engine, servers, rate, effort, servers=servers)
        for servers in spread(SERVERS, effort.points)
    )


def by_cores(texts: Sequence[str], effort: Effort) -> tuple[Point, ...]:
    """The whole process kept to so many cores, with the bot's threads and with one for each."""
    cores = usable_cores()
    points = []
    for count in CORES:
        if count > len(cores):
            break
        for threads in dict.fromkeys((usual_threads(), count)):
            with Worker(EngineSide, threads, cores=cores[:count]) as engine:
                flood = engine.ask(EngineSide.flood, texts)
                lone = engine.ask(EngineSide.lone, texts[: effort.lone * 3])
            points.append(
                Point(
                    count,
                    flood.per_second,
                    percentile(lone, 50),
                    percentile(lone, 99),
                    f"{threads} thread" + ("s" if threads > 1 else ""),
                )
            )
    return tuple(points)


def _loaded(
    engine: Worker[EngineSide],
    at: int,
    rate: float,
    effort: Effort,
    *,
    budget: int | None = None,
    servers: int = 1,
) -> Point:
    texts = chat.messages(MESSAGES)
    flood = engine.ask(EngineSide.flood, texts, MESSAGES, servers, budget)
    # Poisson's are sometimes fewer; five standard deviations fewer they never are.
    own = min(rate, SHARE * flood.per_second)
    seconds = max(effort.seconds / 3, (servers + 5 * math.sqrt(servers)) / own)
    come = arrivals(texts, rate=own, seconds=seconds, servers=servers, seed=at)
    in_turns = [replace(each, server_id=1 + number % servers) for number, each in enumerate(come)]
    stream = engine.ask(EngineSide.stream, in_turns, budget)[0]
    return Point(
        at,
        flood.per_second,
        percentile(stream.latencies_s, 50),
        percentile(stream.latencies_s, 99),
        rate=own if own < rate else None,
    )
