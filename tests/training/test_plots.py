"""Pictures are PNG files of a known size, the same each time, that show the given numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training import plots

POINTS = np.linspace(0.0, 1.0, 50)
CURVE = {"model": (POINTS, np.sqrt(POINTS)), "base": (POINTS, POINTS)}

DRAWN: dict[str, tuple[Callable[[Path], None], tuple[int, int]]] = {
    "bars": (lambda path: plots.bars(path, "Bars", {"a": 1.0, "b": 2.5}, unit="rows"), (1200, 330)),
    "many bars": (
        lambda path: plots.bars(path, "Bars", {str(at): at for at in range(20)}),
        (1200, 1200),
    ),
    "heatmap": (
        lambda path: plots.heatmap(path, "Cells", ["a", "b"], ["c", "d"], np.eye(2)),
        (645, 420),
    ),
    "histogram": (
        lambda path: plots.histogram(
            path, "Lengths", np.arange(1, 90), unit="tokens", marks={"limit": 64}
        ),
        (1200, 630),
    ),
    "square panels": (
        lambda path: plots.small_multiples(
            path,
            "Panels",
            {
                "one": partial(
                    plots.draw_lines, series=CURVE, x="x", y="y", diagonal=True, unit_square=True
                )
            },
        ),
        (540, 585),
    ),
    "panels": (
        lambda path: plots.small_multiples(
            path,
            "Panels",
            {str(at): partial(plots.draw_lines, series=CURVE, x="x", y="y") for at in range(5)},
        ),
        (1620, 1110),
    ),
}


def size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, as the file's own header has them."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    return width, height


def axes() -> Axes:
    return Figure().add_subplot()


def words(drawn: Axes) -> list[str]:
    return [text.get_text() for text in drawn.texts]


@pytest.mark.parametrize("kind", DRAWN)
def test_a_picture_has_its_size_and_is_the_same_each_time(tmp_path: Path, kind: str) -> None:
    draw, expected = DRAWN[kind]
    for name in ("first.png", "second.png"):
        draw(tmp_path / name)
    assert size(tmp_path / "first.png") == expected
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_different_numbers_make_different_pictures(tmp_path: Path) -> None:
    plots.bars(tmp_path / "one.png", "Bars", {"a": 1.0, "b": 2.0})
    plots.bars(tmp_path / "two.png", "Bars", {"a": 1.0, "b": 3.0})
    assert (tmp_path / "one.png").read_bytes() != (tmp_path / "two.png").read_bytes()


def test_bars_carry_their_numbers_and_a_dash_where_there_is_none() -> None:
    drawn = axes()
    plots.draw_bars(drawn, {"a": 1234.0, "b": float("nan")}, unit="rows")
    assert words(drawn) == ["1,234", "–"]
    assert [tick.get_text() for tick in drawn.get_yticklabels()] == ["a", "b"]
    assert drawn.get_xlabel() == "rows"


def test_fractions_are_written_with_three_digits() -> None:
    drawn = axes()
    plots.draw_bars(drawn, {"a": 0.98765, "b": 1.0})
    assert words(drawn) == ["0.988", "1"]


def test_large_numbers_among_small_ones_are_written_out() -> None:
    drawn = axes()
    plots.draw_bars(drawn, {"a": 1295.6, "b": 13.92})
    assert words(drawn) == ["1,296", "13.9"]


def test_a_heatmap_writes_every_cell() -> None:
    drawn = axes()
    cells = np.array([[0.25, np.nan], [1.0, 0.0]])
    plots.draw_heatmap(drawn, ["a", "b"], ["c", "d"], cells, format="{:.0%}", x="x", y="y")
    assert words(drawn) == ["25%", "–", "100%", "0%"]


def test_a_cell_is_written_in_a_colour_that_its_ground_leaves_legible() -> None:
    drawn = axes()
    plots.draw_heatmap(drawn, ["a"], ["low", "high"], np.array([[0.0, 1.0]]))
    low, high = drawn.texts
    assert low.get_color() == plots.INK
    assert high.get_color() == "white"


def test_a_heatmap_of_another_shape_than_its_captions_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 2\); \(1, 2\) is needed"):
        plots.draw_heatmap(axes(), ["a"], ["c", "d"], np.eye(2))


def test_marks_are_named_with_their_values() -> None:
    drawn = axes()
    plots.draw_histogram(drawn, np.arange(200), unit="tokens", marks={"limit": 128, "median": 99})
    legend = drawn.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["limit: 128", "median: 99"]
    assert [np.ravel(line.get_xdata())[0] for line in drawn.lines] == [128, 99]


def test_a_dollar_sign_is_a_dollar_sign(tmp_path: Path) -> None:
    """Not the beginning of a formula, which here would be one that cannot be read."""
    plots.bars(tmp_path / "bars.png", r"$\frac$", {r"$\frac$": 1.0, "$_$": 2.0}, unit=r"$\frac$")
    curves = {"$_$": (POINTS, POINTS), "b": (POINTS, POINTS)}
    draw = partial(plots.draw_lines, series=curves, x=r"$\frac$", y=r"$\frac$")
    plots.small_multiples(tmp_path / "lines.png", "$_$", {r"$\frac$": draw})
    assert size(tmp_path / "bars.png") == (1200, 330)


def test_nothing_to_show_is_said() -> None:
    for draw in (
        partial(plots.draw_bars, values={}),
        partial(plots.draw_histogram, values=np.array([np.nan]), unit="tokens"),
        partial(plots.draw_lines, series={}, x="x", y="y"),
        partial(plots.draw_heatmap, rows=[], columns=[], values=np.empty((0, 0))),
    ):
        drawn = axes()
        draw(drawn)
        assert words(drawn) == [plots.EMPTY]


@pytest.mark.parametrize("log", [True, False])
@settings(deadline=None, max_examples=60)
@example(values=[0.0, 5e-324, 5e-324])
@example(values=[0.1, 0.1 + 1e-17, 0.1 + 2e-17])
@given(values=st.lists(st.integers(0, 10**6) | st.floats(0, 1e6), min_size=1, max_size=60))
def test_a_histogram_counts_every_value_once(log: bool, values: list[float]) -> None:
    drawn = axes()
    plots.draw_histogram(drawn, np.array([*values, np.nan, np.inf]), unit="tokens", log=log)
    heights, borders, _ = drawn.patches[0].get_data()  # type: ignore[attr-defined]
    assert heights.sum() == pytest.approx(len(values))
    assert (np.diff(borders) > 0).all()
    assert (heights >= 0).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=60))
def test_no_border_of_a_linear_bin_cuts_a_whole_number(values: list[int]) -> None:
    drawn = axes()
    plots.draw_histogram(drawn, np.array(values), unit="tokens")
    borders = drawn.patches[0].get_data().edges  # type: ignore[attr-defined]
    assert np.array_equal(borders % 1, np.full(len(borders), 0.5))
    assert borders[0] < min(values)
    assert max(values) < borders[-1]
