"""The measurements of `benchmarks.backends`: which ways there are, and how they take turns."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import backend_libraries as libraries
from benchmarks import chat
from benchmarks.backend_figures import Cell, Exactness, Resting, Timed, Weighed
from benchmarks.backend_sides import (
    FIRST,
    ONNX,
    OPENVINO,
    TORCH,
    Arrangement,
    Loaded,
    Network,
    Shape,
    Side,
    Way,
    environment,
)
from benchmarks.figures import BenchmarkError
from benchmarks.machine import usable_cores
from benchmarks.workers import TookTooLongError, Worker
from bot.screening import artifact

if TYPE_CHECKING:
    from benchmarks.backend_graphs import Forms

NETWORK = Network()
SHAPES = tuple(
    Shape(rows, tokens)
    for rows, tokens in ((1, 8), (1, 16), (1, 32), (1, 128), (8, 16), (16, 16), (2, 128))
)
FEW_SHAPES = (Shape(1, 16), Shape(8, 16), Shape(2, 128))
LONE, LANES, INSIDE = Arrangement(), Arrangement(2, 1), Arrangement(1, 2)
THREAD_COUNTS = (1, 2, 4)
DEFAULT = "ONNX Runtime, int8 static"
COMPILING_S = 120.0  # for the code of all batches, in one precision
LONGEST = 128  # tokens of a text whose scores are compared

_FREE: Mapping[str, str] = {}  # no restriction
# The libraries' own switches. MKL is what PyTorch multiplies 32-bit floats with.
AVX2: Mapping[str, str] = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
INSTRUCTIONS: dict[str, Mapping[str, str]] = {
    "AVX-512 without VNNI": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "AVX2 without VNNI": AVX2,
}

_NO_OPENVINO = "OpenVINO is not installed, so it was left out (`pip install openvino`)."
_NO_COMPILER = "There is no C++ compiler, so PyTorch could not compile."
_NOT_X86 = "This is no x86 processor, so there is no AVX2 to restrict the libraries to."
_ONE_CORE = "One core: nothing runs side by side."
_NO_MLAS_SWITCH = (
    "ONNX Runtime has no such switch: its matrix products choose their code by the processor, and "
    "neither a session option nor a variable of the environment changes that. How fast it is "
    "without VNNI was therefore not seen here; only such a processor can tell."
)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    turns
        Of every figure.
    spell_s
        How long one of them goes on.
    starts
        Processes of which loading is timed.
    calls, pause_s
        Lone calls, and the time between two.
    texts
        Whose scores are compared.
    compiled
        Whether PyTorch compiles, which takes some minutes.
    """

    turns: int
    spell_s: float
    starts: int
    calls: int
    pause_s: float
    texts: int
    compiled: bool


FULL = Effort(7, 0.05, 3, 100, 0.02, 400, True)
QUICK = Effort(3, 0.02, 1, 30, 0.02, 100, False)


@dataclass(frozen=True, slots=True)
class Stage:
    """What all measurements share."""

    forms: Forms
    network: Network
    effort: Effort
    not_compiled: str = ""
    """Why PyTorch is not compiled here; empty where it is. See `why_not_compiled`."""

    def ways(self) -> list[Way]:
        """All that can be run here; the default first."""
        forms = self.forms
        onnx = {
            DEFAULT: forms.static,
            "ONNX Runtime, int8 dynamic": forms.dynamic,
            "ONNX Runtime, fp32": forms.exact,
            **{
                f"ONNX Runtime, 8-bit weights in blocks of {block}": path
                for block, path in forms.weights.items()
            },
        }
        found = [Way(name, ONNX, str(path)) for name, path in onnx.items()]
        joined = replace(found[0], name=f"{DEFAULT}, slower joins on", slower_joined=True)
        whole = replace(found[0], name=f"{DEFAULT}, last layer whole", path=str(forms.whole_static))
        found[1:1] = [joined, whole]
        found += [
            Way("OpenVINO, int8 static", OPENVINO, str(forms.static)),
            Way("OpenVINO, fp32", OPENVINO, str(forms.exact)),
            Way("OpenVINO, bf16", OPENVINO, str(forms.exact), precision="bf16"),
        ]
        eager = [
            Way("PyTorch, fp32", TORCH, str(forms.checkpoint)),
            Way("PyTorch, bf16", TORCH, str(forms.checkpoint), precision="bf16"),
        ]
        found += eager
        if not self.not_compiled:
            found += [replace(way, name=f"{way.name}, compiled", compiled=True) for way in eager]
        return [way for way in found if _runs_here(way)]

    def left_out(self) -> tuple[str, ...]:
        """Why some ways are missing."""
        found = () if libraries.has(OPENVINO) else (_NO_OPENVINO,)
        return (*found, self.not_compiled) if self.not_compiled else found

    def side(self, way: Way, variables: Mapping[str, str] | None = None) -> Worker[Side]:
        """Start a process for a way; with variables of the environment that restrict it."""
        with environment(variables or {}):
            return Worker(Side, way, self.network)


