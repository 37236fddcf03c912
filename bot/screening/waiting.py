"""The texts that wait for the worker: bounded, first come, first served.

The one place that both the event loop and the worker thread touch. Which text comes next is decided
here and nowhere else.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass

from bot.errors import Overloaded
from bot.labels import Scores


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One caller's text, and where its answer goes."""

    text: str
    answer: asyncio.Future[Scores]


class Waiting:
    """A queue with bounds.

    Its lock is held for a few appends and pops at a time, never while a text is worked on, so the
    event loop may take it.

    Parameters
    ----------
    most, most_chars
        How many texts may wait, and how many characters they may have together.
    """

    def __init__(self, most: int, most_chars: int) -> None:
        self._most = most
        self._most_chars = most_chars
        self._requests: deque[Request] = deque()
        self._chars = 0
        self._closed = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def chars(self) -> int:
        """How many characters wait."""
        return self._chars

    def add(self, request: Request) -> None:
        """Put a request at the end.

        Raises
        ------
        Overloaded
            It would break a bound. Nothing was added.
        """
        with self._changed:
            chars = self._chars + len(request.text)
            if len(self._requests) >= self._most or chars > self._most_chars:
                raise Overloaded(len(self._requests))
            self._requests.append(request)
            self._chars = chars
            self._changed.notify()

    def take(self, most_chars: int) -> list[Request]:
        """What waits now, oldest first, without lingering for more.

        Blocks while nothing waits. Called by the worker only.

        Parameters
        ----------
        most_chars
            Take no more than this many characters, but at least one request.

        Returns
        -------
        list of Request
            Empty once `close` was called and nothing waits any more.
        """
        with self._changed:
            while not self._requests and not self._closed:
                self._changed.wait()
            taken: list[Request] = []
            chars = 0
            while self._requests:
                chars += len(self._requests[0].text)
                if taken and chars > most_chars:
                    break
                request = self._requests.popleft()
                self._chars -= len(request.text)
                taken.append(request)
            return taken

    def drop(self, request: Request) -> None:
        """Forget a request whose caller has gone away, if it still waits."""
        with self._changed:
            try:
                self._requests.remove(request)
            except ValueError:
                return
            self._chars -= len(request.text)

    def close(self) -> None:
        """Let `take` give out what is left, and then nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget everything that waits."""
        with self._changed:
            self._requests.clear()
            self._chars = 0
