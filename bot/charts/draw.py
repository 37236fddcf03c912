"""Draws a picture with matplotlib. Imported by the drawing process alone.

The picture is a dark card with round corners of its own, so that it reads the same on Discord's
dark and light theme. It is drawn for a phone, where 1200 pixels are as wide as a hand: few words,
large, and each beside what it names.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import accumulate

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import IdentityTransform

from bot.charts.describe import Bars, Columns, Curve, Panel, Picture, Series, Tone

CARD = "#1e1f22"
INK = "#f2f3f5"
SOFT = "#b5bac1"
GRID = "#3a3c43"
# Okabe and Ito (2008, "Color Universal Design"), some a little lighter for the dark card.
TONES = {
    Tone.MAIN: "#56b4e9",
    Tone.BAD: "#f0803c",
    Tone.GOOD: "#35c08e",
    Tone.MUTED: "#878d98",
}

WIDTH = 1200  # pixels
_DPI = 100
_MARGIN = 0.28  # inches
_TITLE, _WORDS = 26, 22  # points
# Inches: of one bar, and of whole panels.
_BAR_HEIGHT, _COLUMNS_HEIGHT, _CURVE_HEIGHT = 0.5, 3.3, 5.2
_HEADING_HEIGHT, _LEGEND_HEIGHT = 0.8, 0.4
# A caption over a curve takes this part of the curve's height.
_CAPTION_ROW = 0.17


def draw(picture: Picture) -> bytes:
    """A picture as PNG, `WIDTH` pixels wide and as high as its panels need."""
    # Whatever style the host's own matplotlib is set to is none of ours.
    matplotlib.rcdefaults()
    with matplotlib.rc_context({"font.family": "DejaVu Sans", "font.size": _WORDS}):
        heights = [max(map(_height, row)) for row in picture.rows]
        figure = Figure(
            figsize=(WIDTH / _DPI, sum(heights) + 2 * _MARGIN),
            dpi=_DPI,
            facecolor="none",
            layout="constrained",
        )
        FigureCanvasAgg(figure)
        engine = figure.get_layout_engine()
        assert isinstance(engine, ConstrainedLayoutEngine)
        engine.set(w_pad=_MARGIN, h_pad=_MARGIN, wspace=0.03, hspace=0.03)
        _card(figure)
        across = figure.subfigures(len(picture.rows), 1, height_ratios=heights, squeeze=False)
        drawn: list[tuple[Axes, Panel, Text]] = []
        named: set[Key] = set()
        for row, place in zip(picture.rows, across[:, 0], strict=True):
            place.set_facecolor("none")
            for axes, panel in zip(place.subplots(1, len(row), squeeze=False)[0], row, strict=True):
                drawn.append((axes, panel, _panel(axes, panel, named, picture.thousands)))
        # What depends on how much room there is comes once the layout is known.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for axes, panel, title in drawn:
            _fit(axes, panel, title)
        stream = io.BytesIO()
        figure.savefig(stream, format="png")
        return stream.getvalue()


# Names and tones of series. What one legend says, the next panel need not say again.
Key = tuple[tuple[str, Tone], ...]


def _height(panel: Panel) -> float:
    match panel:
        case Bars():
            return _HEADING_HEIGHT + _legend_height(panel.series) + _BAR_HEIGHT * len(panel.names)
        case Columns():
            return _COLUMNS_HEIGHT + _legend_height(panel.series)
        case Curve():
            return _CURVE_HEIGHT


def _legend_height(series: Sequence[Series]) -> float:
    return _LEGEND_HEIGHT if len(series) > 1 else 0.0


def _card(figure: Figure) -> None:
    width, height = figure.get_size_inches() * figure.dpi
    card = FancyBboxPatch(
        (0, 0),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=28",
        facecolor=CARD,
        edgecolor="none",
        transform=IdentityTransform(),
        zorder=-10,
    )
    card.set_in_layout(False)
    figure.patches.append(card)


def _panel(axes: Axes, panel: Panel, named: set[Key], thousands: str) -> Text:
    """Draw a panel; the legends in `named` are known, and its own is added to them.

    Returns
    -------
    Text
        Where the title is to be written.
    """
    axes.set_facecolor("none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, pad=10, colors=SOFT, labelsize=_WORDS)
    axes.set_axisbelow(True)
    match panel:
        case Bars():
            _bars(axes, panel)
            return _heading(axes, panel.series, named)
        case Columns():
            _columns(axes, panel, thousands)
            return _heading(axes, panel.series, named)
        case Curve():
            _curve(axes, panel, thousands)
            return _title(axes, beneath=panel.y_caption)


def _bars(axes: Axes, panel: Bars) -> None:
    places = range(len(panel.names))
    for series, starts in _stacked(panel.series):
        axes.barh(places, series.values, left=starts, color=TONES[series.tone], height=0.66)
    axes.set_yticks(places, panel.names, color=INK, parse_math=False)
    axes.set_xticks([])
    axes.set_ylim(len(panel.names) - 0.5, -0.5)
    for place, (end, note) in enumerate(zip(_totals(panel.series), panel.notes, strict=True)):
        axes.annotate(
            note,
            (end, place),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            parse_math=False,
        ).set_in_layout(False)
    axes.set_xlim(0, max(*_totals(panel.series), 1e-9))


def _columns(axes: Axes, panel: Columns, thousands: str) -> None:
    places = range(len(panel.names))
    for series, starts in _stacked(panel.series):
        axes.bar(places, series.values, bottom=starts, color=TONES[series.tone], width=0.78)
    axes.set_xticks(places, panel.names, parse_math=False)
    axes.set_xlim(-0.6, len(panel.names) - 0.4)
    _counting(axes, max(_totals(panel.series)), thousands)


def _curve(axes: Axes, panel: Curve, thousands: str) -> None:
    xs = [x for x, _ in panel.points]
    ys = [y for _, y in panel.points]
    style = "steps-post" if panel.steps else "default"
    axes.plot(xs, ys, color=INK, linewidth=3, drawstyle=style, solid_capstyle="round")
    axes.fill_between(
        xs, ys, color=SOFT, alpha=0.15, linewidth=0, step="post" if panel.steps else None
    )
    axes.set_xlim(xs[0], xs[-1])
    axes.set_xlabel(panel.x_caption, color=SOFT, parse_math=False)
    # Above the line there is a row for each caption; the further left, the higher, so that
    # captions, which stand to the right of their markers, are not crossed by the next one's line.
    top = max(*ys, 1.0)
    _counting(axes, top, thousands, room=1.06 + _CAPTION_ROW * len(panel.markers))
    places = sorted(panel.markers, key=lambda marker: -marker.x)
    for marker in panel.markers:
        y, colour = panel.height(marker.x), TONES[marker.tone]
        level = top * (1.06 + _CAPTION_ROW * (places.index(marker) + 1))
        axes.plot([marker.x] * 2, [0, level], color=colour, linewidth=3, linestyle=(0, (4, 3)))
        axes.plot(
            [marker.x],
            [y],
            "o",
            color=colour,
            markersize=16,
            markeredgecolor=CARD,
            markeredgewidth=2,
            zorder=5,
            clip_on=False,
        )
        axes.text(
            marker.x,
            level,
            marker.caption,
            color=colour,
            va="top",
            weight="bold",
            parse_math=False,
            zorder=4,
            bbox={"facecolor": CARD, "edgecolor": "none", "pad": 1.5},
        ).set_in_layout(False)


def _counting(axes: Axes, top: float, thousands: str, *, room: float = 1.05) -> None:
    """A quiet axis of a few whole numbers from 0 up."""
    axes.set_ylim(0, max(top, 1.0) * room)
    ticks = MaxNLocator(nbins=3, integer=True, steps=[1, 2, 5, 10]).tick_values(0, max(top, 1.0))
    kept = [tick for tick in ticks if 0 <= tick <= max(top, 1.0)]
    axes.set_yticks(kept, [_number(tick, thousands) for tick in kept])
    axes.grid(axis="y", color=GRID, linewidth=1.2)


def _number(count: float, thousands: str) -> str:
    """``950``, ``12,000``: whole, as numbers are in the words beside the picture."""
    return f"{count:,.0f}".replace(",", thousands)


def _heading(axes: Axes, series: Sequence[Series], named: set[Key]) -> Text:
    """Room for the title, and beneath it the names of the series, unless they are known."""
    key = tuple((one.name, one.tone) for one in series)
    known = len(series) == 1 or key in named
    written = _title(axes, beneath="" if known else " ")
    if known:
        return written
    named.add(key)
    legend = axes.legend(
        [axes.scatter([], [], s=230, marker="s", color=TONES[one.tone]) for one in series],
        [one.name for one in series],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(series),
        frameon=False,
        labelcolor=INK,
        handlelength=0.8,
        handletextpad=0.35,
        columnspacing=1.0,
        borderaxespad=0.15,
        borderpad=0,
    )
    legend.set_in_layout(False)
    return written


def _title(axes: Axes, *, beneath: str) -> Text:
    """Room for the title at the left, with a line beneath it or room for one."""
    # The layout would make room for a long title beside the axes; it is put in once that is done.
    written = axes.set_title(
        "|",
        loc="left",
        fontsize=_TITLE,
        weight="bold",
        color=INK,
        pad=46 if beneath else 14,
        parse_math=False,
    )
    if beneath.strip():
        axes.annotate(
            beneath,
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 10),
            textcoords="offset points",
            color=SOFT,
            parse_math=False,
        )
    return written


def _stacked(series: Sequence[Series]) -> list[tuple[Series, list[float]]]:
    """Each series with where its part of every bar begins."""
    ends = accumulate(
        series,
        lambda below, one: [sum(pair) for pair in zip(below, one.values, strict=True)],
        initial=[0.0] * len(series[0].values),
    )
    return list(zip(series, ends, strict=False))


def _totals(series: Sequence[Series]) -> list[float]:
    return [sum(parts) for parts in zip(*(one.values for one in series), strict=True)]


def _fit(axes: Axes, panel: Panel, title: Text) -> None:
    """Make room for what is written inside the axes, now that their width is known."""
    width = axes.get_window_extent().width
    title.set_text(panel.title)
    _shrink([title], width)
    legend = axes.get_legend()
    if legend is not None:
        _shrink(legend.get_texts(), width - 60 * len(legend.get_texts()))
    match panel:
        case Bars():
            notes = max(text.get_window_extent().width for text in axes.texts)
            axes.set_xlim(0, axes.get_xlim()[1] / max(1 - (notes + 24) / width, 0.2))
        case Columns():
            labels = axes.get_xticklabels()
            widest = max(label.get_window_extent().width for label in labels) + 24
            apart = width / len(labels)
            step = max(1, -int(-widest // apart))
            axes.set_xticks(range(0, len(labels), step), panel.names[::step], parse_math=False)
        case Curve():
            # The heading beneath the title is among the texts; it belongs to no marker.
            for text, marker in zip(axes.texts, panel.markers, strict=False):
                _beside(text, marker.x, axes)


def _shrink(texts: Sequence[Text], width: float) -> None:
    """Write texts that stand side by side smaller, if they are wider than `width` together."""
    together = sum(text.get_window_extent().width for text in texts)
    for text in texts:
        text.set_fontsize(float(text.get_fontsize()) * min(1.0, width / together))


def _beside(text: Text, x: float, axes: Axes) -> None:
    """Write a caption to the right of its marker, or to the left where it would not fit."""
    inner = axes.get_window_extent()
    at = float(axes.transData.transform((x, 0))[0])
    wide = text.get_window_extent().width + 12
    right = at + wide <= inner.x1 or at - wide < inner.x0
    place = at + 12 if right else at - 12
    text.set_x(float(axes.transData.inverted().transform((place, 0))[0]))
    text.set_horizontalalignment("left" if right else "right")
