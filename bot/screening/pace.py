"""How much the network gets at a time, so that a batch stays short on any model and machine."""

from __future__ import annotations

# A batch weighs in the estimate with its share of this many batches' time.
_REMEMBERED = 8
# What the first batch may hold, before anything was measured: a few short messages.
_FIRST = 64


class Pace:
    """Turns a duration into a budget by what the last batches took.

    Large batches use the processor a little better; short ones let a text that comes in the middle
    of a flood be answered soon: it waits for the rest of one batch and for its own.

    Parameters
    ----------
    round_s
        Seconds that a batch should take.
    most
        The budget is never above this, however fast the batches are.
    """

    def __init__(self, round_s: float, most: int) -> None:
        if not round_s > 0:
            raise ValueError(f"round_s is {round_s!r}; more than 0 is needed")
        self._round_s = round_s
        self._most = max(1, most)
        self._per_s = 0.0

    @property
    def budget(self) -> int:
        """What the next batch may cost, in tokens; at least 1."""
        if not self._per_s:
            return min(self._most, _FIRST)
        return max(1, int(min(self._most, self._per_s * self._round_s)))

    def ran(self, tokens: float, seconds: float) -> None:
        """Take note of a batch: what it cost in tokens and how long it took."""
        if not seconds > 0:
            return
        weight = 1.0
        if self._per_s:
            weight = seconds / (seconds + _REMEMBERED * self._round_s)
        self._per_s += weight * (tokens / seconds - self._per_s)
