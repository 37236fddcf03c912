"""One round of the worker: texts → answers, a batch at a time.

Runs on the worker thread. Long texts are read a few windows a round, so that others do not wait for
the whole of them, and take turns as in the queue. A text that the model fails on costs its
neighbours nothing but time: what fails in company is tried again alone.
"""

from __future__ import annotations

import itertools
import logging
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeVar

from bot.errors import ScoringError
from bot.labels import Scores
from bot.screening.model import Model, Prepared, batches
from bot.screening.observing import How, Observer
from bot.screening.recent import Recent
from bot.screening.waiting import Job, Priority

log = logging.getLogger(__name__)

CHARS_PER_TOKEN = 4  # of English chat, roughly
# Padded tokens of a long text that are read in one round: about ten milliseconds.
_SLICE_TOKENS = 256
# How many of them share a round's slice.
_LONG_PER_SLICE = 4
# Every so many rounds the one that came first is read on, so that none is passed over for ever.
_FIRST_COMER_EVERY = 8

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a job, and whether the network was asked for it."""

    job: Job
    result: Scores | ScoringError
    how: How


@dataclass(slots=True)
class _Group:
    """Jobs that are one and the same to the network: they differ in case, or in what is unseen.

    Attributes
    ----------
    read
        How many of the windows the network has read.
    scores
        The highest over those.
    """

    prepared: Prepared
    key: bytes
    jobs: list[Job]
    read: int = 0
    scores: Scores | None = None

    @property
    def wanted(self) -> bool:
        return any(job.wanted for job in self.jobs)

    @property
    def places(self) -> set[tuple[int, Priority]]:
        """The servers that wait for it, each with its class."""
        # a copy in one step, because the event loop lets callers in and out meanwhile
        return {place for job in self.jobs for place in tuple(job.tickets)}


class Rounds:
    """The worker's way of scoring what it took.

    Parameters
    ----------
    recent
        Remembers scores by token windows; used by the worker only.

    Attributes
    ----------
    spent
        What the latest round dealt with, as `waiting.cost` counts: what was known already too.
    """

    def __init__(
        self,
        model: Model,
        batch_tokens: int,
        recent: Recent,
        observer: Observer,
        clock: Callable[[], float],
    ) -> None:
        self._model = model
        # a model that may not be batched answers each text as soon as it is scored
        self._batch_tokens = batch_tokens if model.batched else 0
        self._slice = max(1, min(_SLICE_TOKENS, batch_tokens // 2))
        self._long: list[_Group] = []
        self._numbers = itertools.count(1)
        self.spent = 0.0
        self._recent = recent
        self._observer = observer
        self._clock = clock

    @property
    def unfinished(self) -> list[Job]:
        """The jobs of long texts that have been read in part."""
        return [job for group in self._long for job in group.jobs]

    def forget_unfinished(self) -> None:
        """Leave long texts to whoever asks for them again."""
        self._long.clear()

    def work(self, jobs: Sequence[Job]) -> Iterator[list[Answer]]:
        """Score jobs, and read on in long texts; what nobody waits for any more is left out.

        Yields
        ------
        list of Answer
            At least one, as soon as they are known. Each job that is still wanted gets one, in this
            round or, while it is `unfinished`, in a later one.
        """
        known, groups = self._prepare([job for job in jobs if job.wanted])
        self.spent = float(sum(answer.job.cost for answer in known))
        if known:
            yield known
        short = []
        for group in groups:
            if group.prepared.padded > self._slice and len(group.prepared.windows) > 1:
                self._long.append(group)
            else:
                short.append(group)
        for batch in batches([each.prepared.padded for each in short], self._batch_tokens):
            # some callers may have gone away while earlier batches ran
            if wanted := [short[at] for at in batch if short[at].wanted]:
                yield self._score(wanted)
        for group in self._to_read_on():
            if answers := self._read_on(group):
                yield answers

    def _prepare(self, jobs: Sequence[Job]) -> tuple[list[Answer], list[_Group]]:
        """What can be answered without the network, and what is new to it."""
        start = self._clock()
        prepared = _each([job.text for job in jobs], self._model.prepare)
        self._observer.prepared(len(jobs), self._clock() - start)
        known: list[Answer] = []
        new: list[_Group] = []
        groups = {group.prepared.windows: group for group in self._long}
        for job, found in zip(jobs, prepared, strict=True):
            if isinstance(found, ScoringError):
                known.append(Answer(job, found, "scored"))
            elif (group := groups.get(found.windows)) is not None:
                group.jobs.append(job)
            else:
                key = self._recent.key(*(array("Q", window).tobytes() for window in found.windows))
                if (scores := self._recent.get(key)) is not None:
                    known.append(Answer(job, scores, "cache"))
                else:
                    groups[found.windows] = group = _Group(found, key, [job])
                    new.append(group)
        return known, new

    def _to_read_on(self) -> list[_Group]:
        """The long texts that are read on in this round; what nobody wants any more is dropped.

        One slice a round, and more only lest they pile up. Checks go before live messages before
        bulk work, and inside a class the servers take turns.
        """
        ahead: Counter[tuple[int, Priority]] = Counter()
        turns: list[tuple[tuple[int, int], _Group]] = []
        for group in self._long:
            if places := group.places:
                turn = min((priority, ahead[server_id, priority]) for server_id, priority in places)
                turns.append((turn, group))
                ahead.update(places)
        self._long = [group for _, group in turns]
        if turns and next(self._numbers) % _FIRST_COMER_EVERY == 0:
            turns[0] = ((-1, 0), turns[0][1])
        turns.sort(key=itemgetter(0))  # those with the same turn stay as they came
        return [group for _, group in turns[: 1 + len(turns) // _LONG_PER_SLICE]]

    def _read_on(self, group: _Group) -> list[Answer]:
        """Read the next windows of a long text; what became of it if they are the last."""
        windows = group.prepared.windows
        end = group.read + 1
        while end < len(windows) and Prepared(windows[group.read : end + 1]).padded <= self._slice:
            end += 1
        (result,) = _each([Prepared(windows[group.read : end])], self._ask)
        self.spent += sum(job.cost for job in group.jobs) * (end - group.read) / len(windows)
        if not isinstance(result, ScoringError):
            group.read = end
            group.scores = result if group.scores is None else group.scores.highest(result)
            if end < len(windows):
                return []
            result = group.scores
        self._long.remove(group)
        return self._answers(group, result)

    def _score(self, groups: Sequence[_Group]) -> list[Answer]:
        self.spent += sum(job.cost for group in groups for job in group.jobs)
        results = _each([group.prepared for group in groups], self._ask)
        return [
            answer
            for group, result in zip(groups, results, strict=True)
            for answer in self._answers(group, result)
        ]

    def _answers(self, group: _Group, result: Scores | ScoringError) -> list[Answer]:
        if not isinstance(result, ScoringError):
            self._recent.put(group.key, result)
        answers: list[Answer] = []
        how: How = "scored"
        for job in group.jobs:
            answers.append(Answer(job, result, how))
            how = "joined"
        return answers

    def _ask(self, prepared: Sequence[Prepared]) -> list[Scores]:
        start = self._clock()
        scores = self._model.score_prepared(prepared, self._batch_tokens)
        inference_s = self._clock() - start
        lengths = [len(window) for each in prepared for window in each.windows]
        padded = sum(
            max(lengths[at] for at in batch) * len(batch)
            for batch in self._model.cut(lengths, self._batch_tokens)
        )
        self._observer.batch(len(lengths), sum(lengths), padded, inference_s)
        return scores


def _each(
    items: Sequence[_In], work: Callable[[Sequence[_In]], Sequence[_Out]]
) -> list[_Out | ScoringError]:
    """Work on all items together; if that fails, on each alone, and say which failed."""
    if not items:
        return []
    try:
        return [*work(items)]
    except BaseException as error:  # whatever a model raises is one text's fault
        if len(items) > 1:
            return [found for item in items for found in _each([item], work)]
        # Only the kind of error is said: its message may quote the text.
        kind = type(error).__name__
        log.warning("A text could not be scored (%s).", kind)
        if isinstance(error, ScoringError):
            return [error]
        return [ScoringError(f"The model failed on this text ({kind}).")]
