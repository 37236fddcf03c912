"""How fast this trainer is beside the common recipe: ``python -m benchmarks.training``.

The common recipe is a plain ``transformers.Trainer`` in fp32 with every text padded to 512 tokens.
Both start from one checkpoint and train on the same rows with the same batch size. Each side has a
process of its own, and they take turns, a block of steps each, so that whatever else the machine
does hurts both. Reading and tokenising come before the clock starts, and so do the first steps.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import platform
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import click
import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks import talk
from benchmarks.training_sides import (
    LONGEST,
    Block,
    Ended,
    Failed,
    Job,
    Ready,
    Side,
    serve,
)
from training.config import Rows, TrainingError
from training.data import Labelled, read
from training.recipes import load

CONFIG = Path(__file__).parents[1] / "training" / "configs" / "minilm-jigsaw.toml"
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
PACKAGES = ("torch", "transformers", "accelerate", "tokenizers", "numpy")

Answer = TypeVar("Answer")


class BenchmarkError(TrainingError):
    """A measurement that cannot be made as asked."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One side after its last block."""

    side: Side
    ready: Ready
    blocks: tuple[Block, ...]
    peak: int
    """Bytes."""

    @property
    def name(self) -> str:
        """What the table calls it."""
        who = "the common recipe" if self.side.common else "this trainer"
        verb = "padded to" if self.side.common else "up to"
        return f"{who}, {verb} {self.ready.max_tokens} tokens"

    @property
    def seconds(self) -> float:
        """On the clock."""
        return sum(block.seconds for block in self.blocks)

    def per_second(self, what: str) -> float:
        """``samples``, ``tokens`` or ``padded`` tokens per second, over all blocks."""
        return float(sum(getattr(block, what) for block in self.blocks) / self.seconds)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times the samples per second of the other side."""

    overall: float
    """All blocks together: on the same rows, but for those of the first steps."""
    median: float
    lowest: float
    highest: float


def ratio(one: Measured, other: Measured) -> Ratio:
    """Compare two sides, block by block and over all."""
    each = [
        (mine.samples / mine.seconds) / (theirs.samples / theirs.seconds)
        for mine, theirs in zip(one.blocks, other.blocks, strict=True)
    ]
    overall = one.per_second("samples") / other.per_second("samples")
    return Ratio(overall, statistics.median(each), min(each), max(each))


class _Running:
    """A side's process; it works only inside a call of `block`."""

    def __init__(self, side: Side, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self.side = side
        self._pipe: Connection
        self._pipe, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=serve, args=(theirs, side, job), daemon=True
        )
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        self.ready = self._answer(Ready)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._process.terminate()
        self._process.join()
        self._pipe.close()

    def block(self, steps: int) -> Block:
        self._pipe.send(steps)
        return self._answer(Block)

    def end(self) -> int:
        self._pipe.send(0)
        return self._answer(Ended).peak

    def _answer(self, kind: type[Answer]) -> Answer:
        try:
            answer = self._pipe.recv()
        except EOFError:
            self._process.join()
            raise BenchmarkError(
                f"the process of {self.side} ended with code {self._process.exitcode} before it "
                "was measured; what it wrote above says why (-9 is a lack of memory)"
            ) from None
        if isinstance(answer, Failed):
            self._process.join()
            raise BenchmarkError(answer.sentence)
        assert isinstance(answer, kind)
        return answer


def measure(
    sides: Sequence[Side], job: Job, *, warmup: int, blocks: int, steps: int
) -> list[Measured]:
    """Train all sides in turns.

    Parameters
    ----------
    sides
        In the order of the table.
    job
        ``(warmup + blocks * steps) * batch_size`` rows at least.
    warmup
        Steps of each side before the clock starts.
    blocks
        Turns of each side; who begins changes from turn to turn.
    steps
        Of a block.

    Raises
    ------
    BenchmarkError
        A side cannot train, or its process ended.
    """
    with ExitStack() as stack:
        # One after the other: loading takes the processor too.
        running = []
        for side in sides:
            process = _Running(side, job)
            running.append(stack.enter_context(process))
            process.block(warmup)
        taken: list[list[Block]] = [[] for _ in running]
        console = Console(stderr=True)
        for turn in track(range(blocks), "training in turns", console=console):
            for place in range(len(running)):
                at = (turn + place) % len(running)
                taken[at].append(running[at].block(steps))
        return [
            Measured(process.side, process.ready, tuple(mine), process.end())
            for process, mine in zip(running, taken, strict=True)
        ]


