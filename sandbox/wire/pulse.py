"""Waiting for the world to change, without polling."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Pulse:
    """Beats whenever a request was answered or an event was sent.

    Attributes
    ----------
    beats
        How often it has beaten.
    """

    def __init__(self) -> None:
        self.beats = 0
        self._next = asyncio.Event()

    def beat(self) -> None:
        self.beats += 1
        self._next.set()
        self._next = asyncio.Event()

    async def until(self, found: Callable[[], T | None], timeout_s: float, what: str) -> T:
        """Wait until ``found()`` gives something true, and return it.

        Raises
        ------
        TimeoutError
            After ``timeout_s`` seconds; the message says ``what`` was awaited.
        """
        ends = time.monotonic() + timeout_s
        while not (result := found()):
            try:
                async with asyncio.timeout(max(ends - time.monotonic(), 0)):
                    await self._next.wait()
            except TimeoutError:
                raise TimeoutError(f"{what} did not happen within {timeout_s:g} s") from None
        return result

    async def quiet(self, for_s: float) -> None:
        """Wait until nothing happens for ``for_s`` seconds."""
        while True:
            try:
                async with asyncio.timeout(for_s):
                    await self._next.wait()
            except TimeoutError:
                return
