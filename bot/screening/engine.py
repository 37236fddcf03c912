"""Many callers, one model: texts wait in a fair, bounded queue for the lanes that score them.

The event loop puts texts into the queue and hands answers out; normalising, tokenising and the
network run on the lanes, a thread each. A batch is whatever waits when a lane is free, so a lone
message is a batch of one and never waits for company; under load it is as much as fits into a short
time.

Nothing is scored twice that need not be: a text that is in flight is scored once for all who ask
for it, what was scored lately is remembered without its text, and texts that look alike to the
network share its answer.

Whoever awaits `Engine.score` gets scores, an error or its own cancellation, whatever the model
raises, a lane dies of or comes with it in its batch. A network that never returns keeps its callers
until `Engine.close` answers them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from bot.errors import EngineClosed, Overloaded, ScoringError
from bot.labels import Scores
from bot.screening.desk import Answer, Desk, Reader
from bot.screening.lanes import step_back
from bot.screening.model import BATCH_TOKENS, Model
from bot.screening.observing import Counts, Figures, How, Observer
from bot.screening.outbox import Outbox
from bot.screening.recent import Recent
from bot.screening.room import Limits, Room
from bot.screening.waiting import Job, Priority, Ticket, Waiting

__all__ = ["Engine", "Figures", "How", "Limits", "Observer", "Priority"]

log = logging.getLogger(__name__)

DEFAULT_LIMITS = Limits()
ROUND_S = 0.015
_STOP_S = 1.0  # how long idle or finishing lanes get to end by themselves
_RESTART_S = 1.0
# Answers that are remembered come without a pause; a caller that asks for many gives way at times.
_HITS_IN_A_ROW = 32


class Engine:
    """Scores texts for any number of concurrent callers.

    Parameters
    ----------
    model
        Used by the lanes only, but for its ``version`` and ``presets``.
    limits
        How much may wait; what the lanes have in hand counts too.
    cache_entries
        How many texts' scores are remembered; 0 turns it off.
    batch_tokens
        Tokens that the network gets at a time, and padding by what it costs.
    observer
        Told of everything that happens.
    weights
        By server id: how much of the lanes it gets against the others; 1 where none is given.
    round_s
        Seconds that a batch should take: about what a text waits at most for the one before it,
        once its turn has come.
    clock
        Seconds from any start.
    """

    def __init__(
        self,
        model: Model,
        *,
        limits: Limits = DEFAULT_LIMITS,
        cache_entries: int = 10_000,
        batch_tokens: int = BATCH_TOKENS,
        observer: Observer | None = None,
        weights: Mapping[int, float] | None = None,
        round_s: float = ROUND_S,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.model = model
        self._clock = clock
        self._counts = Counts(observer)
        self._room = Room(limits)
        self._recent = Recent(cache_entries)
        self._hits = 0
        self._jobs: dict[str, Job] = {}  # in flight, by their texts
        self._waiting = Waiting(weights)
        self._desk = Desk(
            model,
            self._waiting,
            Recent(cache_entries),
            self._counts,
            clock,
            batch_tokens=batch_tokens,
            round_s=round_s,
        )
        self._lanes = 0  # that were started and did not end
        self._loop: asyncio.AbstractEventLoop | None = None
        self._outbox: Outbox | None = None
        self._stopped = asyncio.Event()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many callers were accepted and are not answered yet."""
        return self._room.callers

    def figures(self) -> Figures:
        """The engine in numbers, now and since it was made."""
        counts = self._counts
        return Figures(
            scored=counts.by_how["scored"],
            answered_from_cache=counts.by_how["cache"],
            joined_in_flight=counts.by_how["joined"],
            refused=counts.refusals,
            failed=counts.failures,
            worker_restarts=counts.restarts,
            batches=counts.batches,
            waiting=self._room.callers,
            waiting_chars=self._room.chars,
            waiting_servers=self._room.servers,
            cache_entries=len(self._recent),
        )

    async def start(self) -> None:
        """Start the lanes. Once only, on the loop that will call `score`."""
        if self._loop is not None:
            raise RuntimeError("the engine was started already")
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._loop, self._counts)
        # A lane tokenises while another is in the network. The tokenizer's own threads would take
        # the processor from that one, and be waited for, for texts of a few words.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self._start_lane()
        with contextlib.suppress(RuntimeError):  # the machine has no more threads to give
            while self._lanes < self.model.lanes:
                self._start_lane()

    async def score(
        self, text: str, *, server_id: int = 0, priority: Priority = Priority.LIVE
    ) -> Scores:
        """Score one text; may be cancelled.

        Parameters
        ----------
        server_id
            Whose text it is: servers take turns, and each has its own bound. 0 for none.
        priority
            Who is served first.

        Raises
        ------
        Overloaded
            Too much waits already. Raised at once; the text was not accepted.
        EngineClosed
            The engine is closed, or was closed before the text's turn came.
        ScoringError
            The model failed on this text.
        """
        if self._closed:
            raise EngineClosed
        if self._loop is None:
            raise RuntimeError("the engine has not been started")
        key = self._recent.key(text.encode("utf-8", "surrogatepass"))
        if (known := self._recent.get(key)) is not None:
            self._counts.answered("cache")
            self._hits += 1
            if self._hits % _HITS_IN_A_ROW == 0:
                await asyncio.sleep(0)
            return known
        ticket = self._enter(text, key, server_id, priority)
        answer: asyncio.Future[Scores] = self._loop.create_future()
        ticket.callers[answer] = None
        try:
            return await answer
        finally:
            self._leave(ticket, answer)

    async def close(self, deadline_s: float = 5.0) -> None:
        """Accept nothing more, answer what was accepted, stop the lanes. May be called twice.

        Parameters
        ----------
        deadline_s
            How long that may take. Whoever still waits then gets `EngineClosed`.
        """
        self._closed = True
        self._waiting.close()
        callers = [
            caller
            for job in self._jobs.values()
            for ticket in job.tickets.values()
            for caller in ticket.callers
        ]
        try:
            if callers:
                await asyncio.wait(callers, timeout=deadline_s)
        finally:
            self._give_up()
        if self._loop is not None:
            try:
                async with asyncio.timeout(_STOP_S):
                    await self._stopped.wait()
            except TimeoutError:
                log.warning("A scoring lane is still busy; it is left behind.")

    # --- on the event loop ---

    def _enter(self, text: str, key: bytes, server_id: int, priority: Priority) -> Ticket:
        """A ticket to wait on: that of the server's earlier callers for the text, or a new one."""
        job = self._jobs.get(text)
        ticket = job.tickets.get((server_id, priority)) if job else None
        try:
            self._room.enter(server_id, 0 if ticket else len(text), priority)
        except Overloaded:
            self._counts.refused()
            raise
        if ticket is None:
            if job is None:
                job = self._jobs[text] = Job(text, key)
            ticket = Ticket(job, server_id, priority, self._clock())
            self._waiting.add(ticket)
        return ticket

    def _leave(self, ticket: Ticket, answer: asyncio.Future[Scores]) -> None:
        """Count a caller out; a job that nobody waits for any more is dropped."""
        self._room.leave(ticket.server_id)
        if answer.done() and not answer.cancelled():
            answer.exception()  # it may not have come to see it
        job = ticket.job
        if job.tickets.get((ticket.server_id, ticket.priority)) is not ticket:
            return  # answered
        del ticket.callers[answer]
        if not ticket.callers:
            self._waiting.drop(ticket)
            self._room.free(ticket.server_id, len(job.text))
            if not job.wanted:
                del self._jobs[job.text]

    def _settle(self, job: Job, result: Scores | ScoringError, how: How) -> None:
        """Put a job's answer on its way to all who wait for it."""
        assert self._outbox is not None
        if not job.wanted:
            return
        del self._jobs[job.text]
        for ticket in job.tickets.values():
            self._room.free(ticket.server_id, len(job.text))
            self._outbox.put(ticket, result, how)
            how = "joined"
        job.tickets.clear()

    def _deliver(self, answers: Sequence[Answer]) -> None:
        assert self._outbox is not None
        for answer in answers:
            if not isinstance(answer.result, ScoringError):
                self._recent.put(answer.job.key, answer.result)
            self._settle(answer.job, answer.result, answer.how)
        self._outbox.send()

    def _give_up(self) -> None:
        """Answer everybody at once: with what is known, or that there is no answer."""
        self._waiting.clear()
        if self._outbox is not None:
            self._outbox.flush()
        for job in list(self._jobs.values()):
            for ticket in job.tickets.values():
                self._room.free(ticket.server_id, len(job.text))
                for caller in ticket.callers:
                    if not caller.done():
                        caller.set_exception(EngineClosed())
            job.tickets.clear()
        self._jobs.clear()

    def _start_lane(self) -> None:
        # A daemon: a batch that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name="screening", daemon=True).start()
        self._lanes += 1

    def _restart_lane(self) -> None:
        assert self._loop is not None
        if self._closed and not self._jobs:  # nobody is left to be answered
            self._lane_stopped()
            return
        try:
            self._start_lane()
        except RuntimeError:  # the machine has no thread to give just now
            log.error("A scoring lane cannot be started; trying again in %g s.", _RESTART_S)
            self._loop.call_later(_RESTART_S, self._restart_lane)

    def _lane_stopped(self) -> None:
        if not self._lanes:
            self._stopped.set()

    def _lane_ended(self, error: BaseException | None, in_hand: Sequence[Job]) -> None:
        assert self._outbox is not None
        self._lanes -= 1
        if error is None:
            self._lane_stopped()
            return
        log.error("A scoring lane died (%s); starting another.", type(error).__name__)
        self._counts.worker_restarted()
        # What it had in hand is tried once more, each text alone: one of them may be the cause.
        for job in in_hand:
            if job.retried:
                died = ScoringError("The scoring worker died before the text was scored.")
                self._settle(job, died, "scored")
            elif job.wanted:
                job.retried = True
                self._desk.again.append(job)
        self._outbox.send()
        self._restart_lane()

    # --- on the lanes ---

    def _run(self) -> None:
        step_back()
        reader = Reader(self._desk)
        error: BaseException | None = None
        in_hand: Sequence[Job] = ()
        try:
            while reader.wait():
                for step in (reader.take, reader.read):
                    answers = step()
                    if answers:
                        self._tell(self._deliver, answers)
                    del answers  # no text is kept while the lane waits
        except BaseException as caught:
            error = caught
            in_hand = reader.bury()
        self._tell(self._lane_ended, error, in_hand)

    def _tell(self, callback: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:  # the loop is closed: nobody is left to tell
            log.debug("The event loop ended before the scoring lanes.")
