"""Log lines: one line each, without tokens and without message text."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord

from bot.errors import HexwardError

log = logging.getLogger(__name__)

# Exceptions whose words are their own, not a quotation of what somebody wrote.
_SAFE_TO_QUOTE = (
    HexwardError,
    OSError,
    asyncio.TimeoutError,
    aiohttp.ClientError,
    discord.DiscordException,
)
# Libraries print whole payloads at DEBUG, which would put members' messages into the log; some say
# at INFO what only their own developers want to know.
_AT_LEAST = {
    "discord": logging.INFO,
    "asyncio": logging.INFO,
    "aiohttp": logging.WARNING,
    "aiosqlite": logging.WARNING,
    "alembic": logging.WARNING,
    "sqlalchemy": logging.WARNING,
}


def describe(error: BaseException) -> str:
    """An exception in one line: its type, where it was raised and, if that is safe, its words.

    The message of an unknown exception may quote the text that caused it, so it is left out.
    """
    parts = [type(error).__name__]
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        last = frames[-1]
        parts.append(f"at {'/'.join(last.filename.split('/')[-3:])}:{last.lineno}")
    if isinstance(error, _SAFE_TO_QUOTE) and str(error):
        parts.append(f"({' '.join(str(error).split())})")
    return " ".join(parts)


def log_stray_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """One line for an error nobody awaited; asyncio's own words would quote the exception's."""
    error = context.get("exception")
    what = describe(error) if isinstance(error, BaseException) else "no exception"
    log.error("%s: %s", context.get("message", "Unhandled error"), what)


class OneLineFormatter(logging.Formatter):
    """Time, level, logger, message; an exception becomes the end of the same line."""

    def __init__(self, secret: str | None = None) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")
        self._secret = secret

    def format(self, record: logging.LogRecord) -> str:
        line = " ".join(super().format(record).splitlines())
        return line.replace(self._secret, "[token]") if self._secret else line

    def formatException(self, ei: object) -> str:
        error = ei[1] if isinstance(ei, tuple) else None
        return describe(error) if isinstance(error, BaseException) else ""


class Fewer(logging.Filter):
    """Lets one line a minute of each kind through, with the number of those it held back.

    discord.py says at every 429 that it is being rate limited, which in a raid is many times a
    second. Lines are of one kind if they are filled into the same words.

    Parameters
    ----------
    every_s
        Seconds between two lines of a kind.
    clock
        Tells the time in seconds.
    """

    _MOST_KINDS = 64

    def __init__(self, every_s: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every_s = every_s
        self._clock = clock
        self._kinds: dict[str, _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now, words = self._clock(), str(record.msg)
        kind = self._kinds.get(words)
        if kind is not None and now - kind.said_at < self._every_s:
            kind.held_back += 1
            return False
        if kind is not None and kind.held_back:
            record.msg = f"{words} (and {kind.held_back} more such lines since the last one)"
        if kind is None and len(self._kinds) >= self._MOST_KINDS:
            self._kinds.pop(next(iter(self._kinds)))
        self._kinds[words] = _Kind(now)
        return True


@dataclass(slots=True)
class _Kind:
    said_at: float
    held_back: int = 0


def set_up_logging(level: int, secret: str | None = None) -> None:
    """Send everything to standard error, one line each.

    Parameters
    ----------
    level
        For Hexward's own loggers. Libraries that print payloads stay at INFO or above.
    secret
        The token; it is replaced wherever it would appear.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter(secret))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    crowded = logging.getLogger("discord.http")
    for known in [one for one in crowded.filters if isinstance(one, Fewer)]:
        crowded.removeFilter(known)
    crowded.addFilter(Fewer())
    for name, least in _AT_LEAST.items():
        logging.getLogger(name).setLevel(max(level, least))
