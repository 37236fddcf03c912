"""What a measurement ran on, and beside which programs. No names, no paths."""

from __future__ import annotations

import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

_Found = TypeVar("_Found")

PACKAGES = ("onnxruntime", "torch", "transformers", "tokenizers", "numpy", "discord.py")
# What decides how fast int8 and bf16 products are; the names that Linux gives them.
INSTRUCTIONS = (
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_int8",
    "amx_bf16",
    "asimddp",
    "i8mm",
    "bf16",
)


@dataclass(frozen=True, slots=True)
class Machine:
    """The place of a measurement."""

    processor: str
    instructions: tuple[str, ...]
    cores: int
    """That this process may use."""
    memory_gb: float
    system: str
    python: str
    packages: dict[str, str]

    def text(self) -> str:
        """One sentence for a page."""
        cores = f"{self.cores} core" + ("s" if self.cores != 1 else "")
        packages = ", ".join(f"{name} {found}" for name, found in self.packages.items())
        return (
            f"{self.processor}, {cores}, {', '.join(self.instructions) or 'no vector instructions'}"
            f", {self.memory_gb:.0f} GB; {self.system}, Python {self.python}, {packages}."
        )


def this_machine() -> Machine:
    """Look at the machine this runs on."""
    fields = _cpu_fields()
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    return Machine(
        processor=fields.get("model name") or platform.processor() or platform.machine(),
        instructions=tuple(name for name in INSTRUCTIONS if name in flags),
        cores=len(usable_cores()),
        memory_gb=_memory_bytes() / 1e9,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        packages={name: found for name in PACKAGES if (found := _version(name))},
    )


def usable_cores() -> list[int]:
    """The numbers of the cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return sorted(affinity(0)) if affinity else list(range(os.cpu_count() or 1))


def use_cores(cores: Sequence[int] | None) -> None:
    """Keep this process to these cores; None leaves it as it is, and so does a system without."""
    if cores is not None and sys.platform == "linux":
        os.sched_setaffinity(0, cores)


def resident_bytes(process_id: int | None = None) -> tuple[int, int]:
    """Resident memory of a process, now and at its peak; zeros where Linux's ``/proc`` is not.

    Parameters
    ----------
    process_id
        None for this process.
    """
    status = Path("/proc") / (str(process_id) if process_id else "self") / "status"
    if not status.exists():
        return 0, 0
    found = {"VmRSS": 0, "VmHWM": 0}
    for line in status.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name in found:
            found[name] = int(value.split()[0]) * 1024
    return found["VmRSS"], found["VmHWM"]


class Others:
    """How much of the processor everybody else took meanwhile, as a context.

    Attributes
    ----------
    share
        Of all cores' time, once the context was left; not a number where Linux's ``/proc`` is not.
        The processes that this one started have to have ended by then.
    """

    share = math.nan

    def __enter__(self) -> Self:
        self._before = _busy_s(), _own_s(), time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        busy_s, own_s, started = self._before
        lasted_s = (time.monotonic() - started) * (os.cpu_count() or 1)
        others_s = (_busy_s() - busy_s) - (_own_s() - own_s)
        self.share = max(others_s, 0.0) / lasted_s if others_s == others_s else math.nan


def each_alone(
    names: Iterable[str], make: Callable[[str], _Found], tell: Callable[[str], None]
) -> tuple[dict[str, _Found], dict[str, float]]:
    """Make measurements, one after the other.

    Parameters
    ----------
    make
        Makes one of them.
    tell
        Told of each that is done.

    Returns
    -------
    tuple of dict
        What was found, and which share of the processor other programs took meanwhile; by name.
    """
    found: dict[str, _Found] = {}
    shares: dict[str, float] = {}
    for name in names:
        started = time.monotonic()
        with Others() as others:
            found[name] = make(name)
        shares[name] = others.share
        taken = f"{others.share:.0%} of the processor went to other programs"
        tell(f"{name}: {time.monotonic() - started:.0f} s, {taken}")
    return found, shares


def _busy_s() -> float:
    """Seconds that all cores have worked, or were taken away, since the machine started."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return math.nan
    user, nice, system, _idle, _waiting, *rest = map(
        int, stat.read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def _own_s() -> float:
    """Seconds on a processor of this process and of those it started that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _cpu_fields() -> dict[str, str]:
    found = Path("/proc/cpuinfo")
    fields: dict[str, str] = {}
    if found.exists():
        for line in found.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    return fields


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
