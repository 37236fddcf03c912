"""Work on several batches at a time."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

_NICENESS = 10

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def step_back() -> None:
    """Let everything else on the machine go before the current thread, where that is possible.

    Scoring can use all of a machine while a server is raided; the event loop, and whatever shares
    the machine with the bot, should not notice. Linux gives each thread its own niceness.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


class Lanes:
    """Runs a function over items on a few threads, of which the caller's is one.

    For work that leaves the interpreter alone while it runs, as a network does. A single item runs
    where it is, without a hand-over.

    Parameters
    ----------
    count
        Threads that work at a time.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._others = ThreadPoolExecutor(
            max(count - 1, 1), thread_name_prefix="screening lane", initializer=step_back
        )

    def map(self, work: Callable[[_In], _Out], items: Sequence[_In]) -> list[_Out]:
        """What `work` gives for each item, in the order of the items.

        Raises
        ------
        Exception
            What `work` raised first; no item is left running.
        """
        lanes = min(self.count, len(items))
        if lanes < 2:
            return [work(item) for item in items]
        found: dict[int, _Out] = {}
        rest = iter(enumerate(items))  # shared: whoever is free takes the next

        def run() -> None:
            for at, item in rest:
                found[at] = work(item)

        others = [self._others.submit(run) for _ in range(lanes - 1)]
        try:
            run()
        finally:
            wait(others)
        for each in others:
            each.result()
        return [found[at] for at in range(len(items))]
