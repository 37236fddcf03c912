from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.screening.pace import Pace


@pytest.mark.parametrize("per_s", [100.0, 3_000.0, 80_000.0])
def test_rounds_come_to_take_the_time_they_should(per_s: float) -> None:
    pace = Pace(0.010, 10_000)
    for _ in range(60):
        pace.ran(pace.budget, pace.budget / per_s)
    assert pace.budget == pytest.approx(max(1, per_s * 0.010), rel=0.1)


def test_a_lone_text_now_and_then_changes_little() -> None:
    pace = Pace(0.010, 10_000)
    for _ in range(100):
        pace.ran(500, 0.010)
    pace.ran(20, 0.0015)
    assert pace.budget > 450


def test_one_round_that_took_very_long_is_enough_to_slow_down() -> None:
    pace = Pace(0.010, 10_000)
    pace.ran(500, 0.010)
    pace.ran(500, 1.0)
    assert pace.budget < 50


@given(
    st.integers(0, 10_000),
    st.lists(st.tuples(st.integers(16, 10**6), st.floats(0, 100)), max_size=20),
)
def test_the_budget_stays_within_its_bounds(most: int, rounds: list[tuple[int, float]]) -> None:
    pace = Pace(0.010, most)
    for cost, seconds in rounds:
        pace.ran(cost, seconds)
        assert 1 <= pace.budget <= max(1, most)


@pytest.mark.parametrize("round_s", [0.0, -1.0, float("nan")])
def test_a_round_has_to_take_time(round_s: float) -> None:
    with pytest.raises(ValueError, match="round_s is"):
        Pace(round_s, 100)
