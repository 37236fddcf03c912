"""Answers on their way to their callers, a few at a time.

Setting a future's result makes the loop run its caller in the next turn. Thousands of them at once
would be one long turn, in which no event is read, so each turn of the loop gets a slice. Slices are
fair as the queue is: checks first, then the servers in turns.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import chain, repeat

from bot.errors import ScoringError
from bot.labels import Scores
from bot.screening.observing import How, Observer
from bot.screening.waiting import Priority, Ticket

# Callers answered in one turn of the loop. Each may do some 100 µs of work before it waits again.
_SLICE = 32

_Parcel = Iterator[tuple[asyncio.Future[Scores], How]]


class Outbox:
    """Hands results to the callers of tickets. Used by the event loop only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, observer: Observer) -> None:
        self._loop = loop
        self._observer = observer
        self._checks: OrderedDict[int, deque[tuple[_Parcel, Scores | ScoringError]]] = OrderedDict()
        self._others: OrderedDict[int, deque[tuple[_Parcel, Scores | ScoringError]]] = OrderedDict()
        self._scheduled = False

    def put(self, ticket: Ticket, result: Scores | ScoringError, first: How) -> None:
        """Answer everybody who waits on a ticket.

        Parameters
        ----------
        first
            How the first of them is counted; the others joined.
        """
        joined: How = "joined"
        parcel = zip(tuple(ticket.callers), chain((first,), repeat(joined)), strict=False)
        ring = self._checks if ticket.priority is Priority.CHECK else self._others
        ring.setdefault(ticket.server_id, deque()).append((parcel, result))

    def send(self) -> None:
        """Answer a slice now and the rest in the loop's next turns."""
        if not self._scheduled:
            self._slice()

    def flush(self) -> None:
        """Answer all that is left at once."""
        while self._send_one():
            pass

    def _slice(self) -> None:
        self._scheduled = False
        for _ in range(_SLICE):
            if not self._send_one():
                return
        self._scheduled = True
        self._loop.call_soon(self._slice)

    def _send_one(self) -> bool:
        """Answer one caller; False if none is left."""
        while ring := self._checks or self._others:
            server_id, parcels = next(iter(ring.items()))
            parcel, result = parcels[0]
            for answer, how in parcel:
                if not answer.done():
                    ring.move_to_end(server_id)
                    self._answer(answer, result, how)
                    return True
            parcels.popleft()
            if not parcels:
                del ring[server_id]
        return False

    def _answer(
        self, answer: asyncio.Future[Scores], result: Scores | ScoringError, how: How
    ) -> None:
        if isinstance(result, ScoringError):
            # one of its own for each: an exception collects the tracebacks of all who raise it
            answer.set_exception(ScoringError(*result.args))
            self._observer.failed()
        else:
            answer.set_result(result)
            self._observer.answered(how)
