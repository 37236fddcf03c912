"""Pictures for the trainer's reports: PNG files that look the same on every machine.

A function of each kind draws into given axes (`draw_heatmap`), so that several panels can share a
picture (`small_multiples`); others write a file with that alone in it (`heatmap`). Colours are
those of Okabe and Ito (2008, "Color Universal Design"), which people with any kind of colour vision
can tell apart; lines also differ in their dashes. Nothing here touches matplotlib's global state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, NullFormatter

from training.binning import counts

Panel = Callable[[Axes], None]
Series = Mapping[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]]

DPI = 150
WIDTH = 8.0  # inches; 1200 pixels
INK = "#222222"
PALE = "#8a8a8a"
BLUE = "#0072B2"
VERMILION = "#D55E00"
SKY = "#56B4E9"
COLOURS = (BLUE, "#E69F00", "#009E73", VERMILION, "#CC79A7", SKY, "#000000", "#8C6D00")
MARKS = (VERMILION, "#000000", "#005F45", "#8A3B6A")  # dark enough to stand out of the bars
DASHES = ("-", "--", "-.", ":")
FEW_POINTS = 30  # from here down a line shows the points it joins
LETTERS = 11  # of a caption, to an inch
EMPTY = "nothing to show"
MISSING = "–"


def bars(path: Path, title: str, values: Mapping[str, float], *, unit: str = "") -> None:
    """Write a chart of lying bars, which leave room for long captions.

    Parameters
    ----------
    path
        The PNG file; its folder must exist.
    title
        What the picture shows.
    values
        Caption → length of the bar, drawn in this order from the top. Not a number
        means not measured: no bar, and a dash.
    unit
        What the numbers count; the caption of their axis.
    """
    figure = _figure(WIDTH, max(2.2, 0.34 * len(values) + 1.2), title)
    draw_bars(figure.add_subplot(), values, unit=unit)
    _save(figure, path)


def draw_bars(axes: Axes, values: Mapping[str, float], *, unit: str = "") -> None:
    """Draw bars with their numbers into the axes; the parameters are those of `bars`."""
    _bare(axes)
    if not values:
        _nothing(axes)
        return
    lengths = np.array(list(values.values()), dtype=np.float64)
    known = np.where(np.isfinite(lengths), lengths, 0.0)
    places = np.arange(len(lengths))
    drawn = axes.barh(places, known, color=BLUE, height=0.72)
    axes.set_yticks(places, list(values), parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel(unit, parse_math=False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12, y=0.02)
    axes.bar_label(drawn, labels=_numbers(lengths), padding=3, fontsize=9, color=INK)


def heatmap(
    path: Path,
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: npt.NDArray[Any],
    *,
    format: str = "{:.0f}",
    x: str = "",
    y: str = "",
) -> None:
    """Write a table whose cells are coloured by their numbers.

    Parameters
    ----------
    path
        The PNG file; its folder must exist.
    title
        What the picture shows.
    rows, columns
        Their captions.
    values
        [rows, columns]; not a number means not measured: a blank cell with a dash.
    format
        How a cell's number is written, as `str.format` takes it.
    x, y
        What the columns and the rows are.

    Raises
    ------
    ValueError
        ``values`` does not have the shape that the captions give.
    """
    figure = _figure(max(4.0, 0.95 * len(columns) + 2.4), max(2.6, 0.55 * len(rows) + 1.7), title)
    draw_heatmap(figure.add_subplot(), rows, columns, values, format=format, x=x, y=y)
    _save(figure, path)


def draw_heatmap(
    axes: Axes,
    rows: Sequence[str],
    columns: Sequence[str],
    values: npt.NDArray[Any],
    *,
    format: str = "{:.0f}",
    x: str = "",
    y: str = "",
) -> None:
    """Draw a coloured table into the axes; the parameters are those of `heatmap`."""
    cells = np.asarray(values, dtype=np.float64)
    if cells.shape != (len(rows), len(columns)):
        raise ValueError(
            f"values have the shape {cells.shape}; {(len(rows), len(columns))} is needed"
        )
    axes.set_xlabel(x, parse_math=False)
    axes.set_ylabel(y, parse_math=False)
    if not cells.size:
        _nothing(axes)
        return
    known = cells[np.isfinite(cells)]
    low, high = (min(0.0, known.min()), known.max()) if len(known) else (0.0, 1.0)
    axes.imshow(np.ma.masked_invalid(cells), cmap="Blues", vmin=low, vmax=high, aspect="auto")
    room = LETTERS * axes.bbox.width / DPI / len(columns)
    tight = max(map(len, columns)) > room
    tilt: dict[str, Any] = {"rotation": 30, "ha": "right"} if tight else {}
    axes.set_xticks(range(len(columns)), list(columns), parse_math=False, **tilt)
    axes.set_yticks(range(len(rows)), list(rows), parse_math=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(cells):
        measured = math.isfinite(value)
        # White on the dark half of the scale: black is hard to read there.
        dark = measured and high > low and (value - low) / (high - low) > 0.55
        axes.text(
            column,
            row,
            format.format(value) if measured else MISSING,
            ha="center",
            va="center",
            fontsize=9,
            color="white" if dark else INK,
            parse_math=False,
        )


def histogram(
    path: Path,
    title: str,
    values: npt.NDArray[Any],
    *,
    unit: str,
    marks: Mapping[str, float] | None = None,
    log: bool = False,
    y: str = "rows",
) -> None:
    """Write how often the values occur.

    Parameters
    ----------
    path
        The PNG file; its folder must exist.
    title
        What the picture shows.
    values
        [values]; those that are not finite are left out. Whole numbers get bins of whole numbers.
    unit
        What the values count; the caption of their axis.
    marks
        Name → value at which a vertical line with that name stands.
    log
        A logarithmic axis, for values with a long tail; values below 1 stand in the first bin.
    y
        What is counted.
    """
    figure = _figure(WIDTH, 4.2, title)
    draw_histogram(figure.add_subplot(), values, unit=unit, marks=marks, log=log, y=y)
    _save(figure, path)


def draw_histogram(
    axes: Axes,
    values: npt.NDArray[Any],
    *,
    unit: str,
    marks: Mapping[str, float] | None = None,
    log: bool = False,
    y: str = "rows",
) -> None:
    """Draw a histogram into the axes; the parameters are those of `histogram`."""
    _bare(axes)
    axes.set_xlabel(unit, parse_math=False)
    axes.set_ylabel(y, parse_math=False)
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        _nothing(axes)
        return
    if log:
        known = np.maximum(known, 1.0)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.stairs(*counts(known, log=log), fill=True, color=SKY)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.margins(y=0.08)
    for at, (name, value) in enumerate((marks or {}).items()):
        axes.axvline(
            value,
            color=MARKS[at % len(MARKS)],
            linestyle=DASHES[at % len(DASHES)],
            linewidth=1.8,
            label=f"{name}: {value:,.6g}",
        )
    if marks:  # above the axes: a mark may stand anywhere in them
        _legend(axes, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(marks))


def draw_lines(
    axes: Axes,
    series: Series,
    *,
    x: str,
    y: str,
    diagonal: bool = False,
    unit_square: bool = False,
) -> None:
    """Draw one or several curves into the axes.

    Parameters
    ----------
    axes
        Of a panel of `small_multiples`, say.
    series
        Name → horizontal and vertical coordinates, [points] each; what is not a number is a gap.
    x, y
        What the axes mean.
    diagonal
        Draw y = x for comparison: chance in a ROC curve, perfection in a reliability diagram.
    unit_square
        Both axes from 0 to 1, equally long.
    """
    _bare(axes)
    axes.set_xlabel(x, parse_math=False)
    axes.set_ylabel(y, parse_math=False)
    axes.grid(color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    if unit_square:
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    if diagonal:
        axes.axline((0, 0), slope=1, color=PALE, linestyle=":", linewidth=1.2)
    if not series:
        _nothing(axes)
        return
    for at, (name, (across, up)) in enumerate(series.items()):
        axes.plot(
            across,
            up,
            color=COLOURS[at % len(COLOURS)],
            linestyle=DASHES[at % len(DASHES)],
            linewidth=1.8,
            marker="o" if len(across) <= FEW_POINTS else "",
            markersize=4,
            label=name,
        )
    if len(series) > 1:
        _legend(axes)


def small_multiples(
    path: Path, title: str, panels: Mapping[str, Panel], *, columns: int = 3
) -> None:
    """Write several panels side by side: the six labels' curves in one picture, say.

    Parameters
    ----------
    path
        The PNG file; its folder must exist.
    title
        What the picture shows.
    panels
        Caption → a function that draws into the panel's axes, such as
        ``functools.partial(draw_lines, series=…, x=…, y=…)``.
    columns
        Panels beside each other.
    """
    across = max(1, min(columns, len(panels)))
    down = max(1, math.ceil(len(panels) / across))
    figure = _figure(3.6 * across, 3.5 * down + 0.4, title)
    grid = figure.subplots(down, across, squeeze=False)
    for axes, (caption, draw) in zip(grid.flat, panels.items(), strict=False):
        draw(axes)
        axes.set_title(caption, fontsize=10.5, color=INK, parse_math=False)
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    _save(figure, path)


def _figure(width: float, height: float, title: str) -> Figure:
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.1)  # inches around each panel
    figure = Figure(figsize=(width, height), dpi=DPI, layout=layout, facecolor="white")
    figure.suptitle(title, fontsize=12.5, color=INK, parse_math=False)
    return figure


def _save(figure: Figure, path: Path) -> None:
    # Without the writer's version the same picture has the same bytes.
    figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _legend(axes: Axes, **place: Any) -> None:
    legend = axes.legend(fontsize=9, framealpha=0.85, edgecolor="none", **place)
    for text in legend.get_texts():
        text.set_parse_math(False)


def _nothing(axes: Axes) -> None:
    axes.text(0.5, 0.5, EMPTY, ha="center", va="center", color=PALE, transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _numbers(values: npt.NDArray[np.float64]) -> list[str]:
    """The values as people read them, whole if all are, else with three digits that count."""
    known = values[np.isfinite(values)]
    whole = bool((known == np.round(known)).all())

    def written(value: float) -> str:
        return f"{value:,.0f}" if whole or abs(value) >= 1000 else f"{value:,.3g}"

    return [written(value) if math.isfinite(value) else MISSING for value in values]
