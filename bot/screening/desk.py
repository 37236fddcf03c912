"""Where the lanes get their work: texts → batches of windows → answers.

Each lane is a thread that serves itself whenever it is free: it takes in what the queue has to
give, normalises and tokenises it, cuts one batch from all that is prepared, and reads that. So one
lane prepares while another is in the network, and a lone text is read where it was prepared. While
one prepares, another that is free reads what is prepared already; only if nothing is, it waits.

A text that the model fails on costs its neighbours nothing but time: what fails in company is tried
again alone.
"""

from __future__ import annotations

import threading
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bot.errors import ScoringError
from bot.labels import Scores
from bot.screening.model import Model, Prepared, Window
from bot.screening.observing import Complaints, How, Observer
from bot.screening.pace import Pace
from bot.screening.pool import Group, Piece, Pool
from bot.screening.recent import Recent
from bot.screening.waiting import Job, Waiting

CHARS_PER_TOKEN = 4  # of English chat, roughly
# Batches that are prepared ahead: among more texts there are more of one length.
_AHEAD = 16
# How much larger batches are while more waits than is prepared ahead.
_LARGER = 4
# Texts that are prepared at most before the queue's next has to wait for one of them to be read.
_MOST_PREPARED = 128

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a job, and whether the network was asked for it."""

    job: Job
    result: Scores | ScoringError
    how: How


class Desk:
    """What all lanes share: the queue, what is prepared, and what is known already.

    Parameters
    ----------
    recent
        Remembers scores by token windows; used by the lanes only.
    batch_tokens
        What the network gets at a time, see `batching.Cost.work`.
    round_s
        Seconds that a batch should take: on a slow machine it gets fewer tokens.

    Attributes
    ----------
    again
        Jobs that are to be read alone, one after the other: a lane died of one of them, perhaps.
    """

    def __init__(
        self,
        model: Model,
        waiting: Waiting,
        recent: Recent,
        observer: Observer,
        clock: Callable[[], float],
        *,
        batch_tokens: int,
        round_s: float,
    ) -> None:
        self.again: deque[Job] = deque()
        self.batch_tokens = batch_tokens
        self.model = model
        self.waiting = waiting
        self.observer = observer
        self.clock = clock
        self.complaints = Complaints(clock)
        self.pace = Pace(round_s, batch_tokens)
        self.pool = Pool(model)
        self.busy = 0  # lanes that have a batch
        self.prepares = False  # whether a lane has texts in hand that come to the pool
        self.preparing = threading.Lock()  # taken before the other one; of whoever prepares
        self.lock = threading.Lock()  # held while texts are put in and batches cut
        self._recent = recent
        self._groups: dict[tuple[Window, ...], Group] = {}  # prepared and not ended

    @property
    def idle(self) -> int:
        """Lanes that could do with a batch; one that prepares just now has its own coming."""
        return max(1, self.model.lanes - self.busy - self.prepares)

    # --- all of these are called with the lock ---

    @property
    def budget(self) -> int:
        """What the next batch may cost."""
        # Those in a backlog wait for many batches, not for one: fewer and larger ones end sooner.
        larger = _LARGER if len(self.waiting) else 1
        return min(self.batch_tokens, self.pace.budget * larger)

    def take(self) -> list[Job]:
        """The jobs whose turn it is to be prepared."""
        batch = self.pace.budget
        room = batch * _AHEAD - self.pool.tokens(most=batch)
        if room <= 0 and len(self.pool) >= _MOST_PREPARED:
            return []
        now = self.clock()
        taken = self.waiting.take(max(1, room) * CHARS_PER_TOKEN)
        for ticket in taken:
            self.observer.queue_wait(now - ticket.since, ticket.priority)
        return [ticket.job for ticket in taken if ticket.job.wanted]

    def add(
        self, jobs: Sequence[Job], prepared: Sequence[Prepared | ScoringError], pool: Pool
    ) -> list[Answer]:
        """Put jobs that were prepared into a pool; what is known of them without the network."""
        known: list[Answer] = []
        for job, found in zip(jobs, prepared, strict=True):
            if isinstance(found, ScoringError):
                known.append(Answer(job, found, "scored"))
                continue
            windows = found.windows
            group = self._groups.get(windows)
            if group is not None and pool is self.pool:
                group.jobs.append(job)
                continue
            key = self._recent.key(*(array("Q", window).tobytes() for window in windows))
            if (scores := self._recent.get(key)) is not None:
                known.append(Answer(job, scores, "cache"))
                continue
            long = sum(map(len, windows)) > self.pace.budget
            group = Group(windows, key, [job], long)
            pool.add(group)
            if pool is self.pool:
                self._groups[windows] = group
        return known

    def learn(self, piece: Piece, result: Scores | ScoringError) -> list[Answer]:
        """Take note of what was found out about a window; the answers if it was the last."""
        group, _ = piece
        if group.ended:
            return []
        if not isinstance(result, ScoringError):
            group.left -= 1
            group.scores = result if group.scores is None else group.scores.highest(result)
            if group.left:
                return []
            result = group.scores
            self._recent.put(group.key, result)
        self.end([group])
        first, *others = group.jobs
        joined: How = "joined"
        return [Answer(first, result, "scored"), *(Answer(job, result, joined) for job in others)]

    def end(self, groups: Iterable[Group]) -> None:
        """Forget groups that were answered, or that nobody waits for."""
        for group in groups:
            group.ended = True
            self.pool.remove(group)
            if self._groups.get(group.windows) is group:
                del self._groups[group.windows]

    # --- without it ---

    def prepare(self, jobs: Sequence[Job]) -> list[Prepared | ScoringError]:
        """Views, tokens and windows of each job's text; with `preparing`."""
        if not jobs:
            return []
        start = self.clock()
        prepared = self.each([job.text for job in jobs], self.model.prepare)
        with self.lock:
            self.observer.prepared(len(jobs), self.clock() - start)
        return prepared

    def each(
        self, items: Sequence[_In], work: Callable[[Sequence[_In]], Sequence[_Out]]
    ) -> list[_Out | ScoringError]:
        """Work on all items together; if that fails, on each alone, and say which failed."""
        if not items:
            return []
        try:
            return [*work(items)]
        except BaseException as error:  # whatever a model raises is one text's fault
            if len(items) > 1:
                return [found for item in items for found in self.each([item], work)]
            # Only the kind of error is said: its message may quote the text.
            kind = type(error).__name__
            self.complaints.text_failed(kind)
            if isinstance(error, ScoringError):
                return [error]
            return [ScoringError(f"The model failed on this text ({kind}).")]


