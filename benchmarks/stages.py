"""Where a running bot spends its processor time: samples of its threads' stacks, by stage."""

from __future__ import annotations

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
_ON_WORKER = (
    ("bot.screening.normalize", "normalise"),
    ("bot.screening.deobfuscate", "normalise"),
    ("bot.screening.lookalikes", "normalise"),
    ("bot.screening.backends", "network"),
    ("onnxruntime", "network"),
)
_RECEIVING = ("discord", "aiohttp", "yarl")


@dataclass(frozen=True, slots=True)
class Profile:
    """What the threads did between two moments.

    Attributes
    ----------
    cpu_s
        Thread → seconds on a processor.
    samples
        Thread → stage → samples taken in it.
    seconds
        How long that was.
    """

    cpu_s: dict[str, float]
    samples: dict[str, dict[str, int]]
    seconds: float

    def spent_s(self) -> dict[str, dict[str, float]]:
        """Thread → stage → seconds on a processor: its time, shared out by the samples."""
        found = {}
        for thread, stages in self.samples.items():
            busy = sum(count for stage, count in stages.items() if stage != WAITING)
            if busy:
                found[thread] = {
                    stage: self.cpu_s.get(thread, 0.0) * count / busy
                    for stage, count in sorted(stages.items(), key=lambda item: -item[1])
                    if stage != WAITING
                }
        return found


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
        if _under(module, "bot.screening"):
            break
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
        self._samples: dict[str, Counter[str]] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._before: dict[str, float] = {}
        self._started = 0.0

    def start(self) -> None:
        """Begin; once only."""
        self._usual_switch_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        self._before = cpu_times()
        self._started = time.perf_counter()
        self._thread.start()

    def stop(self) -> Profile:
        """End, and say what was seen."""
        self._ending.set()
        self._thread.join()
        sys.setswitchinterval(self._usual_switch_s)
        cpu_s = {name: now - self._before.get(name, 0.0) for name, now in cpu_times().items()}
        return Profile(
            cpu_s,
            {name: dict(stages) for name, stages in self._samples.items()},
            time.perf_counter() - self._started,
        )

    def _run(self) -> None:
        while not self._ending.wait(INTERVAL_S):
            names = {thread.ident: thread.name for thread in threading.enumerate()}
            for ident, frame in sys._current_frames().items():
                name = names.get(ident, "other")
                if name != "sampler":
                    stage = stage_of(name, list(_calls(frame)))
                    self._samples.setdefault(name, Counter())[stage] += 1


def cpu_times() -> dict[str, float]:
    """Seconds on a processor of each thread that Python knows, by its name."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return {}
    found: defaultdict[str, float] = defaultdict(float)
    for thread in threading.enumerate():
        if thread.ident is not None:
            try:
                clock = time.pthread_getcpuclockid(thread.ident)
                found[thread.name] += time.clock_gettime(clock)
            except OSError:  # it ended meanwhile
                continue
    return dict(found)


def _calls(frame: FrameType | None) -> Iterable[Call]:
    while frame is not None:
        yield str(frame.f_globals.get("__name__", "")), frame.f_code.co_name
        frame = frame.f_back