def page(measured: Sequence[Measured], job: Job, rows: str, warmup: int) -> str:
    """The table and what it was measured with, as Markdown. The common recipe comes last."""
    common = measured[-1]
    lines = [
        "| side | samples/s | tokens/s | with padding | times the common recipe: median "
        "(range) | over all blocks | peak memory |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for one in measured:
        found = ratio(one, common)
        times = f"{found.median:.1f} ({found.lowest:.1f}–{found.highest:.1f})"
        lines.append(
            f"| {one.name} | {one.per_second('samples'):.2f} | {one.per_second('tokens'):,.0f} | "
            f"{one.per_second('padded'):,.0f} | {times} | {found.overall:.1f} | "
            f"{one.peak / 2**20:,.0f} MiB |"
        )
    first = common.blocks[0]
    steps = first.samples // job.batch_size
    lengths = np.array(common.ready.lengths)
    characters = np.array([len(text) for text in job.rows.texts])
    lines += [
        "",
        f"- Checkpoint: {job.checkpoint}, {common.ready.parameters / 1e6:.1f} million weights with "
        f"the head of six. Batches of {job.batch_size}.",
        f"- Rows: {len(job.rows):,} {rows}. Characters: median {np.median(characters):.0f}, mean "
        f"{characters.mean():.0f}, longest {characters.max():,}. Tokens, cut at "
        f"{common.ready.max_tokens}: median {np.median(lengths):.0f}, mean {lengths.mean():.0f}, "
        f"90 % have at most {np.percentile(lengths, 90):.0f}, longest {lengths.max()}.",
        f"- Turns: {len(common.blocks)} of {steps} steps each, after a warm-up of {warmup}. "
        "Reading and tokenising are not on the clock.",
    ]
    lines += [
        f"- {one.name[0].upper()}{one.name[1:]}: {'bf16' if one.ready.bf16 else 'fp32'}, "
        f"{one.ready.attention} attention, {one.ready.threads} threads, "
        f"{one.seconds:.0f} s on the clock."
        for one in measured
    ]
    lines += [
        f"- Machine: {processor()}, {os.cpu_count()} logical cores; {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        + ".",
        "- Peak memory is all of a process: the interpreter and the libraries, the rows, the "
        "weights, the optimiser and the largest batch.",
    ]
    return "\n".join(lines) + "\n"


def as_json(measured: Sequence[Measured], job: Job, rows: str, warmup: int) -> dict[str, Any]:
    """Every block of every side, as plain values."""
    return {
        "checkpoint": job.checkpoint,
        "config": job.config.name,
        "rows": {"count": len(job.rows), "from": rows},
        "batch_size": job.batch_size,
        "warmup_steps": warmup,
        "seed": job.seed,
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "sides": [
            {
                "name": one.name,
                "common": one.side.common,
                "samples_per_second": one.per_second("samples"),
                "tokens_per_second": one.per_second("tokens"),
                "padded_tokens_per_second": one.per_second("padded"),
                "times_the_common_recipe": dataclasses.asdict(ratio(one, measured[-1])),
                "peak_bytes": one.peak,
                "blocks": [dataclasses.asdict(block) for block in one.blocks],
                **{
                    name: value
                    for name, value in dataclasses.asdict(one.ready).items()
                    if name != "lengths"
                },
            }
            for one in measured
        ],
    }


def processor() -> str:
    """The processor's name, with the bf16 instructions that it has."""
    found = Path("/proc/cpuinfo")
    if not found.exists():
        return platform.processor() or platform.machine()
    fields: dict[str, str] = {}
    for line in found.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name") or platform.machine()
    flags = {"avx512_bf16", "amx_bf16", "bf16"} & set(
        (fields.get("flags") or fields.get("Features") or "").split()
    )
    return f"{name} ({', '.join(sorted(flags)) or 'no bf16 instructions'})"


def draw_rows(source: Rows | None, needed: int, seed: int) -> tuple[Labelled, str]:
    """So many rows of a file, or made up without one, and what the page calls them.

    Raises
    ------
    BenchmarkError
        The file has too few.
    DataError
        The file cannot be used.
    """
    if source is None:
        return talk.rows(needed, seed), f"made-up texts, as long as talk comments (seed {seed})"
    found, _ = read(source)
    if len(found) < needed:
        raise BenchmarkError(
            f"--rows {source.file}: has {len(found)} usable rows, and {needed} are trained on; "
            "lower --steps, --blocks or --batch-size"
        )
    drawn = np.random.default_rng(seed).permutation(len(found))[:needed]
    return found.take(drawn), f"rows drawn from {source.source} (seed {seed})"


@click.command()
@click.option("--config", type=FILE, default=CONFIG, help="The recipe.  [default: the shipped one]")
@click.option("--checkpoint", help="A path or a hub name.  [default: the recipe's]")
@click.option("--rows", "file", type=FILE, help="A labelled CSV or Parquet file.  [default: none]")
@click.option("--text-column", default="comment_text", show_default=True)
@click.option("--id-column", default="id", show_default=True)
@click.option(
    "--max-tokens",
    "cuts",
    type=click.IntRange(16, LONGEST),
    multiple=True,
    help="Where this trainer cuts a text; repeat it to measure several.  [default: where the "
    f"recipe does, and {LONGEST}, as the common recipe does]",
)
@click.option("--batch-size", type=click.IntRange(1, 4096), help="[default: the recipe's]")
@click.option("--steps", type=click.IntRange(1), default=10, show_default=True, help="A turn.")
@click.option("--blocks", type=click.IntRange(1), default=6, show_default=True, help="Turns.")
@click.option("--warmup", type=click.IntRange(1), default=3, show_default=True, help="Steps.")
@click.option("--threads", type=click.IntRange(1), help="[default: torch's]")
@click.option("--seed", type=click.IntRange(0), default=17, show_default=True)
@click.option("--json", "record", type=click.Path(path_type=Path), help="Also write this file.")
@click.option("--smoke", is_flag=True, help="2 turns of 2 steps, to see that it works.")
def main(
    config: Path,
    checkpoint: str | None,
    file: Path | None,
    text_column: str,
    id_column: str,
    cuts: tuple[int, ...],
    batch_size: int | None,
    steps: int,
    blocks: int,
    warmup: int,
    threads: int | None,
    seed: int,
    record: Path | None,
    smoke: bool,
) -> None:
    """Measure samples per second of this trainer and of the common recipe, side by side.

    Nothing else should run on the machine.
    """
    if smoke:
        steps, blocks, warmup = 2, 2, 1
    try:
        recipe = load(config)
        size = batch_size or recipe.optimisation.batch_size
        source = None
        if file is not None:
            source = Rows(file=file, text_column=text_column, id_column=id_column or None)
        rows, origin = draw_rows(source, (warmup + blocks * steps) * size, seed)
        job = Job(config, checkpoint or recipe.base.checkpoint, rows, size, seed, threads)
        cuts = cuts or tuple(dict.fromkeys((recipe.base.max_tokens, LONGEST)))
        sides = [*(Side(False, cut) for cut in cuts), Side(True, LONGEST)]
        measured = measure(sides, job, warmup=warmup, blocks=blocks, steps=steps)
    except TrainingError as error:
        raise click.ClickException(str(error)) from None
    click.echo(page(measured, job, origin, warmup), nl=False)
    if record is not None:
        found = as_json(measured, job, origin, warmup)
        record.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.training")