class Reader:
    """One lane's way of working; used by one thread, which calls its methods in turns."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._own = Pool(desk.model)  # what is to be read alone
        self._jobs: list[Job] = []  # taken just now: they may be in no pool yet
        self._batch: list[Piece] = []
        self._among_others = False  # whether it has its hands in the pool of all

    def wait(self) -> bool:
        """Wait until there is something to do; False when there never will be again."""
        desk = self._desk
        return bool(self._own or desk.again or desk.pool) or desk.waiting.wait()

    def take(self) -> list[Answer]:
        """Prepare what the queue has to give and cut a batch; what is known without reading it."""
        desk = self._desk
        known: list[Answer] = []
        # Where something is prepared, it is read and not waited for another lane's next.
        if not self._own and desk.preparing.acquire(blocking=not desk.pool):
            try:
                known = self._prepare()
            finally:
                desk.preparing.release()
        self._cut(self._own or desk.pool)
        return known

    def read(self) -> list[Answer]:
        """Have the batch read, if there is one; the answers that this gave."""
        if not self._batch:
            return []
        desk = self._desk
        results = desk.each([window for _, window in self._batch], self._ask)
        with desk.lock:
            answers = [
                answer
                for piece, result in zip(self._batch, results, strict=True)
                for answer in desk.learn(piece, result)
            ]
            self._batch = []
            desk.busy -= 1
        return answers

    def bury(self) -> list[Job]:
        """Clear up after the lane has died; the jobs that it may have died of."""
        desk = self._desk
        with desk.lock:
            desk.busy -= bool(self._batch)
            groups = [group for group, _ in self._batch] + self._own.groups
            if self._among_others:
                groups += desk.pool.groups
            desk.end(groups)
            jobs = [*self._jobs, *(job for group in groups for job in group.jobs)]
            return list(dict.fromkeys(jobs))

    def _prepare(self) -> list[Answer]:
        desk = self._desk
        with desk.lock:
            if desk.again:  # one at a time: the next one may be the cause
                pool, self._jobs = self._own, [desk.again.popleft()]
            else:
                pool, self._jobs = desk.pool, desk.take()
            desk.prepares = bool(self._jobs)
        try:
            prepared = desk.prepare(self._jobs)
        finally:
            desk.prepares = False
        with desk.lock:
            self._among_others = pool is desk.pool
            known = desk.add(self._jobs, prepared, pool)
            self._among_others = False
        return known

    def _cut(self, pool: Pool) -> None:
        desk = self._desk
        with desk.lock:
            self._among_others = pool is desk.pool
            self._batch, dropped = pool.take(desk.budget, desk.idle)
            desk.end(dropped)
            desk.busy += bool(self._batch)
            self._jobs = []
            self._among_others = False
            if desk.pool and desk.busy < desk.model.lanes:
                desk.waiting.wake()

    def _ask(self, windows: Sequence[Window]) -> list[Scores]:
        desk = self._desk
        start = desk.clock()
        scores = desk.model.read(windows)
        inference_s = desk.clock() - start
        tokens, padded = sum(map(len, windows)), max(map(len, windows)) * len(windows)
        with desk.lock:
            desk.pace.ran(desk.model.cost.work(tokens, padded), inference_s)
            desk.observer.batch(len(windows), tokens, padded, inference_s)
        return scores
