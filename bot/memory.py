"""How much memory this process takes."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

_STATM = Path("/proc/self/statm")


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
