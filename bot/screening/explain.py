"""Finds the words that drove a score, by leaving the others out and scoring again.

Pure but for the scoring: no Discord, no clock. Words are taken out from outside to inside, so what
is found is one run of words that reads as it was written, and that scores high by itself.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.labels import Label, Scores
from bot.screening.apart import spelled_apart

MOST_SCORED = 24
"""How many shortened texts are scored at most for one explanation."""

# What counts as a word: a run without spaces. Long runs (languages without spaces, links) are cut.
_WORD = re.compile(r"\S{1,24}")
# How much of the whole text's score a part must reach by itself to stand for it.
_SHARE = 0.8
# What stands around words without belonging to them.
_OPENING = "\"'“”‘’«»([{¡¿"
_CLOSING = "\"'“”‘’«»)]},.;:!?…"

Score = Callable[[str], Awaitable[Scores]]


@dataclass(frozen=True, slots=True)
class Phrase:
    """The words of a text that drove a label's score.

    Attributes
    ----------
    start, end
        Where they stand: ``text[start:end]``.
    label
        Whose score it is about.
    alone
        The score of these words by themselves.
    without
        The score of the text without them; None if that was not tried.
    """

    start: int
    end: int
    label: Label
    alone: float
    without: float | None = None


async def driving_phrase(
    text: str,
    scores: Scores,
    label: Label,
    threshold: float,
    score: Score,
    *,
    most: int = MOST_SCORED,
) -> Phrase | None:
    """The shortest run of words found that holds a label's score up by itself.

    First the text is halved for as long as one half suffices, the stronger one; then words are left
    out at the beginning and at the end, by bisection. A part suffices if it reaches the threshold
    and four fifths of the whole text's score.

    Parameters
    ----------
    scores
        The whole text's scores.
    threshold
        From which score on `label` flags.
    score
        Scores a shortened text. What it raises ends the search and reaches the caller.
    most
        How many shortened texts may be scored.

    Returns
    -------
    Phrase or None
        None if the text has no part that suffices: it is one word, or works only as a whole.
    """
    words = _words(text)
    search = _Search(text, words, label, max(threshold, _SHARE * scores[label]), score, most)
    best = await search.halve(0, len(words))
    best = await search.trim(*best)
    if best == (0, len(words)):
        return None
    start, end = _without_marks(text, words[best[0]][0], words[best[1] - 1][1])
    without = await search.without(start, end)
    return Phrase(start, end, label, search.reached[best], without)


def _words(text: str) -> list[tuple[int, int]]:
    """Where the words stand; one that is spelled apart is one, or only half of it may be marked."""
    within = {at for start, end in spelled_apart(text) for at in range(start + 1, end)}
    words: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        if words and words[-1][1] in within:
            words[-1] = words[-1][0], match.end()
        else:
            words.append(match.span())
    return words


def _without_marks(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the punctuation around the words, unless there is nothing else."""
    inner = text[start:end].rstrip(_CLOSING).rstrip()
    inner_start = end - len(text[start:end].lstrip(_OPENING).lstrip())
    return (inner_start, start + len(inner)) if inner_start < start + len(inner) else (start, end)


class _Search:
    """One search: what may still be scored, and what the parts tried so far have reached."""

    def __init__(
        self,
        text: str,
        words: list[tuple[int, int]],
        label: Label,
        bar: float,
        score: Score,
        most: int,
    ) -> None:
        self._text = text
        self._words = words
        self._label = label
        self._bar = bar
        self._score = score
        # One is kept for the text without the phrase.
        self._left = most - 1
        self.reached: dict[tuple[int, int], float] = {}

    async def halve(self, first: int, last: int) -> tuple[int, int]:
        """Go on into the stronger half, for as long as it suffices."""
        while last - first > 1 and self._left >= 2:
            middle = (first + last) // 2
            left = await self._try(first, middle)
            right = await self._try(middle, last)
            if max(left, right) < self._bar:
                break
            first, last = (first, middle) if left >= right else (middle, last)
        return first, last

    async def trim(self, first: int, last: int) -> tuple[int, int]:
        """Leave out as many words at the beginning, then at the end, as bisection finds."""
        low, high = first, last - 1  # the first word to stay: at least `low`, at most `high`
        while low < high and self._left > 0:
            middle = (low + high + 1) // 2
            if await self._suffices(middle, last):
                low = middle
            else:
                high = middle - 1
        first = low
        low, high = first + 1, last  # the end: at least `low`, at most `high`
        while low < high and self._left > 0:
            middle = (low + high) // 2
            if await self._suffices(first, middle):
                high = middle
            else:
                low = middle + 1
        return first, high

    async def without(self, start: int, end: int) -> float | None:
        rest = f"{self._text[:start].rstrip()} {self._text[end:].lstrip()}".strip()
        return (await self._score(rest))[self._label] if rest else None

    async def _suffices(self, first: int, last: int) -> bool:
        return await self._try(first, last) >= self._bar

    async def _try(self, first: int, last: int) -> float:
        known = self.reached.get((first, last))
        if known is None:
            self._left -= 1
            part = self._text[self._words[first][0] : self._words[last - 1][1]]
            known = self.reached[first, last] = (await self._score(part))[self._label]
        return known
