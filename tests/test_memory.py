from __future__ import annotations

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
