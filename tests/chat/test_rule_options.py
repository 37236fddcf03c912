from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.durations import in_words
from bot.chat.rule_options import parse_duration, short


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("10m", 600),
        ("10 Minutes", 600),
        ("2h", 7_200),
        ("1d", 86_400),
        ("1d12h", 129_600),
        ("1 day and 2 hours", 93_600),
        ("1 Tag, 2 Std.", 93_600),
        ("1.5h", 5_400),
        ("1,5 h", 5_400),
        ("1w", 604_800),
        ("90 sec", 90),
    ],
)
def test_durations_are_read_as_people_type_them(typed: str, seconds: int) -> None:
    assert parse_duration(typed) == timedelta(seconds=seconds)


@pytest.mark.parametrize("typed", ["", " ", "10", "m", "soon", "-5m", "1h-", "10x", "1h x", "٣m"])
def test_what_is_no_duration_is_not_guessed(typed: str) -> None:
    assert parse_duration(typed) is None


@given(st.integers(1, 400 * 86_400))
def test_what_is_offered_is_read_back(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(short(duration)) == duration
    assert parse_duration(in_words(duration)) == duration


@given(st.text(max_size=40))
def test_nothing_that_is_typed_breaks_it(typed: str) -> None:
    found = parse_duration(typed)
    assert found is None or found >= timedelta()


def test_what_is_too_long_to_count_is_still_a_duration() -> None:
    assert parse_duration("999999999w 999999999w") == timedelta.max
