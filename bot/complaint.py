"""A trouble that lasts: the log hears of it at once, then less and less often, and of its end."""

from __future__ import annotations

import logging
import time

# Seconds until the log hears again: as long at first, then twice as long each time. A disk that is
# full may stay so for days.
AGAIN_S = 60.0
AGAIN_AT_MOST_S = 3600.0


class Complaint:
    """What the log is told of one kind of trouble.

    Parameters
    ----------
    log
        Whose log.
    trouble
        What is the matter: ``Counts of passed messages are not written yet``.
    over
        What is said when it works again: ``Counts of passed messages are written again``.
    """

    def __init__(self, log: logging.Logger, trouble: str, over: str) -> None:
        self._log = log
        self._trouble = trouble
        self._over = over
        self._pause_s: float | None = None
        self._again_at = 0.0

    def failed(self, why: object) -> None:
        """It did not work this time, either."""
        now = _now()
        if self._pause_s is None:
            self._pause_s = AGAIN_S
        elif now >= self._again_at:
            self._pause_s = min(2 * self._pause_s, AGAIN_AT_MOST_S)
        else:
            return
        self._again_at = now + self._pause_s
        self._log.warning("%s: %s", self._trouble, why)

    def worked(self) -> None:
        """It works."""
        if self._pause_s is not None:
            self._pause_s = None
            self._log.info("%s", self._over)


def _now() -> float:
    return time.monotonic()
