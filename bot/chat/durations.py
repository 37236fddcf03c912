"""How long something lasts, in words."""

from __future__ import annotations

from datetime import timedelta

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def in_words(duration: timedelta) -> str:
    """``90 minutes`` rather than ``1.5 hours``: in the largest unit that leaves nothing over."""
    seconds = int(duration.total_seconds())
    unit, size = next(
        (pair for pair in _UNITS if seconds >= pair[1] and seconds % pair[1] == 0), _UNITS[-1]
    )
    count = seconds // size
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
