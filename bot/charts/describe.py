"""What a chart shows, as frozen values that can be sent to the process that draws it.

A `Picture` is rows of panels. A panel is `Bars` (lying, one for each category), `Columns`
(standing, one for each day or hour) or a `Curve` with markers. What cannot be drawn is refused at
construction.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

_MOST_PLACES = 400
_MOST_POINTS = 2_000
_MOST_SERIES = 4
_MOST_PANELS = 4
_LONGEST = 120
# Beyond it, a number is a mistake and its label would not fit.
_HIGHEST = 1e15


class Tone(StrEnum):
    """What a colour means; the drawing gives each one that stands out of the card."""

    MAIN = "main"
    BAD = "bad"
    GOOD = "good"
    MUTED = "muted"


@dataclass(frozen=True, slots=True)
class Series:
    """One part of every bar, stacked upon the series before it.

    Attributes
    ----------
    name
        Shown beside its colour where there are several series.
    values
        A number for each place, none below 0.
    """

    name: str
    values: tuple[float, ...]
    tone: Tone = Tone.MAIN

    def __post_init__(self) -> None:
        _check_words([self.name])
        _check_numbers(self.values, least=0.0)


@dataclass(frozen=True, slots=True)
class Bars:
    """Lying bars, one for each category, the first at the top.

    Attributes
    ----------
    names
        Of the categories.
    notes
        What stands at the end of each bar, such as its number.
    """

    title: str
    names: tuple[str, ...]
    series: tuple[Series, ...]
    notes: tuple[str, ...]
    kind: Literal["bars"] = "bars"

    def __post_init__(self) -> None:
        _check_words([self.title, *self.names, *self.notes])
        _check_series(self.names, self.series)
        if len(self.notes) != len(self.names):
            raise ValueError(f"{len(self.names)} bars have {len(self.notes)} notes; one for each")


@dataclass(frozen=True, slots=True)
class Columns:
    """Standing bars, one for each day or hour, from left to right.

    Attributes
    ----------
    names
        Of the days or hours; as many of them are written as there is room for.
    """

    title: str
    names: tuple[str, ...]
    series: tuple[Series, ...]
    kind: Literal["columns"] = "columns"

    def __post_init__(self) -> None:
        _check_words([self.title, *self.names])
        _check_series(self.names, self.series)


@dataclass(frozen=True, slots=True)
class Marker:
    """A place on a curve that is pointed out, such as the threshold as it is now.

    Attributes
    ----------
    x
        Within the curve's points; the height is the curve's there.
    caption
        What is written beside it.
    """

    x: float
    caption: str
    tone: Tone = Tone.MAIN

    def __post_init__(self) -> None:
        _check_words([self.caption])
        _check_numbers([self.x])


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points, with markers.

    Attributes
    ----------
    points
        At least two (x, y) with growing x, and no y below 0.
    x_caption, y_caption
        What the axes measure; the second stands above its axis.
    steps
        Whether the line keeps its height until the next point, as counts by threshold do, instead
        of going straight to it.
    """

    title: str
    points: tuple[tuple[float, float], ...]
    markers: tuple[Marker, ...] = ()
    x_caption: str = ""
    y_caption: str = ""
    steps: bool = False
    kind: Literal["curve"] = "curve"

    def __post_init__(self) -> None:
        _check_words([self.title, self.x_caption, self.y_caption])
        if not 2 <= len(self.points) <= _MOST_POINTS:
            raise ValueError(f"a curve has 2 to {_MOST_POINTS} points, not {len(self.points)}")
        xs = [x for x, _ in self.points]
        _check_numbers(xs)
        _check_numbers([y for _, y in self.points], least=0.0)
        if any(right <= left for left, right in pairwise(xs)):
            raise ValueError("the points of a curve must be ordered by a growing x")
        if len(self.markers) > _MOST_SERIES:
            raise ValueError(f"a curve has at most {_MOST_SERIES} markers")
        for marker in self.markers:
            if not xs[0] <= marker.x <= xs[-1]:
                raise ValueError(f"a marker at {marker.x} is not on the curve")

    def height(self, x: float) -> float:
        """How high the curve is at an x within it."""
        before = max(at for at, (px, _) in enumerate(self.points) if px <= x)
        left, low = self.points[before]
        if self.steps or before + 1 == len(self.points):
            return low
        right, high = self.points[before + 1]
        return low + (high - low) * (x - left) / (right - left)


Panel = Annotated[Bars | Columns | Curve, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Picture:
    """Rows of panels, from the top; the panels of a row share its width.

    Attributes
    ----------
    thousands
        What keeps thousands apart in the numbers on axes, in the reader's language.
    """

    rows: tuple[tuple[Panel, ...], ...]
    thousands: str = ","

    def __post_init__(self) -> None:
        if len(self.thousands) > 1:
            raise ValueError(f"thousands are kept apart by one character, not {self.thousands!r}")
        if not self.rows or not all(self.rows):
            raise ValueError("a picture needs at least one row, and a row at least one panel")
        if sum(map(len, self.rows)) > _MOST_PANELS:
            raise ValueError(f"a picture has at most {_MOST_PANELS} panels")


_AS_JSON = TypeAdapter(Picture)


def to_json(picture: Picture) -> bytes:
    """A picture as the drawing process reads it."""
    return _AS_JSON.dump_json(picture)


def from_json(described: bytes) -> Picture:
    """The picture that `to_json` wrote.

    Raises
    ------
    ValueError
        If it is none.
    """
    return _AS_JSON.validate_json(described)


def _check_words(words: Iterable[str]) -> None:
    for word in words:
        if len(word) > _LONGEST or "\n" in word:
            raise ValueError(f"words in a chart are one line of at most {_LONGEST} characters")


def _check_numbers(numbers: Iterable[float], *, least: float = -_HIGHEST) -> None:
    for number in numbers:
        if not (math.isfinite(number) and least <= number <= _HIGHEST):
            raise ValueError(f"{number} cannot be drawn")


def _check_series(names: tuple[str, ...], series: tuple[Series, ...]) -> None:
    if not 1 <= len(names) <= _MOST_PLACES:
        raise ValueError(f"1 to {_MOST_PLACES} bars can be drawn, not {len(names)}")
    if not 1 <= len(series) <= _MOST_SERIES:
        raise ValueError(f"1 to {_MOST_SERIES} series can be drawn, not {len(series)}")
    for one in series:
        if len(one.values) != len(names):
            raise ValueError(f"{len(names)} bars have {len(one.values)} values; one for each")
