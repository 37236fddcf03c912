"""Batches that are worked on at the same time."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.screening.lanes import Lanes
from tests.patience import PATIENCE_S

TWO, FOUR = Lanes(2), Lanes(4)


@given(st.lists(st.integers()), st.sampled_from([Lanes(1), TWO, FOUR]))
def test_results_keep_the_order_of_the_items(items: list[int], lanes: Lanes) -> None:
    assert lanes.map(lambda item: item * 2, items) == [item * 2 for item in items]


def test_as_many_items_are_worked_on_at_a_time_as_there_are_lanes() -> None:
    together = threading.Barrier(2)

    def meet(_: int) -> int:
        together.wait(timeout=PATIENCE_S)  # breaks unless two are here at once
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


def test_a_thread_that_the_machine_does_not_have_is_done_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_thread(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    lanes = Lanes(3)
    assert lanes.map(lambda item: item * 2, range(5)) == [0, 2, 4, 6, 8]
    monkeypatch.undo()
    assert lanes.map(lambda item: item * 2, range(5)) == [0, 2, 4, 6, 8]


def test_the_threads_end_with_their_lanes() -> None:
    before = set(threading.enumerate())
    lanes = Lanes(4)
    lanes.map(lambda item: item, range(8))
    started = set(threading.enumerate()) - before
    assert len(started) == 3
    del lanes
    gc.collect()
    for thread in started:
        thread.join(timeout=PATIENCE_S)
        assert not thread.is_alive()


HANGING = """
import threading
from bot.screening.lanes import Lanes

lanes, together = Lanes(2), threading.Barrier(3)

def hang(_):
    together.wait()
    threading.Event().wait()

threading.Thread(target=lanes.map, args=(hang, range(2)), daemon=True).start()
together.wait()
"""


def test_a_batch_that_hangs_does_not_keep_the_process_from_ending() -> None:
    subprocess.run([sys.executable, "-c", HANGING], check=True, timeout=PATIENCE_S)
