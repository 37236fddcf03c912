"""Work that has been accepted and must be finished before the client closes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

log = logging.getLogger(__name__)


class Running:
    """The tasks of one kind that are under way; bounded, and drained at the stop.

    Parameters
    ----------
    kind
        What a task does, for the log: ``messages``, ``commands``.
    most
        How many may be under way at a time.
    """

    def __init__(self, kind: str, most: int) -> None:
        self._kind = kind
        self._most = most
        self._tasks: set[asyncio.Task[object]] = set()
        self._closing = False

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def closing(self) -> bool:
        """Whether nothing more is accepted because the client is about to close."""
        return self._closing

    @property
    def full(self) -> bool:
        """Whether there is no room for one more."""
        return len(self._tasks) >= self._most

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count the current task as under way while the block runs."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    def follow(self) -> None:
        """Count the current task as under way until it ends."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, deadline_s: float) -> None:
        """Accept nothing more; let what is under way finish, and cancel the rest."""
        self._closing = True
        if not self._tasks:
            return
        _, late = await asyncio.wait(set(self._tasks), timeout=deadline_s)
        for task in late:
            task.cancel()
        if late:
            log.warning("%d %s were not finished before the stop", len(late), self._kind)
            await asyncio.wait(late)
