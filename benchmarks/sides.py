"""The recipe and the engine side by side: throughput, and the latency of a lone message.

The recipe takes seconds for a long text, so each turn takes its time on a few messages and batches
and scales them to the whole file: the file is parted into strata of like cost and one member of
each is drawn (`benchmarks.figures.strata`). The engine scores all of the file in each turn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.effort import Effort
from benchmarks.engine_side import EngineSide, usual_threads
from benchmarks.figures import Spread, draw_each, percentile, ratios, strata, total
from benchmarks.recipe import LONGEST, RecipeSide
from benchmarks.table import Row, at_least
from benchmarks.workers import Worker
from training import plots
from training.markdown import table_of

BATCH = 32
PICTURE = "sides.png"
ONE_CALL, IN_BATCHES, ENGINE = (
    "the recipe, one call per message",
    f"the recipe, batches of {BATCH}",
    "the engine, cache off",
)
CHARACTERS_PER_TOKEN = 4  # roughly: only to guess which messages cost the recipe alike


@dataclass(slots=True)
class Times:
    """One setting of the threads: a value of each turn."""

    recipe_threads: int
    engine_threads: int
    one_by_one_s: list[float] = field(default_factory=list)
    """The recipe's, for the whole file, called once for each message."""
    in_batches_s: list[float] = field(default_factory=list)
    """The recipe's, for the whole file, in batches of `BATCH`."""
    engine_s: list[float] = field(default_factory=list)
    """The engine's, for the whole file."""
    recipe_lone_s: list[float] = field(default_factory=list)
    """The recipe's median for a lone message."""
    engine_lone_s: list[float] = field(default_factory=list)
    """The engine's, for the same messages."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Both sides with their own choice of threads, and with one thread each."""

    messages: int
    parameters: int
    """Of the recipe."""
    draws: int
    batch_draws: int
    usual: Times
    single: Times

    def rows(self) -> Iterator[Row]:
        """Figures for the table."""
        one = ratios(self.usual.one_by_one_s, self.usual.engine_s)
        many = ratios(self.usual.in_batches_s, self.usual.engine_s)
        lone = ratios(self.usual.recipe_lone_s, self.usual.engine_lone_s)
        yield at_least(
            "throughput, cache off, against one call per message",
            one.median,
            one.text(unit="×"),
            60,
        )
        yield at_least(
            f"throughput, cache off, against batches of {BATCH}",
            many.median,
            many.text(unit="×"),
            15,
        )
        yield at_least(
            "latency of a lone message (p50), the recipe's ÷ the engine's",
            lone.median,
            lone.text(unit="×"),
            15,
        )
        for name, recipe_s, engine_s in (
            ("against one call per message", self.single.one_by_one_s, self.single.engine_s),
            (f"against batches of {BATCH}", self.single.in_batches_s, self.single.engine_s),
            ("latency of a lone message", self.single.recipe_lone_s, self.single.engine_lone_s),
        ):
            times = ratios(recipe_s, engine_s)
            yield Row(f"the same with one thread for each side: {name}", times.text(unit="×"))

    def sections(self) -> Iterator[str]:
        """Both sides in a table, and how they were measured."""
        rows = []
        for times in (self.usual, self.single):
            recipe, engine = str(times.recipe_threads), str(times.engine_threads)
            lone = _milliseconds(times.recipe_lone_s)
            rows += [
                (ONE_CALL, recipe, self._rate(times.one_by_one_s), lone),
                (IN_BATCHES, recipe, self._rate(times.in_batches_s), "–"),
                (
                    ENGINE,
                    engine,
                    self._rate(times.engine_s),
                    _milliseconds(times.engine_lone_s),
                ),
            ]
        yield "### Side by side\n\n" + table_of(
            ("side", "threads", "messages/s", "p50 of a lone message in ms"), rows
        )
        yield f"![Messages a second](pictures/{PICTURE})"
        yield (
            f"Medians of {len(self.usual.engine_s)} turns ({len(self.single.engine_s)} where both "
            "have one thread), and the range. The recipe has "
            f"{self.parameters / 1e6:.1f} million random weights. In each turn it "
            f"was timed on {self.draws} messages and {self.batch_draws} batches, one drawn of each "
            f"stratum of like cost, and scaled to all {self.messages:,} messages; the engine "
            "scored all of them."
        )

    def draw(self, folder: Path) -> None:
        """Write the picture."""
        plots.bars(
            folder / PICTURE,
            "Messages a second, each side with its own choice of threads",
            {
                name: self.messages / Spread.of(seconds).median
                for name, seconds in (
                    (ENGINE, self.usual.engine_s),
                    (IN_BATCHES, self.usual.in_batches_s),
                    (ONE_CALL, self.usual.one_by_one_s),
                )
            },
            unit="messages/s",
        )

    def _rate(self, seconds: Sequence[float]) -> str:
        return Spread.of([self.messages / each for each in seconds]).text()


def measure(texts: Sequence[str], effort: Effort) -> Compared:
    """Let the sides take turns: the recipe, the engine, the recipe with one thread, …"""
    in_order = [texts[at : at + BATCH] for at in range(0, len(texts), BATCH)]
    singles = strata([_tokens(text) for text in texts], effort.draws)
    batches = strata(
        [len(batch) * max(map(_tokens, batch)) for batch in in_order], effort.batch_draws
    )
    with ExitStack() as stack:
        recipe = stack.enter_context(Worker(RecipeSide))
        facts = recipe.ask(RecipeSide.facts)
        engines = {
            threads: stack.enter_context(Worker(EngineSide, threads))
            for threads in {usual_threads(), 1}
        }
        usual = Times(facts.threads, usual_threads())
        single = Times(1, 1)
        single_turns = math.ceil(effort.turns / 3)  # they take twice as long
        for turn in range(effort.turns):
            draw = Random(turn)
            lone = [texts[int(draw.random() * len(texts))] for _ in range(effort.lone)]
            drawn = [texts[at] for at in draw_each(singles, turn)]
            drawn_batches = [in_order[at] for at in draw_each(batches, turn)]
            for times in (usual, single) if turn < single_turns else (usual,):
                engine, threads = engines[times.engine_threads], times.recipe_threads
                found = recipe.ask(RecipeSide.one_by_one, drawn, threads)
                times.one_by_one_s.append(total(singles, found))
                times.engine_s.append(engine.ask(EngineSide.flood, texts).seconds)
                found = recipe.ask(RecipeSide.in_batches, drawn_batches, threads)
                times.in_batches_s.append(total(batches, found))
                found = recipe.ask(RecipeSide.one_by_one, lone, threads)
                times.recipe_lone_s.append(percentile(found, 50))
                found = engine.ask(EngineSide.lone, lone)
                times.engine_lone_s.append(percentile(found, 50))
    return Compared(len(texts), facts.parameters, len(singles), len(batches), usual, single)


def _tokens(text: str) -> float:
    return float(min(2 + len(text) / CHARACTERS_PER_TOKEN, LONGEST))


def _milliseconds(seconds: Sequence[float] | None) -> str:
    return Spread.of([1000 * each for each in seconds]).text(".2f") if seconds else "–"
