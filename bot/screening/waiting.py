"""The texts that wait for the lanes, and whose turn it is.

Checks before live messages before bulk work; inside a class the servers take turns; a server's own
texts go first come, first served. The one place that both the event loop and the worker thread
touch. Bounds are kept elsewhere (`room`).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from collections import OrderedDict
from collections.abc import Mapping
from enum import IntEnum

from bot.labels import Scores

# Every text costs its characters and this: its special tokens, and the work that does not depend on
# its length.
_COST_PER_TEXT = 16
# The part of the worker's effort that a class gets although a higher one has texts waiting.
_SHARE = 1 / 16
# Emptied lanes that are cleared away at a time, because the lock is held.
_STEPS = 500


class Priority(IntEnum):
    """Who waits for the answer; the lower number goes first."""

    CHECK = 0  # a moderator who asked for it
    LIVE = 1  # a message as it is posted
    BULK = 2  # catching up, previews, explanations


def cost(text: str) -> int:
    """What scoring a text costs, roughly in characters."""
    return len(text) + _COST_PER_TEXT


class Job:
    """One text to score, for whoever asked for it meanwhile.

    Attributes
    ----------
    key
        What its scores are remembered under.
    tickets
        Its places in the queue, by server and class. Empty once it is answered or nobody waits for
        it any more.
    taken
        Whether the worker has it: its tickets have left their lanes.
    retried
        Whether a worker died with it in hand.
    """

    __slots__ = ("cost", "key", "retried", "taken", "text", "tickets")

    def __init__(self, text: str, key: bytes) -> None:
        self.text = text
        self.key = key
        self.cost = cost(text)
        self.tickets: dict[tuple[int, Priority], Ticket] = {}
        self.taken = False
        self.retried = False

    @property
    def wanted(self) -> bool:
        """Whether anybody waits for it."""
        return bool(self.tickets)


class Ticket:
    """One server's place for a job in one class, and the callers it is for.

    A text that waits in two servers has a ticket in each one's lane, so that it never waits behind
    the other server's backlog. Whichever comes first answers both.

    Attributes
    ----------
    since
        The engine's clock when it was made, in seconds.
    callers
        In the order in which they came; a dict for its quick removal.
    """

    __slots__ = ("callers", "job", "priority", "server_id", "since")

    def __init__(self, job: Job, server_id: int, priority: Priority, since: float) -> None:
        self.job = job
        self.server_id = server_id
        self.priority = priority
        self.since = since
        self.callers: dict[asyncio.Future[Scores], None] = {}


class _Lane:
    """One server's tickets in one class."""

    __slots__ = ("server_id", "start", "tickets", "weight")

    def __init__(self, server_id: int, weight: float, start: float) -> None:
        self.server_id = server_id
        self.weight = weight
        self.start = start
        self.tickets: OrderedDict[Ticket, None] = OrderedDict()


class _Class:
    """The servers of one priority, taking turns: start-time fair queueing.

    A virtual clock shows how much each server was given so far. A lane's next text starts where its
    last one ended on that clock, or now if the lane is new; the earliest start goes first. So a
    server that has little waiting is next, however many others have a backlog and however long its
    text is, and those with a backlog get equal shares of the work, within one text each. A lane
    that was emptied is kept until the clock has reached its end: one long text after the other is
    no way around the others' turns. A step is O(log servers).
    (Goyal, Vin and Cheng, "Start-time fair queueing", SIGCOMM 1996.)
    """

    def __init__(self, weights: Mapping[int, float]) -> None:
        self._weights = weights
        self._lanes: dict[int, _Lane] = {}
        self._order: list[tuple[float, int, _Lane]] = []  # a heap with each lane once
        self._numbers = itertools.count()  # of two that start together the first comer is first
        self._now = 0.0
        self._count = 0
        # What is left of the share that it has although higher classes wait; below zero where it
        # was overdrawn.
        self.saved = 0.0

    def __len__(self) -> int:
        return self._count

    def add(self, ticket: Ticket) -> None:
        server_id = ticket.server_id
        lane = self._lanes.get(server_id)
        if lane is None:
            lane = _Lane(server_id, self._weights.get(server_id, 1.0), self._now)
            self._lanes[server_id] = lane
            heapq.heappush(self._order, (lane.start, next(self._numbers), lane))
        lane.tickets[ticket] = None
        self._count += 1

    def drop(self, ticket: Ticket) -> None:
        lane = self._lanes.get(ticket.server_id)
        if lane is None or ticket not in lane.tickets:
            return
        del lane.tickets[ticket]
        self._count -= 1
        if not self._count:
            self.clear()

    def first(self) -> Ticket | None:
        """Whose turn it is; the ticket stays where it is. None also if that takes too long."""
        for _ in range(min(_STEPS, len(self._order))):
            lane = self._order[0][2]
            if lane.tickets:
                return next(iter(lane.tickets))
            heapq.heappop(self._order)
            del self._lanes[lane.server_id]
        return None

    def serve(self, ticket: Ticket) -> None:
        """Take out the ticket that `first` gave."""
        lane = self._order[0][2]
        del lane.tickets[ticket]
        self._count -= 1
        if not self._count:
            self.clear()
            return
        self._now = lane.start
        lane.start += ticket.job.cost / lane.weight
        heapq.heapreplace(self._order, (lane.start, next(self._numbers), lane))

    def clear(self) -> None:
        """Forget all tickets, and who got more than the others: nobody waits to mind."""
        self._lanes.clear()
        self._order.clear()
        self._now = 0.0
        self._count = 0


