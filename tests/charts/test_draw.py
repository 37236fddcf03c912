"""Pictures are cards that read the same on a dark and on a light background."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from bot.charts import draw as drawing
from bot.charts.describe import Bars, Columns, Curve, Marker, Picture, Series, Tone
from bot.charts.draw import CARD, INK, SOFT, TONES, WIDTH, draw

LABELS = ("Toxic", "Threat", "Identity hate")
BARS = Bars(
    "By label", LABELS, (Series("Flags", (30.0, 2.0, 7.0), Tone.BAD),), ("30 flags", "2", "7")
)
DAYS = Columns("By day", tuple(f"{day} Nov" for day in range(1, 31)), (Series("", (3.0,) * 30),))
CURVE = Curve(
    "By threshold",
    ((0.0, 40.0), (0.5, 9.0), (1.0, 0.0)),
    (Marker(0.5, "now 0.50: 9"), Marker(1.0, "proposed 1.00: 0", Tone.BAD)),
    "threshold",
    "messages",
    steps=True,
)


def pixels(picture: Picture) -> npt.NDArray[np.uint8]:
    """[height, width, red green blue alpha]"""
    with Image.open(io.BytesIO(draw(picture))) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGBA"))


def rgb(colour: str) -> npt.NDArray[np.float64]:
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.float64)


def has(image: npt.NDArray[np.uint8], colour: str) -> int:
    """How many pixels are of this very colour."""
    return int((image[..., :3] == rgb(colour)).all(axis=-1).sum())


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2."""

    def luminance(colour: str) -> float:
        part = rgb(colour) / 255
        linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_words_and_colours_stand_out_of_the_card() -> None:
    assert all(contrast(CARD, ink) >= 7 for ink in (INK, SOFT))
    assert all(contrast(CARD, tone) >= 4.5 for tone in TONES.values())


def test_the_card_is_opaque_with_round_corners() -> None:
    image = pixels(Picture(((BARS,),)))
    height, width, _ = image.shape
    assert width == WIDTH
    assert image[0, 0, 3] == 0
    assert image[height // 2, :, 3].min() == 255
    assert tuple(image[height // 2, 2, :3]) == tuple(rgb(CARD))


def test_a_longer_bar_has_more_of_its_colour() -> None:
    image = pixels(Picture(((BARS,),)))
    rows = [(line == rgb(TONES[Tone.BAD])).all(axis=-1).sum() for line in image[..., :3]]
    lengths = sorted({int(length) for length in rows if length > 5})
    assert lengths[-1] / lengths[0] == pytest.approx(15, rel=0.15)


def test_nothing_is_written_over_the_edge() -> None:
    long = replace(BARS, title="A title that is much too long for half a picture" * 2)
    for picture in (Picture(((long, CURVE),)), Picture(((DAYS,), (BARS, CURVE)))):
        image = pixels(picture)
        edges = [image[:, 3:8], image[:, -8:-3], image[3:8], image[-8:-3]]
        assert all(has(edge, INK) + has(edge, SOFT) == 0 for edge in edges)


def test_days_without_room_for_their_names_are_thinned() -> None:
    few = replace(DAYS, names=DAYS.names[:3], series=(Series("", (3.0,) * 3),))
    written = [has(pixels(Picture(((one,),)))[-90:], SOFT) for one in (few, DAYS)]
    # Ten times the days, but not ten times the ink.
    assert written[0] < written[1] < 5 * written[0]


def test_markers_have_captions_in_their_colour() -> None:
    image = pixels(Picture(((CURVE,),)))
    bare = pixels(Picture(((replace(CURVE, markers=()),),)))
    for tone in (Tone.MAIN, Tone.BAD):
        assert has(image, TONES[tone]) > 300
        assert not has(bare, TONES[tone])


def test_what_one_legend_says_is_not_said_again() -> None:
    series = (Series("Upheld", (1.0,)), Series("Dismissed", (2.0,), Tone.BAD))
    panel = Columns("Twice", ("a",), series)
    other = replace(panel, series=(replace(series[0], name="Else"), series[1]))
    same, differing = pixels(Picture(((panel,), (panel,)))), pixels(Picture(((panel,), (other,))))
    assert has(same, INK) < has(differing, INK)


def test_nothing_to_count_is_drawn_too() -> None:
    empty = replace(DAYS, series=(Series("", (0.0,) * 30),))
    none = replace(BARS, series=(Series("", (0.0,) * 3),))
    flat = Curve("Flat", ((0.0, 0.0), (1.0, 0.0)))
    assert not has(pixels(Picture(((empty,), (none, flat)))), TONES[Tone.MAIN])


@pytest.mark.parametrize(
    ("count", "between", "written"),
    [(0, ",", "0"), (950, ",", "950"), (1_200, ",", "1,200"), (3e6, ".", "3.000.000")],
)
def test_counts_on_an_axis_are_written_out(count: float, between: str, written: str) -> None:
    assert drawing._number(count, between) == written
