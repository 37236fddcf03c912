"""Texts that a person should look at before a model learns from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

SHORT = 5  # characters; what has fewer is hardly a sentence
REPEATED = 4  # from so many on, one character in a row is no word any more
MANY_WORDS = 30
FEW_DIFFERENT = 0.1  # distinct words over words, in a text that says one thing again and again
# "é" as "Ã©", a curly quote as "â€™"
GARBLED = re.compile("[ÃÂ][\u0080-\u00bf]|â€[\u0080-\u00bf\u2018-\u2122]")


def one_character(text: str) -> bool:
    """Whether the text is one character, case and white space aside, again and again."""
    bare = "".join(text.casefold().split())
    return len(bare) >= REPEATED and len(set(bare)) == 1


def few_words(text: str) -> bool:
    """Whether a long text repeats a few words over and over."""
    words = text.casefold().split()
    return len(words) >= MANY_WORDS and len(set(words)) <= FEW_DIFFERENT * len(words)


def short(text: str) -> bool:
    """Whether the text is too short to be a sentence."""
    return len(text.strip()) < SHORT


def replaced(text: str) -> bool:
    """Whether the text has replacement characters, which stand for bytes that were not UTF-8."""
    return "\ufffd" in text


def garbled(text: str) -> bool:
    """Whether the text looks like UTF-8 that was once read as Windows-1252."""
    return GARBLED.search(text) is not None


def mostly_not_ascii(text: str) -> bool:
    """Whether more than half of the letters are outside ASCII."""
    letters = [character for character in text if character.isalpha()]
    return sum(not letter.isascii() for letter in letters) * 2 > len(letters)


ODD: Mapping[str, Callable[[str], bool]] = {
    "one character, repeated": one_character,
    "a few words, over and over": few_words,
    f"fewer than {SHORT} characters": short,
    "a replacement character (\ufffd): bytes were lost before": replaced,
    "looks like UTF-8 that was read as Windows-1252 (Ã©, â€™)": garbled,
    "letters mostly outside ASCII: perhaps another language": mostly_not_ascii,
}
"""What is odd, in words → whether a text is."""
