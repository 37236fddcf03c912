"""Undo what people do to a word so that a filter misses it.

One round of it: `normalize.views` repeats the round until nothing changes. Each step leaves alone
what honest texts do: sentences in other scripts, numbers, times and prices, words that would only
join across a space. Words that a step changed come out in lower case. Misspelt and masked words are
only mended where a strong word comes to light.
"""

from __future__ import annotations

import re

from bot.screening.apart import joined_letters
from bot.screening.lookalikes import cousin_of, form_of, is_letter, is_mark, twin_of
from bot.screening.misspelt import mended, unmasked
from bot.screening.respell import respelt
from bot.screening.spaces import spaces_closed
from bot.screening.symbols import AROUND
from bot.screening.together import parted
from bot.screening.vocabulary import common_words, is_common

_TELLING = 2  # words that are disguised


def deobfuscated(text: str) -> str:
    """One round of undoing, on text that is already free of markup.

    Parameters
    ----------
    text : str
        White space must be collapsed to single spaces.

    Returns
    -------
    str
        At most four times as long as the text.
    """
    if not text.isascii():
        text = joined_letters(_in_latin_letters(text))
    common = common_words()
    written = text.split(" ")
    words = [word if word in common else _read(word) for word in written]
    if words != written and _in_signs(written, words) >= _TELLING:
        words = [
            word if word in common or word.isalpha() else respelt(word, boldly=True)
            for word in words
        ]
    if words != written:
        words = parted(written, words)
    return " ".join(mended(spaces_closed(words)))


def _read(word: str) -> str:
    read = respelt(word)
    if ("$" in word or "@" in word) and not is_common(read.strip(AROUND)):
        return unmasked(word) or read
    return read


def _in_signs(written: list[str], words: list[str]) -> int:
    """How many words turned out to be common ones with digits or symbols for letters."""
    return sum(
        read != word and not word.strip(AROUND).isalpha() and is_common(read.strip(AROUND))
        for word, read in zip(written, words, strict=True)
    )


# --- letters that are not what they look like ---

_PIECE = re.compile(r"[^\s\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+")  # no ASCII punctuation
_ASCII_LETTERS = re.compile(r"[A-Za-z]+")
FIRST_INDICATOR, LAST_INDICATOR = "\U0001f1e6", "\U0001f1ff"


def _in_latin_letters(text: str) -> str:
    honest: dict[str, str] = {}  # words that are twins of Latin letters throughout
    foreign = 0  # letters in words that cannot be meant to be Latin

    def fold(match: re.Match[str]) -> str:
        nonlocal foreign
        piece = match[0]
        if piece.isascii():
            return piece
        forms, others = _forms(piece)
        latin = any(form is not None and form[:1].isalpha() for form in forms)
        if not others:
            written = _written(piece, forms) if latin else piece
            return piece if written == piece else written.lower()
        if latin:
            cousins = [form or cousin_of(c) for c, form in zip(piece, forms, strict=True)]
            if all(cousins[i] is not None for i in others):
                return _written(piece, cousins).lower()
        else:
            twins = [form or twin_of(c) for c, form in zip(piece, forms, strict=True)]
            if all(twins[i] is not None for i in others):
                honest[piece] = _written(piece, twins).lower()
                return piece
        foreign += len(others)
        return piece

    folded = _PIECE.sub(fold, text)
    if honest:
        latin_letters = sum(len(run) for run in _ASCII_LETTERS.findall(folded))
        if latin_letters > 2 * foreign and 2 * latin_letters >= sum(map(len, honest)):
            folded = _PIECE.sub(lambda match: honest.get(match[0], match[0]), folded)
    return folded


def _forms(piece: str) -> tuple[list[str | None], list[int]]:
    """Each character's Latin form, and where the letters stand that have none."""
    forms: list[str | None] = []
    others: list[int] = []
    for position, character in enumerate(piece):
        if is_mark(character):
            # an accent on a Latin letter goes; on another script's it belongs to the letter
            forms.append("" if position and forms[-1] is not None else None)
            continue
        forms.append(form_of(character))
        if forms[-1] is None and is_letter(character):
            others.append(position)
    return forms, others


def _written(piece: str, forms: list[str | None]) -> str:
    return "".join(c if form is None else form for c, form in zip(piece, forms, strict=True))


def letters_indicated(run: str) -> str:
    """Regional indicators as the letters that they are, in lower case."""
    return "".join(chr(ord(c) - ord(FIRST_INDICATOR) + ord("a")) for c in run)
