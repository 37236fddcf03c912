"""What can be seen of the engine from outside: plain numbers, no text."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from bot.screening.waiting import Priority

log = logging.getLogger(__name__)

_QUIET_S = 60.0  # between two lines about texts that failed

How = Literal["scored", "cache", "joined"]


class Observer(Protocol):
    """Told of everything the engine does, as it happens.

    The methods are called on the event loop or on the worker thread and have to be cheap.
    """

    def queue_wait(self, seconds: float, priority: Priority) -> None:
        """A text was taken by the worker, so long after it came."""

    def prepared(self, texts: int, seconds: float) -> None:
        """Texts were normalised and tokenised together."""

    def batch(self, windows: int, tokens: int, padded_tokens: int, inference_s: float) -> None:
        """The network read a batch; ``padded_tokens`` are longest × count."""

    def answered(self, how: How) -> None:
        """A caller got scores: the network's, remembered ones, or those of a text in flight."""

    def refused(self) -> None:
        """A caller was refused because too much waits."""

    def failed(self) -> None:
        """A caller was told that the text could not be scored."""

    def worker_restarted(self) -> None:
        """The worker died and another was started."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The engine in numbers.

    Attributes
    ----------
    scored, answered_from_cache, joined_in_flight, refused, failed
        Callers since the start, by what became of them.
    worker_restarts, batches
        Since the start.
    waiting, waiting_chars, waiting_servers
        Now: callers accepted and not answered, the characters of their texts, their servers.
    cache_entries
        Now: texts whose scores are remembered.
    """

    scored: int
    answered_from_cache: int
    joined_in_flight: int
    refused: int
    failed: int
    worker_restarts: int
    batches: int
    waiting: int
    waiting_chars: int
    waiting_servers: int
    cache_entries: int


class Counts:
    """An observer that counts and passes on to another; an error of the other's goes no further."""

    def __init__(self, other: Observer | None) -> None:
        self._other = other
        self.by_how: dict[How, int] = {"scored": 0, "cache": 0, "joined": 0}
        self.refusals = 0
        self.failures = 0
        self.restarts = 0
        self.batches = 0

    def queue_wait(self, seconds: float, priority: Priority) -> None:
        self._pass_on(lambda other: other.queue_wait(seconds, priority))

    def prepared(self, texts: int, seconds: float) -> None:
        self._pass_on(lambda other: other.prepared(texts, seconds))

    def batch(self, windows: int, tokens: int, padded_tokens: int, inference_s: float) -> None:
        self.batches += 1
        self._pass_on(lambda other: other.batch(windows, tokens, padded_tokens, inference_s))

    def answered(self, how: How) -> None:
        self.by_how[how] += 1
        self._pass_on(lambda other: other.answered(how))

    def refused(self) -> None:
        self.refusals += 1
        self._pass_on(lambda other: other.refused())

    def failed(self) -> None:
        self.failures += 1
        self._pass_on(lambda other: other.failed())

    def worker_restarted(self) -> None:
        self.restarts += 1
        self._pass_on(lambda other: other.worker_restarted())

    def _pass_on(self, tell: Callable[[Observer], None]) -> None:
        other = self._other  # looked up once: the loop may put it away while the worker is here
        if other is None:
            return
        # An observer that is broken must not cost anybody an answer.
        try:
            tell(other)
        except Exception as error:
            self._other = None
            log.error(
                "The engine's observer failed (%s) and is told no more.", type(error).__name__
            )


class Complaints:
    """Tells the host's log of texts that failed, a line at most every so often.

    A model that fails on everything would fill the disk otherwise.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told_at: float | None = None
        self._untold = 0

    def text_failed(self, kind: str) -> None:
        """A text could not be scored.

        Parameters
        ----------
        kind
            The name of the error. What it says may quote the text.
        """
        self._untold += 1
        now = self._clock()
        if self._told_at is not None and now - self._told_at < _QUIET_S:
            return
        others = f", {self._untold} since the last such line" if self._untold > 1 else ""
        log.warning("A text could not be scored (%s%s).", kind, others)
        self._told_at = now
        self._untold = 0
