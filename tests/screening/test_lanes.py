"""Batches that are worked on at the same time."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.screening.lanes import Lanes

TWO, FOUR = Lanes(2), Lanes(4)


@given(st.lists(st.integers()), st.sampled_from([Lanes(1), TWO, FOUR]))
def test_results_keep_the_order_of_the_items(items: list[int], lanes: Lanes) -> None:
    assert lanes.map(lambda item: item * 2, items) == [item * 2 for item in items]


def test_as_many_items_are_worked_on_at_a_time_as_there_are_lanes() -> None:
    together = threading.Barrier(2)

    def meet(_: int) -> int:
        together.wait(timeout=10)  # breaks unless two are here at once
        return threading.get_ident()

    assert len(set(TWO.map(meet, range(2)))) == 2


def test_a_single_item_is_not_handed_over() -> None:
    assert FOUR.map(lambda _: threading.get_ident(), [1]) == [threading.get_ident()]


@pytest.mark.parametrize("wrong", [0, 3, 7])
def test_an_error_reaches_the_caller_and_leaves_nothing_running(wrong: int) -> None:
    running = set()

    def work(item: int) -> int:
        running.add(item)
        try:
            if item == wrong:
                raise ValueError(item)
            return item
        finally:
            running.discard(item)

    with pytest.raises(ValueError, match=str(wrong)):
        TWO.map(work, range(8))
    assert not running
    assert TWO.map(lambda item: item, range(8)) == list(range(8))
