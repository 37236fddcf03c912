"""Which words are common, and how a row of letters without spaces falls into words.

The words lie in ``words.txt`` beside this module, the most frequent first; its first lines say
where they were counted. They are read when the first word is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from importlib import resources
from itertools import islice

_LONGEST = 20  # letters of a word in a row; longer ones are taken to be several
# A word that is not in the list costs as much as one that would come right after the last, and some
# more for each of its letters: so a name stays whole, and none is cut to save a common word in it.
_COST_OF_LETTER = 3.0
_SHORT, _COST_OF_SHORT = 4, 8.0  # no name is as short as what is left of one cut wrongly


@cache
def common_words() -> dict[str, float]:
    """Word in small letters → its cost: the less frequent, the higher.

    The cost is the negative logarithm of the frequency that Zipf's law gives to the word's rank.
    """
    text = resources.files("bot.screening").joinpath("words.txt").read_text(encoding="ascii")
    words = [line for line in text.splitlines() if not line.startswith("#")]
    scale = math.log(len(words))
    return {word: math.log((rank + 1) * scale) for rank, word in enumerate(words)}


def is_common(word: str) -> bool:
    """Whether a word in small letters is in the list."""
    return word in common_words()


def is_frequent(word: str, rank: int) -> bool:
    """Whether a word in small letters is among so many of the most frequent ones."""
    return common_words().get(word, math.inf) <= _cost_of_rank(rank)


@cache
def _cost_of_rank(rank: int) -> float:
    costs = common_words().values()
    return next(islice(costs, rank - 1, None))


def most_common(candidates: Iterable[str]) -> str | None:
    """The most frequent of some words in small letters; None if none is in the list."""
    costs = common_words()
    known = {candidate for candidate in candidates if candidate in costs}
    return min(known, key=costs.__getitem__, default=None)


def segmented(letters: str) -> list[str]:
    """Letters without spaces, cut into the words that most likely were meant.

    Viterbi's algorithm over single words, as in Norvig, "Natural Language Corpus Data" (2009). The
    work grows with the number of letters, not faster.

    Parameters
    ----------
    letters : str
        Small ASCII letters.

    Returns
    -------
    list of str
        Words that joined give the letters again. A part in which no words are found stays whole.

    Examples
    --------
    >>> segmented("youarestupid"), segmented("abcdefg")
    (['you', 'are', 'stupid'], ['abcdefg'])
    """
    costs = common_words()
    unlisted = math.log((len(costs) + 1) * math.log(len(costs)))
    best = [0.0]  # the least cost of the letters up to each place
    lengths = [0]  # of the last word of that way
    for end in range(1, len(letters) + 1):
        least, length_of_least = math.inf, 1
        for length in range(1, min(end, _LONGEST) + 1):
            start = end - length
            cost = costs.get(letters[start:end])
            if cost is None:
                cost = unlisted + _COST_OF_LETTER * length
                if length < _SHORT and length < len(letters):
                    cost += _COST_OF_SHORT
            cost += best[start]
            if cost < least:
                least, length_of_least = cost, length
        best.append(least)
        lengths.append(length_of_least)
    words: list[str] = []
    end = len(letters)
    while end:
        words.append(letters[end - lengths[end] : end])
        end -= lengths[end]
    return words[::-1]
