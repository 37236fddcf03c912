"""Counts what went unscreened, and says so in one line a minute rather than one per message."""

from __future__ import annotations

import asyncio
import logging

from bot.logs import describe

log = logging.getLogger(__name__)

_EVERY_S = 60.0


class Tally:
    """Messages that could not be screened, and why the last of them was not."""

    def __init__(self) -> None:
        self._count = 0
        self._last = ""
        self._timer: asyncio.TimerHandle | None = None

    def add(self, error: Exception) -> None:
        """Count one message; the first is told at once, those after it within a minute."""
        self._count += 1
        self._last = describe(error)
        if self._timer is None:
            self.report()
            self._timer = asyncio.get_running_loop().call_later(_EVERY_S, self._timer_ended)

    def report(self) -> None:
        """Tell what was not told yet."""
        if self._count:
            log.warning("Messages unscreened: %d; the last because: %s", self._count, self._last)
            self._count = 0

    def stop(self) -> None:
        """Tell the rest; nothing more is counted."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.report()

    def _timer_ended(self) -> None:
        self._timer = None
        if self._count:
            self.report()
            self._timer = asyncio.get_running_loop().call_later(_EVERY_S, self._timer_ended)
