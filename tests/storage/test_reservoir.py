from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.storage.reservoir import Reservoir, merge

seeds = st.integers(0, 2**32)
batches = st.lists(st.integers(0, 40), max_size=12)


def offered(items: range, most: int, random: Random) -> Reservoir[int]:
    reservoir: Reservoir[int] = Reservoir(most, random)
    for item in items:
        reservoir.offer(item)
    return reservoir


def kept(sizes: list[int], most: int, random: Random) -> dict[int, int]:
    """Which items are where after so many came, in batches of these sizes."""
    places: dict[int, int] = {}
    before = 0
    for size in sizes:
        newer = offered(range(before, before + size), most, random)
        places.update(merge(before, newer, most, random))
        before += size
    return places


@given(count=st.integers(0, 200), most=st.integers(1, 30), seed=seeds)
def test_a_reservoir_keeps_no_more_than_it_may_and_no_less_than_it_can(
    count: int, most: int, seed: int
) -> None:
    reservoir = offered(range(count), most, Random(seed))
    assert reservoir.offered == count
    assert len(reservoir.kept) == min(count, most)
    assert set(reservoir.kept) <= set(range(count))
    assert len(set(reservoir.kept)) == len(reservoir.kept)


@given(sizes=batches, most=st.integers(1, 30), seed=seeds)
def test_merged_samples_are_one_sample_of_everything(
    sizes: list[int], most: int, seed: int
) -> None:
    places = kept(sizes, most, Random(seed))
    total = sum(sizes)
    # The places are filled from the first on, each item is there once, and none was made up.
    assert set(places) == set(range(min(total, most)))
    assert len(set(places.values())) == len(places)
    assert set(places.values()) <= set(range(total))


@settings(max_examples=50)
@given(sizes=batches, seed=seeds)
def test_everything_is_kept_while_there_is_room(sizes: list[int], seed: int) -> None:
    places = kept(sizes, 500, Random(seed))
    assert sorted(places.values()) == list(range(sum(sizes)))


@pytest.mark.parametrize("sizes", [[60], [3, 57], [20, 20, 20], [1] * 60, [50, 1, 9]])
def test_every_item_is_kept_as_often(sizes: list[int]) -> None:
    """20 of 60 are kept: each item in a third of 1,000 trials, as chance has it."""
    random, trials = Random(5), 1_000
    often = Counter(item for _ in range(trials) for item in kept(sizes, 20, random).values())
    # The mean is exact; a single item's count has a standard deviation of 15.
    assert sum(often.values()) == 20 * trials
    assert max(abs(often[item] - trials / 3) for item in range(60)) < 4 * 15
    # And together they scatter as independent ones would, or a little less.
    chi_squared = sum((often[item] - trials / 3) ** 2 / (trials / 3) for item in range(60))
    assert chi_squared < 90
