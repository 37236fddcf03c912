"""How long something lasts, in words."""

from __future__ import annotations

from datetime import timedelta

from bot.language import trn


def in_words(duration: timedelta) -> str:
    """``90 minutes`` rather than ``1.5 hours``: in the largest unit that leaves nothing over."""
    seconds = int(duration.total_seconds())
    if seconds and seconds % 86_400 == 0:
        return trn("{count} day", "{count} days", seconds // 86_400)
    if seconds and seconds % 3_600 == 0:
        return trn("{count} hour", "{count} hours", seconds // 3_600)
    if seconds and seconds % 60 == 0:
        return trn("{count} minute", "{count} minutes", seconds // 60)
    return trn("{count} second", "{count} seconds", seconds)
