"""How much memory this process takes, and how the C library is kept to less."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

_STATM = Path("/proc/self/statm")
_M_ARENA_MAX = -8  # of glibc's malloc.h


def resident_bytes() -> int | None:
    """Memory in use now, in bytes.

    Returns
    -------
    int or None
        Where the system does not tell what is in use now, the most that ever was (macOS); None
        where it tells neither (Windows).
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # bytes there, kilobytes elsewhere


def share_one_arena() -> None:
    """Have all threads allocate from one place; to be called before there are any.

    glibc gives each thread an arena of its own, up to eight for each core, so that they do not wait
    for one another, and what one of them frees is of no use to the others. Here the interpreter and
    the network's own arena keep most allocations from it: the bot takes 4 MB less with one, and
    scores as many messages. Other C libraries have no such switch and are left alone.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, 1)
