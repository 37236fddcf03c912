import re
from datetime import UTC, datetime, timedelta

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.cards import age, bar, score_table, verdict_card
from bot.labels import Scores, Thresholds
from bot.screening.policy import Rules, decide

numbers = st.lists(st.floats(0, 1), min_size=6, max_size=6)
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def decision(scores: list[float], thresholds: list[float]):
    return decide(Scores.from_sequence(scores), Rules(Thresholds.from_sequence(thresholds)))


@given(numbers, numbers)
def test_the_table_never_contradicts_the_decision(
    scores: list[float], thresholds: list[float]
) -> None:
    made = decision(scores, thresholds)
    rows = score_table(made).splitlines()[1:-1]
    assert len(rows) == 6
    for row, label in zip(rows, made.scores.as_dict(), strict=True):
        assert ("⚑" in row) == (label in made.labels_over)
        shown, sign, limit = re.fullmatch(r".{19} (\S+) ([≥<]) (\S+)( ⚑)?", row).groups()[:3]
        assert sign == ("≥" if label in made.labels_over else "<")
        assert (float(shown) >= float(limit)) == (label in made.labels_over)


def test_lines_fit_a_phone() -> None:
    table = score_table(decision([1.0] * 6, [0.5] * 6))
    assert {len(row) for row in table.splitlines()[1:-1]} == {33}


def test_a_score_just_under_its_threshold_does_not_look_equal() -> None:
    table = score_table(decision([0.7996] + [0.0] * 5, [0.8] + [1.0] * 5))
    assert "0.7996 < 0.80" in table


@pytest.mark.parametrize(("score", "cells"), [(0, 0), (0.04, 0), (0.6, 3), (1, 5)])
def test_bars_are_five_cells(score: float, cells: int) -> None:
    assert bar(score) == "█" * cells + "░" * (5 - cells)


def test_a_verdict_says_what_would_flag_and_by_which_model() -> None:
    card = verdict_card(decision([0.9, 0, 0, 0, 0.8, 0], [0.7] * 6), "model-7", "strict")
    assert card.title == "Would be flagged: Toxic, Insult"
    assert card.footer.text == "Preset strict · model model-7"
    assert isinstance(card.colour, discord.Colour)


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=0.42), "0.4 s"),
        (timedelta(seconds=42), "42 s"),
        (timedelta(minutes=12), "12 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(days=9), "9 d"),
        (timedelta(seconds=-5), "0.0 s"),
    ],
)
def test_ages_are_short(passed: timedelta, words: str) -> None:
    assert age(NOW - passed, NOW) == words
