"""Words with a space in them: ``fuc k``, ``i diot``, ``t hat``.

One cut word is closed up where that is beyond doubt. In a text with more of them every word is a
suspect: then the text falls into the words that most likely were meant, cut or not.
"""

from __future__ import annotations

import math

from bot.screening.misspelt import strong_words
from bot.screening.symbols import AROUND, QUOTES, STOPS
from bot.screening.vocabulary import common_words, is_common, is_frequent

_SPLIT = 4  # letters of a word that a space may have cut
# capitals are grades and names, and some letters stand alone for a word or are left of a short form
_MAY_STAND_ALONE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ") | frozenset("adeimrstux")
_LEFT_OF_SHORT_FORM = frozenset("dmst")  # "it s hit": the apostrophe is what is missing
_OF_COMPOUNDS = frozenset("betux")  # "e mail", "u turn"
_FREQUENT = 300  # words that are read even so: "t hat"
_WORDS = frozenset("aiAI")  # of one letter

# Costs are negative logarithms, as those of the words.
_TELLING = 7.0  # how much likelier a word is than its halves, so that they tell of a cut
_CUT = 2.0
_UNKNOWN, _UNKNOWN_LETTER = 20.0, 12.0
_ONE_IN = 12  # words of a text that tell of a cut, so that it is looked at for more


def spaces_closed(words: list[str]) -> list[str]:
    """Words without the spaces that cut them; not ``push it``, of which both parts are words.

    Parameters
    ----------
    words
        Of a text, with whatever punctuation is written to them.
    """
    common = common_words()
    if common.keys() >= set(words):
        return words
    odd = [len(word) == 1 or not _known(word) for word in words]
    if True not in odd:
        return words
    cuts = sum(
        _tells(words[at - 2] if at > 1 else "", words[at - 1], words[at])
        for at in range(1, len(words))
        if odd[at - 1] or odd[at]
    )
    if cuts and (cuts > 1 or _ONE_IN * cuts >= len(words)):
        return _most_likely(words)
    closed: list[str] = []
    for word in words:
        joined = word
        while (
            closed
            and not (joined in common and closed[-1] in common)
            and (longer := _one_word(closed[-1], joined)) is not None
        ):
            joined = longer
            closed.pop()
        closed.append(joined)
    return closed


def _known(word: str) -> bool:
    common = common_words()
    return word in common or word.strip(AROUND).lower() in common


def _one_word(first: str, second: str) -> str | None:
    end = second.rstrip(STOPS)
    if not (first.isalpha() and end.isalpha()) or len(first) + len(end) < _SPLIT:
        return None
    before, after = first.lower(), end.lower()
    if not is_common(before + after) or (is_common(before) and is_common(after)):
        return None
    if first in _MAY_STAND_ALONE or end in _MAY_STAND_ALONE:
        # "s uck" and "cun t", but not "it s hit" or "lose r"
        if before + after not in strong_words() or first.isupper() != end.isupper():
            return None
        if is_common(before) or is_common(after):
            return None
    return before + after + second[len(end) :]


# --- a text that may be full of them ---


def _halves(first: str, second: str) -> tuple[str, str] | None:
    """Two words in small letters, if nothing stands between them but the space."""
    before, after = first.lstrip(QUOTES + "(").lower(), second.rstrip(AROUND).lower()
    if not (before.isalpha() and after.isalpha() and before.isascii() and after.isascii()):
        return None
    return (before, after) if len(before) + len(after) >= _SPLIT else None


def _tells(before: str, first: str, second: str) -> bool:
    """Whether the second and third of three words are so much likelier one that no doubt is left.

    The word before them is empty at the beginning of a text.
    """
    halves = _halves(first, second)
    if halves is None or (len(first) > 1 and all(map(is_common, halves))):
        return False
    joined = "".join(halves)
    if joined not in common_words() or not {first, halves[1]}.isdisjoint(_LEFT_OF_SHORT_FORM):
        return False
    if len(halves[1]) == 1 and second[0].isupper() != first.isupper():  # "the Y"
        return False
    if len(first) == 1 and is_common(halves[1]):
        inside = before != "" and before[-1] not in STOPS + QUOTES
        if first.isupper() and inside and not second.isupper():  # "vitamin C"
            return False
        if first in _OF_COMPOUNDS and not is_frequent(joined, _FREQUENT):
            return False
    return common_words()[joined] + _TELLING < sum(map(_cost, halves))


def _cost(word: str) -> float:
    """Of a word in small letters that stands alone."""
    if len(word) == 1:
        return 0.0 if word in _WORDS else _UNKNOWN_LETTER
    return common_words().get(word, _UNKNOWN)


def _most_likely(words: list[str]) -> list[str]:
    """Viterbi's algorithm over the words, each of which may go together with the next."""
    least = [0.0]
    lengths = [0]  # of the last step of the best way to each place
    joined = [""]
    for end in range(1, len(words) + 1):
        bare = words[end - 1].strip(AROUND).lower()
        least.append(least[-1] + (_cost(bare) if bare.isalpha() else 0.0))
        lengths.append(1)
        joined.append(words[end - 1])
        halves = _halves(words[end - 2], words[end - 1]) if end > 1 else None
        cost = common_words().get("".join(halves), math.inf) + _CUT if halves else math.inf
        if least[end - 2] + cost < least[end]:
            least[end] = least[end - 2] + cost
            lengths[end] = 2
            joined[end] = (words[end - 2] + words[end - 1]).lower()
    closed: list[str] = []
    end = len(words)
    while end:
        closed.append(joined[end])
        end -= lengths[end]
    return closed[::-1]
