"""Words written without the spaces between them: ``youareallidiots``.

Two words make one too often (``cock`` and ``burn``), so it takes three, or two three times over,
but in a text that is written so throughout.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.screening.misspelt import known
from bot.screening.symbols import AROUND
from bot.screening.vocabulary import common_words, is_common, segmented

_WORDS_IN_SENTENCE, _LETTERS_IN_SENTENCE = 3, 12
_COST_IN_SENTENCE = 2.1  # for each letter; names and words of other languages come dearer
# No word is as long as this, so some of the words in it may be unknown.
_NO_WORD, _KNOWN_WORDS, _KNOWN_LETTERS = 24, 4, 0.75
_REPEATED = re.compile(r"(.{3,20}?)\1{2,}")


def run_together(letters: str) -> list[str] | None:
    """The common words that were written without the spaces between them; None if they were not.

    Parameters
    ----------
    letters : str
        Small ASCII letters.
    """
    if len(letters) < _LETTERS_IN_SENTENCE:
        return None
    if repeated := _REPEATED.fullmatch(letters):
        words = segmented(repeated[1])
        if len({*words}) > 1 and all(len(word) > 1 and is_common(word) for word in words):
            return words * (len(letters) // len(repeated[1]))
    words = segmented(letters)
    if len(words) < _WORDS_IN_SENTENCE:
        return None
    common = _likely(words, _COST_IN_SENTENCE)
    length = sum(map(len, common))
    much = len(common) >= _KNOWN_WORDS and length >= _KNOWN_LETTERS * len(letters)
    return words if length == len(letters) or (much and len(letters) >= _NO_WORD) else None


def _likely(words: Sequence[str], cost_of_letter: float) -> list[str]:
    """The common ones of some words; none if together they are dearer than so much a letter."""
    costs = common_words()
    common = [word for word in words if word in costs]
    dear = sum(costs[word] for word in common) > cost_of_letter * sum(map(len, common))
    return [] if dear else common


# --- a text that is written so throughout ---

_MUCH = 0.4  # of a text's letters in sentences without spaces, so that its other words are suspects
_SHORTEST = 5  # letters of two words
_LOOSE_COST = 2.5  # for each letter
_OF_ONE_LETTER = frozenset("ai")
_LETTERS = re.compile("[A-Za-z]+")
# Not in names ("d'souza", "o'malley").
_SHORT_FORM = re.compile(
    r"(?:(?<=[a-z]{2}['’])|(?<=\bi['’]))(re|ve|ll|[dmst])(?=[a-z]{2})", re.IGNORECASE
)


def parted(written: Sequence[str], read: Sequence[str]) -> list[str]:
    """Words of a text, those too that are only two words without a space: ``youare``.

    Parameters
    ----------
    written
        The words of a text, with whatever punctuation is written to them.
    read
        How each of them was read, as many; with spaces in it where it was a sentence.

    Returns
    -------
    list of str
        As many. What was read so far, unless much of the text is such sentences.
    """
    sentences = sum(
        len(word)
        for word, now in zip(written, read, strict=True)
        if " " in now and "#" not in word  # a hashtag has to be written so
    )
    if sentences < _MUCH * sum(map(len, written)):
        return list(read)
    return [
        _parted(word) if now == word and not known(word.strip(AROUND).lower()) else now
        for word, now in zip(written, read, strict=True)
    ]


def _parted(word: str) -> str:
    return _LETTERS.sub(_loosely_parted, _SHORT_FORM.sub(r"\1 ", word))


def _loosely_parted(match: re.Match[str]) -> str:
    letters = match[0].lower()
    if len(letters) < _SHORTEST or known(letters):
        return match[0]
    words = segmented(letters)
    length = sum(map(len, _likely(words, _LOOSE_COST)))
    odd = any(len(word) == 1 and word not in _OF_ONE_LETTER for word in words)
    return match[0] if odd or length < _KNOWN_LETTERS * len(letters) else " ".join(words)
