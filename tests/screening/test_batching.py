"""What batches hold, and what they cost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.screening.batching import Cost, batches

LENGTHS = st.lists(st.integers(1, 60), max_size=40)
COSTS = st.builds(Cost, setup=st.integers(0, 30), padding=st.sampled_from([0, 0.25, 0.5, 1]))


def work(lengths: list[int], cost: Cost) -> float:
    return cost.work(sum(lengths), max(lengths) * len(lengths))


@given(LENGTHS, st.integers(0, 200), COSTS)
def test_batches_hold_each_item_once_within_the_budget(
    lengths: list[int], budget: int, cost: Cost
) -> None:
    found = list(batches(lengths, budget, cost))
    assert sorted(at for batch in found for at in batch) == list(range(len(lengths)))
    for batch in found:
        assert len(batch) == 1 or work([lengths[at] for at in batch], cost) <= budget
    ordered = [lengths[at] for batch in found for at in batch]
    assert ordered == sorted(ordered)


@given(LENGTHS, st.integers(0, 200), COSTS)
def test_the_next_item_would_have_cost_too_much(
    lengths: list[int], budget: int, cost: Cost
) -> None:
    found = [[lengths[at] for at in batch] for batch in batches(lengths, budget, cost)]
    for batch, following in pairwise(found):
        larger = [*batch, following[0]]
        padding = cost.padding * (following[0] - batch[-1]) * len(batch)
        assert work(larger, cost) > budget or padding > cost.setup > 0


@pytest.mark.parametrize(
    ("cost", "found"),
    [
        (Cost(), [[0, 1, 2, 3, 4, 5, 6]]),
        (Cost(setup=8), [[0, 1, 2, 3, 4], [5, 6]]),
        (Cost(setup=8, padding=0.01), [[0, 1, 2, 3, 4, 5, 6]]),
    ],
)
def test_padding_costs_no_more_than_another_batch(cost: Cost, found: list[list[int]]) -> None:
    assert list(batches([5, 5, 6, 6, 7, 60, 61], 1000, cost)) == found


def test_what_is_filled_up_for_little_leaves_room_for_more() -> None:
    lengths = [4] * 10 + [40]
    assert len(list(batches(lengths, 100))) == 2
    assert len(list(batches(lengths, 100, Cost(padding=0.05)))) == 1
