import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.labels import LABELS, Label, Scores, Thresholds

six = st.lists(st.floats(0, 1), min_size=6, max_size=6)


def test_the_order_is_the_models() -> None:
    assert [str(label) for label in LABELS] == [
        "toxic",
        "severe_toxic",
        "obscene",
        "threat",
        "insult",
        "identity_hate",
    ]


@pytest.mark.parametrize("typed", ["severe_toxic", "Severe toxic", " SEVERE-TOXIC "])
def test_labels_are_read_as_people_type_them(typed: str) -> None:
    assert Label.parse(typed) is Label.SEVERE_TOXIC


@pytest.mark.parametrize("typed", ["", "rude", "toxic!", "LABELS"])
def test_other_words_are_no_label(typed: str) -> None:
    assert Label.parse(typed) is None


@given(six)
def test_six_numbers_keep_their_labels(values: list[float]) -> None:
    scores = Scores.from_sequence(values)
    assert [scores[label] for label in LABELS] == values
    assert Scores.from_mapping(scores.as_dict()) == scores


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan, math.inf])
def test_a_number_outside_0_to_1_is_refused_by_name(value: float) -> None:
    with pytest.raises(ValueError, match=r"Thresholds\.threat"):
        Thresholds.from_mapping({**dict.fromkeys(LABELS, 0.5), Label.THREAT: value})


def test_a_missing_or_foreign_label_is_refused() -> None:
    with pytest.raises(ValueError, match="takes the labels"):
        Scores.from_mapping({"toxic": 0.5})
    with pytest.raises(ValueError, match="6 numbers"):
        Scores.from_sequence([0.5])


@given(six, six)
def test_highest_is_the_maximum_per_label(one: list[float], other: list[float]) -> None:
    joined = Scores.from_sequence(one).highest(Scores.from_sequence(other))
    assert [joined[label] for label in LABELS] == [
        max(a, b) for a, b in zip(one, other, strict=True)
    ]