def why_not_compiled(forms: Forms, network: Network, effort: Effort) -> str:
    """A sentence on why PyTorch is not measured compiled, or nothing if it is to be.

    Compiling is tried first, with a limit: on a small machine it may take longer than all else.
    """
    if not effort.compiled:
        return "PyTorch was not compiled: `--quick`."
    if not libraries.has_compiler():
        return _NO_COMPILER
    stage = Stage(forms, network, effort)
    for way in stage.ways():
        if not way.compiled:
            continue
        left_s = COMPILING_S
        try:
            with stage.side(way) as side:
                for shape in SHAPES:
                    started = time.monotonic()
                    side.ask(Side.token_s, shape, LONE, 0.0, within_s=left_s)
                    left_s = max(0.0, left_s - (time.monotonic() - started))
        except TookTooLongError:
            return f"{way.name}, was left out: it was not done compiling after {COMPILING_S:g} s."
        except BenchmarkError:
            return f"{way.name}, was left out: PyTorch failed to compile it."
    return ""


def _runs_here(way: Way) -> bool:
    return libraries.has(way.runtime)


def _fits(arrangement: Arrangement) -> bool:
    return arrangement.cores <= len(usable_cores())


def _take_turns(
    stage: Stage,
    sides: Mapping[Way, Worker[Side]],
    shapes: Sequence[Shape],
    arrangements: Sequence[Arrangement],
) -> Iterator[Cell]:
    """Time all sides, batch by batch; who begins changes from turn to turn."""
    found: dict[tuple[Way, Shape, Arrangement], list[float]] = {}
    ways = list(sides)
    for turn in range(stage.effort.turns):
        for arrangement in filter(_fits, arrangements):
            for shape in shapes:
                for place in range(len(ways)):
                    way = ways[(turn + place) % len(ways)]
                    # Code compiled for one number of threads is compiled anew for another.
                    if way.compiled and arrangement.threads > 1:
                        continue
                    spent = sides[way].ask(Side.token_s, shape, arrangement, stage.effort.spell_s)
                    found.setdefault((way, shape, arrangement), []).append(spent)
    for (way, shape, arrangement), token_s in sorted(
        found.items(), key=lambda each: (arrangements.index(each[0][2]), ways.index(each[0][0]))
    ):
        yield Cell(way.name, shape, arrangement, token_s)


def _timed(
    stage: Stage,
    title: str,
    note: str,
    ways: Sequence[tuple[Way, Mapping[str, str]]],
    shapes: Sequence[Shape],
    arrangements: Sequence[Arrangement],
    left_out: tuple[str, ...],
) -> Timed:
    with ExitStack() as stack:
        sides: dict[Way, Worker[Side]] = {}
        for way, variables in ways:
            # One after the other: loading takes the processor too.
            sides[way] = stack.enter_context(stage.side(way, variables))
        cells = tuple(_take_turns(stage, sides, shapes, arrangements))
    if len(usable_cores()) < 2:
        left_out = (*left_out, _ONE_CORE)
    return Timed(title, note, DEFAULT, tuple(way for way, _ in ways), cells, left_out)


def measure_speed(stage: Stage) -> Timed:
    """Every way, with all batches, in one lane, in two and with two threads inside."""
    note = (
        "Slower joins on: ONNX Runtime's own optimisers as they come, of which the bot switches "
        "two off. Last layer whole: all its tokens are computed, not only the one that the "
        "classifier reads; PyTorch does so too."
    )
    ways = [(way, _FREE) for way in stage.ways()]
    arrangements = (LONE, LANES, INSIDE)
    return _timed(stage, "Libraries", note, ways, SHAPES, arrangements, stage.left_out())


def measure_memory(stage: Stage) -> Weighed:
    """Start every way in fresh processes."""
    loaded: dict[str, list[Loaded]] = {}
    held: dict[str, int] = {}
    for way in stage.ways():
        loaded[way.name] = []
        for start in range(1 if way.compiled else stage.effort.starts):
            with stage.side(way) as side:
                loaded[way.name].append(side.ask(Side.loaded))
                if not start:
                    held[way.name] = side.ask(Side.held_after, SHAPES, LONE)
    return Weighed(loaded, held)


