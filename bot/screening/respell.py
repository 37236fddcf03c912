"""One word that is written otherwise so that a filter misses it, as it is usually written.

A common word stays as it is. Of what is left, digits and symbols become letters, a letter many
times in a row comes once or twice, v and ph become the u and f that make a common word, and a
sentence without spaces falls into its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from bot.screening.symbols import AROUND, QUOTES, STOPS, in_letters, is_account
from bot.screening.together import run_together
from bot.screening.vocabulary import is_common, is_frequent, most_common

_ALTERNATING = re.compile(r"[a-z][A-Z][a-z][A-Z]|[A-Z][a-z][A-Z][a-z]|^[a-z][A-Z][a-z]$")
_RUN = re.compile(r"[A-Za-z]{3,}")


def respelt(word: str, *, boldly: bool = False) -> str:
    """A word as it is usually written; in small letters if anything was changed.

    Parameters
    ----------
    word : str
        Without white space, with whatever punctuation is written to it.
    boldly
        As of `symbols.in_letters`.

    Returns
    -------
    str
        No longer than the word, but for spaces between words that were run together.
    """
    if is_common(word):
        return word
    alternating = not word.islower() and _ALTERNATING.search(word) is not None
    bare = word.strip(AROUND)
    if is_common(bare.lower()):
        return word.lower() if alternating else word
    new = word
    if not word.strip(QUOTES + STOPS).replace("'", "").replace("’", "").isalpha():
        if is_account(word) and not boldly:
            return word
        new = in_letters(word, boldly=boldly)
    new = _RUN.sub(_run_respelt, new)
    return new.lower() if alternating or new != word else word


_THRICE = re.compile(r"([a-z])\1{2,}")
_V_FOR_U = re.compile(r"(?<=[bcdfghjklmnpqrstwxz])v(?=[bcdfghjklmnpqrstwxz])")
_PH_FOR_F = re.compile(r"^phu(?=[ckq])")
_U_AND_V = str.maketrans("uv", "vu")
_DOUBLED_START = re.compile(r"([bcdfghjkmnpqrstvwxz])\1[a-z]{2}")  # no word begins so
_LONG = 4  # letters; not "mvp", "dvd"
_FREQUENT = 1_000  # words that are read even so: "yov"


def _run_respelt(match: re.Match[str]) -> str:
    word = match[0].lower()
    if is_common(word):
        return match[0]
    new = word
    if len(set(word)) > 1 and _THRICE.search(word):  # not "www", "zzz"
        new = _THRICE.sub(_cut, word)
        if not is_common(new):
            new = most_common(_shortened(word)) or new
    if len(new) >= _LONG and ("v" in new or "u" in new or "ph" in new) and not is_common(new):
        other = most_common(_with_other_letters(new))
        new = other or _PH_FOR_F.sub("fu", _V_FOR_U.sub("u", new))
    elif "v" in new and not is_common(new):
        other = most_common(_with_other_letters(new))
        new = other if other and is_frequent(other, _FREQUENT) else new
    if _DOUBLED_START.match(new) and is_common(new[1:]):
        new = new[1:]
    words = run_together(new)
    if words is not None:
        new = " ".join(words)
    return match[0] if new == word else new


def _with_other_letters(word: str) -> Iterator[str]:
    for spelt in (word, word.replace("ph", "f")):
        yield spelt
        yield spelt.translate(_U_AND_V)
        yield spelt.replace("v", "u")
        yield spelt.replace("u", "v")


# --- a letter many times in a row ---

_MOST_RUNS = 4  # of which each may be meant as one letter or as two
_VOWELS = frozenset("aeiouy")


def _shortened(word: str) -> Iterator[str]:
    """The word with one or two letters for each three and more."""
    pieces = _THRICE.split(word)  # text, letter, text, letter, …
    letters = pieces[1::2]
    if len(letters) > _MOST_RUNS:
        return
    for counts in product((1, 2), repeat=len(letters)):
        for at, count in enumerate(counts):
            pieces[2 * at + 1] = letters[at] * count
        yield "".join(pieces)


_REST = 8  # letters looked ahead for a further vowel


def _cut(match: re.Match[str]) -> str:
    """Three and more of a letter become the one or two that a word would have there."""
    letter = match[1].lower()
    before = match.string[match.start() - 1 : match.start()].lower()
    after = match.string[match.end() : match.end() + 1].lower()
    rest = match.string[match.end() : match.end() + _REST].lower()
    at_end = not after.isalpha()
    if letter == "e":
        double = at_end or not _VOWELS.intersection(rest)
    elif letter == "o":
        double = not at_end and not _VOWELS.intersection(rest)
    elif letter in "ls":
        double = at_end or after in _VOWELS
    else:
        double = letter not in _VOWELS and after in _VOWELS and before in _VOWELS
    return letter * (2 if double and (at_end or after) else 1)
