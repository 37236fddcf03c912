"""Where a running bot spends its processor time: samples of its threads' stacks, by stage.

Waiting for a lock looks like work: its C code is in no stack. So a sample counts as work only if
the thread's own clock went on since the one before, where the system has such clocks.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import FrameType

INTERVAL_S = 0.002
SWITCH_S = 0.0005  # how long a thread may hold the interpreter from the sampler
WAITING = "waiting"
EVENT_LOOP, WORKER = "MainThread", "screening"

Call = tuple[str, str]
"""The module and the name of a function."""

# Module prefix → stage, the first that fits; of the innermost call that fits any.
_ON_LOOP = (
    ("bot.screening.policy", "decide"),
    ("bot.screening.presets", "decide"),
    ("bot.screening", "engine: queue, hand-over"),
    ("bot.storage", "database"),
    ("sqlalchemy", "database"),
    ("aiosqlite", "database"),
    ("bot.chat.actions", "alert"),
    ("bot.chat.cards", "alert"),
    ("bot.chat.log_channel", "alert"),
    ("bot.cogs", "ladder, surfaces, turns"),
    ("bot.chat.client", ""),  # guards every event: whatever is under it or over it says more
    ("bot.chat", "ladder, surfaces, turns"),
)
# The normaliser's other modules are called through its first one, so that one is enough.
_ON_WORKER = (
    ("bot.screening.normalize", "normalise"),
    ("bot.screening.backends", "network"),
    ("onnxruntime", "network"),
)
_RECEIVING = ("discord", "aiohttp", "yarl")


@dataclass(frozen=True, slots=True)
class Sampled:
    """What one thread did between two moments.

    Attributes
    ----------
    name
        Not its own: all scoring lanes have the same.
    cpu_s
        Seconds on a processor.
    samples
        Stage → samples taken in it.
    """

    name: str
    cpu_s: float
    samples: dict[str, int]

    def spent_s(self) -> dict[str, float]:
        """Stage → seconds on a processor: the thread's time, shared out by the samples."""
        busy = sum(count for stage, count in self.samples.items() if stage != WAITING)
        return {
            stage: self.cpu_s * count / busy
            for stage, count in sorted(self.samples.items(), key=lambda item: -item[1])
            if stage != WAITING
        }


@dataclass(frozen=True, slots=True)
class Profile:
    """What the threads did between two moments, and how many seconds lay between them."""

    threads: tuple[Sampled, ...]
    seconds: float


def stage_of(thread: str, calls: Sequence[Call]) -> str:
    """What a thread is doing.

    Parameters
    ----------
    thread
        Its name.
    calls
        Innermost first.
    """
    if not calls or _waits(calls[0]):
        return WAITING
    if thread == WORKER:
        return _worker_stage(calls)
    if thread != EVENT_LOOP:
        return "database" if any(_under(module, "aiosqlite") for module, _ in calls) else "other"
    for module, _ in calls:
        for prefix, stage in _ON_LOOP:
            if _under(module, prefix):
                if stage:
                    return stage
                break
    if any(_under(module, prefix) for module, _ in calls for prefix in _RECEIVING):
        return "discord.py: receive, parse, dispatch"
    return "event loop"


def _worker_stage(calls: Sequence[Call]) -> str:
    for module, function in calls:
        for prefix, stage in _ON_WORKER:
            if _under(module, prefix):
                return stage
        if module == "bot.screening.model":
            return "tokenise" if function.startswith("prepare") else "calibrate"
    return "engine: desk, batches"


def _waits(call: Call) -> bool:
    module, function = call
    return (
        (module == "selectors" and function == "select")
        or (module == "threading" and function == "wait")
        or (module in ("queue", "concurrent.futures.thread"))
        or (module.startswith("aiosqlite") and function in ("run", "_connection_worker_thread"))
    )


def _under(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(f"{prefix}.")


class Sampler:
    """Looks at all threads of this process every `INTERVAL_S`, from a thread of its own."""

    def __init__(self) -> None:
        self._samples: defaultdict[threading.Thread, Counter[str]] = defaultdict(Counter)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._before: dict[threading.Thread, float] = {}
        self._started = 0.0

    def start(self) -> None:
        """Begin; once only."""
        self._usual_switch_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        self._started = time.perf_counter()
        self._before = cpu_times()
        self._thread.start()

    def stop(self) -> Profile:
        """End, and say what was seen."""
        self._ending.set()
        self._thread.join()
        sys.setswitchinterval(self._usual_switch_s)
        cpu_s = {each: now - self._before.get(each, 0.0) for each, now in cpu_times().items()}
        seconds = time.perf_counter() - self._started
        threads = (
            Sampled(thread.name, cpu_s.get(thread, 0.0), dict(stages))
            for thread, stages in self._samples.items()
        )
        return Profile(tuple(threads), seconds)

    def _run(self) -> None:
        clocks: dict[threading.Thread, int | None] = {}
        before: dict[threading.Thread, float | None] = {**self._before}
        while not self._ending.wait(INTERVAL_S):
            frames = sys._current_frames()
            for thread in threading.enumerate():
                frame = frames.get(thread.ident or 0)
                if frame is None or thread is self._thread:
                    continue
                if thread not in clocks:
                    clocks[thread] = _clock(thread)
                now = _read(clocks[thread])
                stood = now is not None and now == before.get(thread)
                stage = WAITING if stood else stage_of(thread.name, list(_calls(frame)))
                self._samples[thread][stage] += 1
                before[thread] = now


def cpu_times() -> dict[threading.Thread, float]:
    """Seconds on a processor of each thread that Python knows."""
    found = {thread: _read(_clock(thread)) for thread in threading.enumerate()}
    return {thread: spent_s for thread, spent_s in found.items() if spent_s is not None}


def _clock(thread: threading.Thread) -> int | None:
    """Of its time on a processor; to be asked for once, as it must not have ended."""
    if thread.ident is not None and hasattr(time, "pthread_getcpuclockid"):
        with contextlib.suppress(OSError):
            return time.pthread_getcpuclockid(thread.ident)
    return None


def _read(clock: int | None) -> float | None:
    with contextlib.suppress(OSError):  # the thread has ended
        return None if clock is None else time.clock_gettime(clock)
    return None


def _calls(frame: FrameType | None) -> Iterable[Call]:
    while frame is not None:
        yield str(frame.f_globals.get("__name__", "")), frame.f_code.co_name
        frame = frame.f_back
