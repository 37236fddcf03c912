from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot import memory

_GROWS = """
from bot import memory
before = memory.resident_bytes()
kept = b"x" * 50_000_000  # one object, written to
print(memory.resident_bytes() - before)
"""


def test_memory_grows_with_what_is_kept() -> None:
    # in a process of its own: this one may give memory back at any moment
    folder = Path(memory.__file__).parents[1]
    told = subprocess.run(
        [sys.executable, "-c", _GROWS], cwd=folder, capture_output=True, check=True, text=True
    )
    assert 45_000_000 < int(told.stdout) < 75_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells neither")
def test_where_the_present_is_not_told_the_most_that_was_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = memory.resident_bytes()
    monkeypatch.setattr(memory, "_STATM", tmp_path / "none")
    most = memory.resident_bytes()
    assert now is not None
    assert most is not None
    assert most > now / 2


_TUNED_BY = ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")
# Threads allocate at the same time; then glibc tells how many arenas there are.
_ARENAS = """
import ctypes, sys, threading
from bot.memory import share_one_arena

if sys.argv[2] == "shared":
    share_one_arena()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.fopen.restype = ctypes.c_void_p
together = threading.Barrier(6)

def work():
    together.wait()
    for size in range(1_000):
        libc.malloc(size)
    together.wait()

threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
print(open(sys.argv[1]).read().count("<heap nr="))
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_info"),
    reason="only glibc has arenas and tells of them",
)
@pytest.mark.parametrize("how", ["own", "shared"])
def test_all_threads_share_an_arena(how: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _ARENAS, f"{tmp_path}/arenas.xml", how]
    free = {name: value for name, value in os.environ.items() if name not in _TUNED_BY}
    told = subprocess.run(command, env=free, capture_output=True, check=True, text=True, timeout=30)
    arenas = int(told.stdout)
    assert arenas == 1 if how == "shared" else arenas > 1
