"""How a word comes to be misspelt, and what each slip costs: a letter left out, put in, mistaken.

Costs are negative logarithms of how likely a slip is, so that they add up with those of words.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

ALIKE = 3.0  # in sound
WITHOUT_VOWELS = 3.5
_LEFT_OUT_VOWEL, _LEFT_OUT = 3.0, 4.0
_DOUBLED, _SLIPPED, _PUT_IN = 3.0, 4.0, 6.0
_SWAPPED = 4.0
_OTHER_KEY, _OTHER_VOWEL, _OTHER_LETTER = 4.0, 4.0, 7.0

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_VOWELS = frozenset("aeiouy")
_WITHOUT = str.maketrans("", "", "aeiou")
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _neighbours() -> dict[str, frozenset[str]]:
    """Key → the keys around it; each row begins half a key to the right of the one above."""
    places = {key: (x + y / 2, y) for y, row in enumerate(_KEYS) for x, key in enumerate(row)}
    return {
        key: frozenset(
            other
            for other, (left, top) in places.items()
            if other != key and abs(left - x) <= 1 and abs(top - y) <= 1
        )
        for key, (x, y) in places.items()
    }


_NEAR = _neighbours()


def left_out(word: str) -> Iterator[str]:
    """The word with each letter but the first left out."""
    for at in range(1, len(word)):
        yield word[:at] + word[at + 1 :]


def bare_of(word: str) -> str:
    """The word without vowels but a first one."""
    return word[0] + word[1:].translate(_WITHOUT)


def one_slip_away(word: str, known: Container[str]) -> set[str]:
    """Known words of which this one is a slip: with the same first letter, and not itself."""
    candidates = {*left_out(word)}
    for at in range(1, len(word) + 1):
        before, after = word[:at], word[at + 1 :]
        candidates.update([before + letter + word[at:] for letter in _LETTERS])
        if at < len(word):
            candidates.update([before + letter + after for letter in _LETTERS])
        if after:
            candidates.add(before + after[0] + word[at] + after[1:])
    candidates.discard(word)
    return {candidate for candidate in candidates if candidate in known}


def slip_cost(written: str, meant: str) -> float:
    """What it costs to take a word for another that `one_slip_away` gives for it."""
    at = next(
        (at for at, (a, b) in enumerate(zip(written, meant, strict=False)) if a != b),
        min(len(written), len(meant)),
    )
    if len(written) < len(meant):
        letter = meant[at]
        return _LEFT_OUT_VOWEL if letter in _VOWELS or letter == meant[at - 1] else _LEFT_OUT
    if len(written) > len(meant):
        letter = written[at]
        beside = written[at - 1] + written[at + 1 : at + 2]
        if letter in beside:
            return _DOUBLED
        return _SLIPPED if not _NEAR[letter].isdisjoint(beside) else _PUT_IN
    if written[at + 1 :] != meant[at + 1 :]:
        return _SWAPPED
    if meant[at] in _NEAR[written[at]]:
        return _OTHER_KEY
    return _OTHER_VOWEL if {written[at], meant[at]} <= _VOWELS else _OTHER_LETTER
