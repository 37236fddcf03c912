"""Many callers, one model: texts wait in a bounded queue for the one worker thread.

The event loop puts texts into the queue and hands answers out; normalising, tokenising and the
network run on the worker. A batch is whatever waits when the worker is free, so a lone message is a
batch of one and never waits for company.

Whoever awaits `Engine.score` gets scores, an error or its own cancellation, whatever happens to the
model, to the worker or to its neighbours in the batch.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from bot.errors import EngineClosed, ScoringError
from bot.labels import Scores
from bot.screening.model import BATCH_TOKENS, Model, Prepared, batches
from bot.screening.waiting import Request, Waiting

log = logging.getLogger(__name__)

_CHARS_PER_TOKEN = 4  # of English chat, roughly: how much to take from the queue for one batch
_STOP_S = 1.0  # how long an idle or finishing worker gets to end by itself

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class Engine:
    """Scores texts for any number of concurrent callers.

    Parameters
    ----------
    model
        Used by the worker thread only, but for its ``version`` and ``presets``.
    max_waiting, max_waiting_chars
        How many texts may wait for the worker, and how many characters they may have together.
        What the worker has in hand comes on top: about one batch.
    batch_tokens
        Padded tokens, longest × count, that the network gets at a time.
    """

    def __init__(
        self,
        model: Model,
        *,
        max_waiting: int = 2000,
        max_waiting_chars: int = 2_000_000,
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        self.model = model
        self._waiting = Waiting(max_waiting, max_waiting_chars)
        # a model that may not be batched answers each text as soon as it is scored
        self._batch_tokens = batch_tokens if model.batched else 0
        self._round_chars = batch_tokens * _CHARS_PER_TOKEN
        self._unanswered: set[Request] = set()
        self._in_hand: Sequence[Request] = ()  # what the worker has taken and not finished
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many texts were accepted and are not answered yet."""
        return len(self._unanswered)

    async def start(self) -> None:
        """Start the worker. Once only, on the loop that will call `score`."""
        if self._loop is not None:
            raise RuntimeError("the engine was started already")
        self._loop = asyncio.get_running_loop()
        self._start_worker()

    async def score(self, text: str) -> Scores:
        """Score one text; may be cancelled.

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
        request = Request(text, self._loop.create_future())
        self._waiting.add(request)
        self._unanswered.add(request)
        try:
            return await request.answer
        finally:
            self._unanswered.discard(request)
            if request.answer.cancelled():
                self._waiting.drop(request)

    async def close(self, deadline_s: float = 5.0) -> None:
        """Accept nothing more, answer what was accepted, stop the worker. May be called twice.

        Parameters
        ----------
        deadline_s
            How long that may take. Whoever still waits then gets `EngineClosed`.
        """
        self._closed = True
        self._waiting.close()
        try:
            answers = [request.answer for request in self._unanswered]
            if answers:
                await asyncio.wait(answers, timeout=deadline_s)
        finally:
            self._waiting.clear()
            for request in self._unanswered:
                _answer(request, EngineClosed())
        if self._loop is not None:
            try:
                async with asyncio.timeout(_STOP_S):
                    await self._stopped.wait()
            except TimeoutError:
                log.warning("The scoring worker is still busy; it is left behind.")

    # --- on the event loop ---

    def _start_worker(self) -> None:
        # A daemon: a batch that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name="screening", daemon=True).start()

    def _deliver(self, answers: Sequence[tuple[Request, Scores | ScoringError]]) -> None:
        for request, result in answers:
            _answer(request, result)

    def _worker_ended(self, error: BaseException | None) -> None:
        if error is None:
            self._stopped.set()
            return
        log.error("The scoring worker died (%s); starting another.", type(error).__name__)
        for request in self._in_hand:
            _answer(request, ScoringError("The scoring worker died before the text was scored."))
        self._in_hand = ()
        self._start_worker()

    # --- on the worker thread ---

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            while taken := self._waiting.take(self._round_chars):
                self._in_hand = taken
                self._score(taken)
                self._in_hand = ()
        except BaseException as caught:
            error = caught
        self._tell(self._worker_ended, error)

    def _score(self, requests: Sequence[Request]) -> None:
        ready = self._each(
            [(request, request.text) for request in requests if not request.answer.done()],
            self.model.prepare,
        )
        sizes = [prepared.longest * len(prepared.windows) for _, prepared in ready]
        for batch in batches(sizes, self._batch_tokens):
            # some callers may have gone away while earlier batches ran
            members = [ready[at] for at in batch if not ready[at][0].answer.done()]
            scored = self._each(members, self._score_prepared)
            self._tell(self._deliver, scored)

    def _score_prepared(self, prepared: Sequence[Prepared]) -> list[Scores]:
        return self.model.score_prepared(prepared, self._batch_tokens)

    def _each(
        self,
        items: Sequence[tuple[Request, _In]],
        work: Callable[[Sequence[_In]], Sequence[_Out]],
    ) -> list[tuple[Request, _Out]]:
        """Work on all items together; if that fails, on each alone, and answer those that fail."""
        if not items:
            return []
        try:
            results = work([item for _, item in items])
            return [(request, out) for (request, _), out in zip(items, results, strict=True)]
        except BaseException as error:  # whatever a model raises is one text's fault
            if len(items) > 1:
                return [done for item in items for done in self._each([item], work)]
            # Only the kind of error is said: its message may quote the text.
            kind = type(error).__name__
            log.warning("A text could not be scored (%s).", kind)
            if isinstance(error, ScoringError):
                failure = error
            else:
                failure = ScoringError(f"The model failed on this text ({kind}).")
            self._tell(self._deliver, [(items[0][0], failure)])
            return []

    def _tell(self, callback: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:  # the loop is closed: nobody is left to tell
            log.debug("The event loop ended before the scoring worker.")


def _answer(request: Request, result: Scores | Exception) -> None:
    if request.answer.done():
        return
    if isinstance(result, Exception):
        request.answer.set_exception(result)
    else:
        request.answer.set_result(result)
