"""Work that has been accepted and must be finished before the client closes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterator

log = logging.getLogger(__name__)


class UnderWay:
    """One task that is under way; it takes room, but where it is said to wait elsewhere.

    Parameters
    ----------
    held
        By server: how many tasks take room.
    """

    def __init__(self, held: Counter[int | None], server_id: int | None) -> None:
        self._held = held
        self._server_id = server_id
        self._elsewhere = 0

    @contextlib.contextmanager
    def taking_room(self) -> Iterator[None]:
        """Take room while the block runs."""
        self._take()
        try:
            yield
        finally:
            self._free()

    @contextlib.contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Take no room while the block runs, or another such: there is a bound of its own there."""
        if not self._elsewhere:
            self._free()
        self._elsewhere += 1
        try:
            yield
        finally:
            self._elsewhere -= 1
            if not self._elsewhere:
                self._take()

    def _take(self) -> None:
        self._held[self._server_id] += 1

    def _free(self) -> None:
        self._held[self._server_id] -= 1
        if not self._held[self._server_id]:
            del self._held[self._server_id]


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
        self._held: Counter[int | None] = Counter()
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

    def full_for(self, server_id: int | None) -> bool:
        """Whether there is no room for one more of a server.

        The servers of which something takes room share it. One that has less than its share is let
        in whatever the others have, so there may be a few times `most`.
        """
        if not self.full or self._held.total() < self._most:
            return False
        servers = len(self._held) + (server_id not in self._held)
        return self._held[server_id] * servers >= self._most

    @contextlib.contextmanager
    def counted(self, server_id: int | None = None) -> Iterator[UnderWay]:
        """Count the current task as under way, and as a server's, while the block runs."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        under_way = UnderWay(self._held, server_id)
        try:
            with under_way.taking_room():
                yield under_way
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
