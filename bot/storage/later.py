"""Small sums that are written about once a second, together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.complaint import Complaint
from bot.errors import DatabaseError
from bot.storage.database import Database

log = logging.getLogger(__name__)

_WAIT_S = 1.0


class Later:
    """Has something written a moment after it came up, and when the database closes.

    A crash loses what came up in the last second. While the database refuses, it is tried again
    every second; the log tells of the first refusal, then less and less often, and of the end.

    Parameters
    ----------
    what
        What is written, for the log: ``Counts of passed messages``.
    write
        Writes all that waits; raises `DatabaseError` and keeps it if that cannot be done. Called
        by one at a time, through `now`.
    waits
        Whether anything waits.
    """

    def __init__(
        self,
        database: Database,
        what: str,
        write: Callable[[], Awaitable[None]],
        waits: Callable[[], bool],
    ) -> None:
        self._what = what
        self._write = write
        self._waits = waits
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._closing = asyncio.Event()
        self._complaint = Complaint(log, f"{what} are not written yet", f"{what} are written again")
        database.before_close(self._finish)

    def soon(self) -> None:
        """Say that something waits."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"write: {self._what}")

    async def now(self) -> None:
        """Have written what came up so far; what is being written already is waited for.

        Raises
        ------
        DatabaseError
            If it could not be written.
        """
        async with self._turn:
            await self._write()

    async def _run(self) -> None:
        while self._waits():
            try:
                async with asyncio.timeout(_WAIT_S):
                    await self._closing.wait()
            except TimeoutError:
                pass
            try:
                await self.now()
            except DatabaseError as error:
                self._complaint.failed(error)
                if self._closing.is_set():
                    return
            else:
                self._complaint.worked()

    async def _finish(self) -> None:
        self._closing.set()
        if self._task is not None:
            await self._task
