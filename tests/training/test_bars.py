"""On a terminal, work on many texts shows how far it is."""

from __future__ import annotations

import io

import pytest

from training.bars import FEW, each


class Screen(io.StringIO):
    """Standard error, as a terminal or as a file."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("terminal", "count", "shown"),
    [(True, FEW, True), (True, FEW - 1, False), (False, FEW, False)],
)
def test_a_bar_is_shown_where_somebody_waits_and_sees_it(
    terminal: bool, count: int, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen(terminal)
    monkeypatch.setattr("sys.stderr", screen)
    texts = [str(at) for at in range(count)]
    assert list(each(texts, "same texts")) == texts
    assert ("same texts" in screen.getvalue()) is shown