class Waiting:
    """The queue.

    Its lock is held for about as many small steps as a round has texts, never while a text is
    worked on, so the event loop may take it.

    Parameters
    ----------
    weights
        By server: how much of the worker it gets against the others; 1 where none is given.
    """

    def __init__(self, weights: Mapping[int, float] | None = None) -> None:
        weights = dict(weights or {})
        for server_id, weight in weights.items():
            if not weight > 0:
                raise ValueError(f"Server {server_id} has weight {weight!r}; above 0 is needed")
        self._classes = {priority: _Class(weights) for priority in Priority}
        self._closed = False
        self._woken = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return sum(map(len, self._classes.values()))

    def add(self, ticket: Ticket) -> None:
        """Put a ticket at the end of its lane, unless the worker has its job already."""
        with self._changed:
            ticket.job.tickets[ticket.server_id, ticket.priority] = ticket
            if not ticket.job.taken:
                self._classes[ticket.priority].add(ticket)
                self._changed.notify()

    def drop(self, ticket: Ticket) -> None:
        """Forget a ticket that nobody waits on any more, wherever its job is."""
        with self._changed:
            del ticket.job.tickets[ticket.server_id, ticket.priority]
            self._classes[ticket.priority].drop(ticket)

    def wait(self) -> bool:
        """Wait until something waits, or for `wake`; False if nothing ever will again."""
        with self._changed:
            while not (len(self) or self._woken or self._closed):
                self._changed.wait()
            woken, self._woken = self._woken, False
            return woken or len(self) > 0

    def wake(self) -> None:
        """Let one more thread come out of `wait`, now or when it next gets there."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def take(self, budget: int) -> list[Ticket]:
        """What is to be worked on next, without waiting for more.

        Parameters
        ----------
        budget
            What it may cost together. One text is taken whatever it costs, and one more of each
            lower class whose share is due.

        Returns
        -------
        list of Ticket
            One for each job; the job's other tickets have left the queue too.
        """
        while True:
            with self._changed:
                if not len(self):
                    return []
                if taken := self._round(budget):
                    return taken

    def close(self) -> None:
        """Let `wait` end when nothing is left."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget everything that waits."""
        with self._changed:
            for each in self._classes.values():
                each.clear()

    def _round(self, budget: int) -> list[Ticket]:
        taken: list[Ticket] = []
        waiting = [each for each in self._classes.values() if each]
        spent = 0
        for each in waiting[1:]:
            if each.saved >= 0:
                used = self._serve(each, taken, each.saved, at_least=1)
                each.saved -= used
                spent += used
        for each in waiting:
            at_least = 1 if each is waiting[0] else 0
            spent += self._serve(each, taken, budget - spent, at_least)
        for each in self._classes.values():
            each.saved += spent * _SHARE
            if not each or each is waiting[0]:
                each.saved = min(each.saved, 0.0)  # nobody saves up for later
        return taken

    def _serve(self, served: _Class, taken: list[Ticket], budget: float, at_least: int) -> int:
        """Take from one class in turns, up to a cost; what it cost."""
        spent = count = 0
        while (ticket := served.first()) is not None:
            if count >= at_least and spent + ticket.job.cost > budget:
                break
            served.serve(ticket)
            taken.append(ticket)
            spent += ticket.job.cost
            count += 1
            self._answered_with(ticket)
        return spent

    def _answered_with(self, taken: Ticket) -> None:
        """The other tickets of a job that was taken leave their lanes."""
        taken.job.taken = True
        for other in taken.job.tickets.values():
            if other is not taken:
                self._classes[other.priority].drop(other)
