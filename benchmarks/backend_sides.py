"""One library with one form of the network, in a process of its own; see `benchmarks.workers`.

This module imports no library: what one takes in memory and time is measured from here on.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import percentile
from benchmarks.machine import resident_bytes

Run = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[Any]]
"""Token ids and mask, both (rows, tokens), → logits (rows, 6)."""

ONNX, OPENVINO, TORCH = "onnxruntime", "openvino", "torch"


@dataclass(frozen=True, slots=True)
class Network:
    """The measures of a BERT; by default those of the network that ships."""

    layers: int = 6
    hidden: int = 384
    heads: int = 12
    inner: int = 1_536
    vocabulary: int = 30_522


@dataclass(frozen=True, slots=True)
class Shape:
    """A batch without padding."""

    rows: int
    tokens: int

    def __str__(self) -> str:
        return f"{self.rows}×{self.tokens}"


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How the threads are used.

    Attributes
    ----------
    lanes
        Batches at a time, each called from a thread of its own.
    threads
        Inside each operator.
    """

    lanes: int = 1
    threads: int = 1

    @property
    def cores(self) -> int:
        """That it can keep busy."""
        return self.lanes * self.threads

    def __str__(self) -> str:
        if self.lanes > 1:
            return f"{self.lanes} lanes"
        return f"{self.threads} threads inside" if self.threads > 1 else "one lane"


@dataclass(frozen=True, slots=True)
class Way:
    """A library, what it runs and how it is set.

    Attributes
    ----------
    name
        In tables.
    runtime
        `ONNX`, `OPENVINO` or `TORCH`.
    path
        The graph, or the checkpoint's directory.
    precision
        For OpenVINO and PyTorch: ``f32`` or ``bf16``.
    compiled
        For PyTorch.
    slower_joined
        For ONNX Runtime: leave on the optimisers that the bot switches off.
    spinning, arena, patterns
        For ONNX Runtime: idle threads stay awake for a while; freed memory is kept; where each
        shape's results lie is planned when it first comes.
    """

    name: str
    runtime: str
    path: str
    precision: str = "f32"
    compiled: bool = False
    slower_joined: bool = False
    spinning: bool = False
    arena: bool = True
    patterns: bool = False


class Library(Protocol):
    """A network that is loaded."""

    def runs(self, arrangement: Arrangement) -> Sequence[Run]:
        """Give one function for each lane; each is called from its own thread."""
        ...

    def instructions(self) -> str:
        """What the library itself says of the instructions of its matrix products."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a library takes.

    Attributes
    ----------
    import_s, load_s
        Seconds to import it, and from there to the end of a first batch of one row.
    held
        Resident bytes that came with it, once that batch is done.
    instructions
        See `Library.instructions`.
    """

    import_s: float
    load_s: float
    held: int
    instructions: str


@dataclass(frozen=True, slots=True)
class Rests:
    """Lone calls with pauses between them.

    Attributes
    ----------
    call_s
        Median seconds of a call.
    processor_s
        Seconds on a processor for each call and the pause after it.
    """

    call_s: float
    processor_s: float


FIRST = Shape(1, 16)


class Side:
    """A way to run a network, ready to be timed."""

    def __init__(self, way: Way, network: Network) -> None:
        self.way, self.network = way, network
        self._kept: dict[Arrangement, Sequence[Run]] = {}
        before, started = resident_bytes()[0], time.perf_counter()
        from benchmarks import backend_libraries

        make = backend_libraries.imported(self.way.runtime)
        imported = time.perf_counter()
        self._library: Library = make(self.way)
        self._runs(Arrangement())[0](*self._batch(FIRST))
        loaded = time.perf_counter()
        self._loaded = Loaded(
            imported - started,
            loaded - imported,
            max(resident_bytes()[0] - before, 0),
            self._library.instructions(),
        )

    def loaded(self) -> Loaded:
        """What it took to get here."""
        return self._loaded

    def held_after(self, shapes: Sequence[Shape], arrangement: Arrangement) -> int:
        """Resident bytes of the process once every lane has run every shape."""
        for shape in shapes:
            self.token_s(shape, arrangement, 0.0)
        return resident_bytes()[0]

    def token_s(self, shape: Shape, arrangement: Arrangement, spell_s: float) -> float:
        """Seconds a token, over all lanes together.

        Parameters
        ----------
        spell_s
            How long all lanes go on with batch after batch; each runs one at least, after one that
            does not count.
        """
        runs = self._runs(arrangement)
        batch = self._batch(shape)
        counts, ends = [0] * len(runs), [0.0] * len(runs)
        ready = threading.Barrier(len(runs))
        started = [0.0] * len(runs)

        def lane(at: int) -> None:
            run = runs[at]
            run(*batch)
            ready.wait()
            started[at] = now = time.perf_counter()
            until = now + spell_s
            while not counts[at] or now < until:
                run(*batch)
                counts[at] += 1
                now = time.perf_counter()
            ends[at] = now

        _together(lane, len(runs), ready)
        # Lane by lane: the last batch of one may end after the other lane has stopped.
        rate = sum(
            count / (end - start) for count, start, end in zip(counts, started, ends, strict=True)
        )
        return 1.0 / (rate * shape.rows * shape.tokens)

    def rests(self, shape: Shape, arrangement: Arrangement, calls: int, pause_s: float) -> Rests:
        """Call one lane with a pause after each call, as a quiet server would."""
        run = self._runs(arrangement)[0]
        batch = self._batch(shape)
        run(*batch)
        taken = []
        before = time.process_time()
        for _ in range(calls):
            started = time.perf_counter()
            run(*batch)
            taken.append(time.perf_counter() - started)
            time.sleep(pause_s)
        return Rests(percentile(taken, 50), (time.process_time() - before) / calls)

    def logits(self, texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Logits of texts, each in a batch of its own: (texts, 6)."""
        run = self._runs(Arrangement())[0]
        found = []
        for text in texts:
            ids = np.array([text], dtype=np.int64)
            found.append(np.asarray(run(ids, np.ones_like(ids)), dtype=np.float32))
        return np.concatenate(found)

    def _runs(self, arrangement: Arrangement) -> Sequence[Run]:
        if arrangement not in self._kept:
            self._kept[arrangement] = self._library.runs(arrangement)
        return self._kept[arrangement]

    def _batch(self, shape: Shape) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        draw = np.random.default_rng(0)
        ids = draw.integers(0, self.network.vocabulary, (shape.rows, shape.tokens))
        return ids, np.ones_like(ids)


def _together(lane: Callable[[int], None], lanes: int, gate: threading.Barrier) -> None:
    """Run a function once in each of so many threads; a failure opens the gate for the others."""

    def guarded(at: int) -> None:
        try:
            lane(at)
        except BaseException:
            gate.abort()
            raise

    with ThreadPoolExecutor(lanes) as pool:
        failures = [each.exception() for each in [pool.submit(guarded, at) for at in range(lanes)]]
    told = [error for error in failures if error is not None]
    # What the others say, that the gate is broken, is only the consequence.
    for error in sorted(told, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for the processes that are started inside."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
