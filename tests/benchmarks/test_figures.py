"""Medians, percentiles and totals from a few draws."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Spread, draw_each, percentile, ratios, strata, total

COSTS = st.lists(st.floats(0.01, 1_000.0), min_size=1, max_size=60)


def test_spread_shows_the_range_only_where_there_is_one() -> None:
    assert Spread.of([3.0, 1.0, 2.0]).text(unit="ms") == "2.0 (1.0–3.0) ms"
    assert Spread.of([4.0]).text(".2f") == "4.00"


def test_ratios_go_turn_by_turn() -> None:
    found = ratios([10.0, 40.0, 90.0], [1.0, 2.0, 3.0])
    assert (found.median, found.lowest, found.highest) == (20.0, 10.0, 30.0)


def test_percentile_is_the_nearest_rank() -> None:
    values = [float(value) for value in range(1, 101)][::-1]
    assert [percentile(values, at) for at in (1, 50, 99, 99.9, 100)] == [1, 50, 99, 100, 100]
    assert percentile([7.0], 50) == 7.0


@given(COSTS, st.integers(1, 70))
def test_strata_hold_every_item_once_and_rise_in_cost(costs: list[float], count: int) -> None:
    groups = strata(costs, count)
    assert sorted(at for group in groups for at in group) == list(range(len(costs)))
    assert all(groups)
    assert len(groups) <= count
    ordered = [costs[at] for group in groups for at in group]
    assert ordered == sorted(ordered)


@given(COSTS, st.integers(1, 70), st.integers(0, 5))
def test_where_cost_is_the_same_within_a_stratum_the_total_is_exact(
    costs: list[float], count: int, seed: int
) -> None:
    rounded = [float(2 ** round(cost).bit_length()) for cost in costs]
    groups = strata(rounded, len(rounded))
    if all(len({rounded[at] for at in group}) == 1 for group in groups):
        found = [rounded[at] for at in draw_each(groups, seed)]
        assert total(groups, found) == pytest.approx(sum(rounded))


def test_the_total_of_few_draws_is_right_on_average() -> None:
    costs = [1.0] * 900 + [10.0 + at for at in range(90)] + [400.0, 600.0, 500.0]
    groups = strata(costs, 20)
    totals = [total(groups, [costs[at] for at in draw_each(groups, seed)]) for seed in range(200)]
    assert statistics.mean(totals) == pytest.approx(sum(costs), rel=0.02)
    # without strata, the spread of 20 draws is about the total itself
    assert statistics.stdev(totals) < 0.2 * sum(costs)


def test_a_seed_draws_the_same_members() -> None:
    groups = [list(range(50)), list(range(50, 60))]
    assert draw_each(groups, 3) == draw_each(groups, 3)
    assert draw_each(groups, 3) != draw_each(groups, 4)
