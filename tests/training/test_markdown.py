"""Tables, and texts that are shown as they are."""

from __future__ import annotations

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from training.markdown import code, table_of


def test_a_table_has_a_line_for_each_row() -> None:
    assert table_of(["name", "a", "b"], [["x", "1", "2"], ["y", "3", "4"]]).splitlines() == [
        "| name | a | b |",
        "|---|---:|---:|",
        "| x | 1 | 2 |",
        "| y | 3 | 4 |",
    ]
    assert table_of(["name", "why"], [], figures=False) == "| name | why |\n|---|---|"


def test_a_text_is_shown_on_one_line() -> None:
    assert code("plain *text*") == "`plain *text*`"
    assert code("one\r\ntwo\nthree") == "`one⏎two⏎three`"
    assert code("a `tick`") == "`` a `tick` ``"
    assert code("\n") == "(empty)"


@given(st.text(alphabet="`a \n\u2028|", min_size=1))
def test_nothing_in_a_text_ends_its_code(text: str) -> None:
    assume(text.strip("\n\u2028"))
    shown = code(text)
    assert len(shown.splitlines()) == 1
    fence = re.match("`+", shown)
    assert fence is not None
    runs = re.findall("`+", shown)
    # by CommonMark's rule, code ends at the first run of as many ticks as it began with
    assert [len(run) for run in runs].count(len(fence[0])) == 2
    assert shown.endswith(fence[0])
