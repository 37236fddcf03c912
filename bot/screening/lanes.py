"""Work on several batches at a time."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import TypeVar

_NICENESS = 10

_In = TypeVar("_In")
_Out = TypeVar("_Out")
# What a lane is to do, and who is told that it was done; None: end.
_Task = tuple[Callable[[], None], "Future[None]"] | None


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
        self._tasks: SimpleQueue[_Task] = SimpleQueue()
        self._others = 0  # lanes that were started
        weakref.finalize(self, _end, self._tasks, count).atexit = False

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

        self._start(lanes - 1)
        others: list[Future[None]] = [Future() for _ in range(min(lanes - 1, self._others))]
        for each in others:
            self._tasks.put((run, each))
        try:
            run()
        finally:
            wait(others)
        for each in others:
            each.result()
        return [found[at] for at in range(len(items))]

    def _start(self, others: int) -> None:
        """Have so many threads beside the caller's, or as many as the machine has to give."""
        # Daemons, unlike an executor's: a batch that hangs must not keep the process from ending.
        with contextlib.suppress(RuntimeError):
            while self._others < others:
                threading.Thread(
                    target=_serve, args=(self._tasks,), name="screening lane", daemon=True
                ).start()
                self._others += 1


def _serve(tasks: SimpleQueue[_Task]) -> None:
    step_back()
    while (task := tasks.get()) is not None:
        work, done = task
        try:
            work()
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)
        del task, work, done  # nothing of a batch is kept while the lane waits


def _end(tasks: SimpleQueue[_Task], count: int) -> None:
    for _ in range(count):
        tasks.put(None)