def measure_threads(stage: Stage) -> Timed:
    """The default with 1, 2 and 4 threads, as lanes and inside the operators."""
    way = stage.ways()[0]
    arrangements = list(
        dict.fromkeys(
            arrangement
            for count in THREAD_COUNTS
            for arrangement in (Arrangement(count, 1), Arrangement(1, count))
        )
    )
    missing = [count for count in THREAD_COUNTS if count > len(usable_cores())]
    left_out: tuple[str, ...] = ()
    if missing:
        counts = " or ".join(map(str, missing))
        left_out = (f"This machine has no cores for {counts} threads.",)
    spinning = replace(way, name=f"{DEFAULT}, spinning", spinning=True)
    no_arena = replace(way, name=f"{DEFAULT}, no arena", arena=False)
    patterns = replace(way, name=f"{DEFAULT}, memory patterns", patterns=True)
    ways = [(each, _FREE) for each in (way, spinning, no_arena, patterns)]
    note = (
        "Spinning threads wait awake for work; without the arena all memory is freed at once; with "
        "memory patterns it is planned for each shape when that first comes."
    )
    return _timed(
        stage, "Threads, spinning and arena", note, ways, FEW_SHAPES, arrangements, left_out
    )


def measure_switches(stage: Stage) -> Resting:
    """What spinning costs a machine that has other things to do, and what the arena keeps."""
    way = stage.ways()[0]
    effort, found, held = stage.effort, {}, {}
    for spinning in (False, True):
        for arrangement in filter(_fits, (LONE, INSIDE)):
            name = f"{arrangement}, spinning {'on' if spinning else 'off'}"
            with stage.side(replace(way, spinning=spinning)) as side:
                found[name] = side.ask(Side.rests, FIRST, arrangement, effort.calls, effort.pause_s)
    memories = {
        "arena on": way,
        "arena off": replace(way, arena=False),
        "arena and memory patterns on": replace(way, patterns=True),
    }
    for memory, kept in memories.items():
        for arrangement in filter(_fits, (LONE, LANES)):
            with stage.side(kept) as side:
                held[f"{arrangement}, {memory}"] = side.ask(Side.held_after, SHAPES, arrangement)
    return Resting(effort.pause_s, FIRST, found, held)


def measure_instructions(stage: Stage) -> Timed:
    """The libraries that can be restricted to AVX2, beside themselves without a restriction."""
    ways = [(stage.ways()[0], _FREE)]
    if _x86():
        for way in stage.ways():
            if way.runtime != ONNX and not way.compiled:
                ways.append((way, _FREE))
                # OpenVINO has no bf16 kernels for AVX2 and refuses the network.
                if not (way.runtime == OPENVINO and "bf16" in way.name):
                    ways.append((replace(way, name=f"{way.name}, AVX2 alone"), AVX2))
    left_out = (_NO_MLAS_SWITCH, *stage.left_out()) if _x86() else (_NOT_X86,)
    return _timed(
        stage,
        "With the instructions of a small server",
        "AVX2 alone: restricted by the libraries' own switches "
        + ", ".join(f"`{name}={value}`" for name, value in AVX2.items())
        + ". OpenVINO restricts its matrix products so, but not all of its other operators.",
        ways,
        FEW_SHAPES,
        (LONE, LANES),
        left_out,
    )


def measure_scores(stage: Stage) -> Exactness:
    """Static int8 with and without VNNI: by arithmetic, and by the library that can do without."""
    from tokenizers import Tokenizer

    from benchmarks.backend_graphs import worst_pair

    shipped = artifact.DEFAULT_MODEL / artifact.MODEL
    worst = {
        "the model that ships": worst_pair(shipped),
        "int8 static, random weights": worst_pair(stage.forms.static),
        "int8 dynamic, random weights": worst_pair(stage.forms.dynamic),
    }
    tokenizer = Tokenizer.from_file(str(artifact.DEFAULT_MODEL / artifact.TOKENIZER))
    messages = chat.messages(stage.effort.texts)
    texts = [each.ids[:LONGEST] for each in tokenizer.encode_batch(list(messages))]
    if not _x86() or not libraries.has(OPENVINO):
        why = _NOT_X86 if not _x86() else _NO_OPENVINO
        return Exactness(worst, len(texts), {}, "", (why,))
    way = Way("", OPENVINO, str(shipped))
    with stage.side(way) as side:
        whole, code = side.ask(Side.logits, texts), side.ask(Side.loaded).instructions
    differences = {}
    for name, variables in INSTRUCTIONS.items():
        with stage.side(way, variables) as side:
            most = float(np.abs(side.ask(Side.logits, texts) - whole).max())
            differences[name] = most, side.ask(Side.loaded).instructions
    return Exactness(worst, len(texts), differences, code)


def _x86() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")
