"""A picture is whole when it is made, and the same after its way to the drawing process."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.charts.describe import (
    Bars,
    Columns,
    Curve,
    Marker,
    Picture,
    Series,
    Tone,
    from_json,
    to_json,
)

heights = st.floats(0, 1e12)
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@st.composite
def columns(draw: st.DrawFn) -> Columns:
    names = draw(st.lists(words, min_size=1, max_size=8))
    values = st.tuples(*[heights] * len(names))
    series = st.builds(Series, words, values, st.sampled_from(Tone))
    return Columns(draw(words), tuple(names), tuple(draw(st.lists(series, min_size=1, max_size=3))))


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    xs = sorted(draw(st.lists(st.floats(0, 1), min_size=2, max_size=9, unique=True)))
    markers = st.builds(Marker, st.sampled_from(xs), words)
    return Curve(
        draw(words),
        tuple((x, draw(heights)) for x in xs),
        tuple(draw(st.lists(markers, max_size=2))),
        steps=draw(st.booleans()),
    )


@settings(max_examples=25)
@given(columns(), curves())
def test_a_picture_comes_through_unchanged(first: Columns, second: Curve) -> None:
    bars = Bars(first.title, first.names, first.series, ("5",) * len(first.names))
    picture = Picture(((first,), (bars, second)))
    assert from_json(to_json(picture)) == picture


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Series("", (float("nan"),)), "nan"),
        (lambda: Series("", (-1.0,)), "-1"),
        (lambda: Series("two\nlines", (1.0,)), "one line"),
        (lambda: Series("x" * 121, (1.0,)), "120"),
        (lambda: Columns("", ("a", "b"), (Series("", (1.0,)),)), "2 bars have 1 values"),
        (lambda: Columns("", (), (Series("", ()),)), "not 0"),
        (lambda: Columns("", ("a",), ()), "not 0"),
        (lambda: Bars("", ("a",), (Series("", (1.0,)),), ()), "1 bars have 0 notes"),
        (lambda: Curve("", ((0.0, 1.0),)), "not 1"),
        (lambda: Curve("", ((0.0, 1.0), (0.0, 2.0))), "growing"),
        (lambda: Curve("", ((0.0, 1.0), (1.0, 2.0)), (Marker(1.1, ""),)), "1.1"),
        (lambda: Picture(()), "row"),
        (lambda: Picture(((),)), "panel"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make: object, complaint: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=complaint):
        make()


def test_json_that_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        from_json(b'{"row": []}')


def test_a_curve_knows_its_height_between_points() -> None:
    line = Curve("", ((0.0, 10.0), (0.5, 4.0), (1.0, 0.0)))
    steps = Curve("", line.points, steps=True)
    assert [line.height(x) for x in (0.0, 0.25, 0.5, 1.0)] == [10.0, 7.0, 4.0, 0.0]
    assert [steps.height(x) for x in (0.0, 0.25, 0.5, 1.0)] == [10.0, 10.0, 4.0, 0.0]
