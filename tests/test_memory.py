from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bot import memory


def test_memory_grows_with_what_is_kept() -> None:
    before = memory.resident_bytes()
    kept = b"x" * 50_000_000  # one object, written to
    after = memory.resident_bytes()
    assert before is not None
    assert after is not None
    assert len(kept) * 0.9 < after - before < len(kept) * 1.5


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
