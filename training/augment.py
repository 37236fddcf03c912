"""What people do to a word so that a filter misses it, done to a training text.

Each kind of evasion is a pure function of a text and a random state. Some kinds change characters
and spacing, of which the normaliser of the bot leaves little before the model reads (`UNDOABLE`).
Others change the spelling itself (`SPELLING`): the normaliser mends misspelt words, joins what was
split and cuts what was run together where a word that carries abuse is likely meant, and what it
leaves, a model has to have met. Those that surround the text (`PADDING`) are the model's alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum, auto
from random import Random
from typing import NamedTuple

from training.augment_tables import (
    ACCENTED,
    BRACKETS,
    CIRCLED,
    CYRILLIC,
    DIGITS,
    DIRECTIONS,
    EMOJI_WORDS,
    FILLERS,
    FULL_WIDTH,
    GREEK,
    HARMLESS,
    MATHEMATICAL,
    OTHER_SCRIPTS,
    RESPELLINGS,
    SQUARED,
    STACKED,
    SYMBOLS,
    VARIATIONS,
    ZERO_WIDTHS,
    Table,
)
from training.augment_words import (
    Change,
    alternating,
    apart,
    deleted,
    emoji_letters,
    emoji_word,
    inserted,
    joined,
    marked,
    masked,
    mistyped,
    ph_for_f,
    repeated,
    replaced,
    respelled,
    spaced_once,
    spoiled,
    sprinkled,
    swapped,
    swapped_u_and_v,
    translated,
    without_vowels,
)


class Kind(StrEnum):
    """One kind of evasion."""

    DIGITS_FOR_LETTERS = auto()
    SYMBOLS_FOR_LETTERS = auto()
    BRACKETS_AS_LETTERS = auto()
    PH_FOR_F = auto()
    U_FOR_V = auto()
    MASKING = auto()
    ALTERNATING_CASE = auto()
    LOOKALIKES = auto()
    FULL_WIDTH = auto()
    CIRCLED = auto()
    SQUARED = auto()
    MATHEMATICAL = auto()
    ACCENTS = auto()
    STACKED_ACCENTS = auto()
    ZERO_WIDTH = auto()
    SOFT_HYPHENS = auto()
    VARIATION_SELECTORS = auto()
    HANGUL_FILLER = auto()
    BIDI_MARKS = auto()
    SPACES_BETWEEN = auto()
    DOTS_BETWEEN = auto()
    UNDERSCORES_BETWEEN = auto()
    HYPHENS_BETWEEN = auto()
    ONE_SPACE_INSIDE = auto()
    WORDS_RUN_TOGETHER = auto()
    REPEATED_LETTERS = auto()
    DROPPED_VOWELS = auto()
    LETTER_DELETED = auto()
    LETTERS_SWAPPED = auto()
    LETTER_INSERTED = auto()
    LETTER_REPLACED = auto()
    PHONETIC_RESPELLING = auto()
    EMOJI_FOR_LETTER = auto()
    EMOJI_FOR_WORD = auto()
    SPOILER_BARS = auto()
    MARKDOWN = auto()
    PADDING_BEFORE = auto()
    PADDING_AFTER = auto()


SPELLING: frozenset[Kind] = frozenset(
    {
        Kind.MASKING,
        Kind.ONE_SPACE_INSIDE,
        Kind.WORDS_RUN_TOGETHER,
        Kind.DROPPED_VOWELS,
        Kind.LETTER_DELETED,
        Kind.LETTERS_SWAPPED,
        Kind.LETTER_INSERTED,
        Kind.LETTER_REPLACED,
        Kind.PHONETIC_RESPELLING,
        Kind.EMOJI_FOR_WORD,
    }
)
"""Changes of the spelling: `bot.screening.normalize` mends many of them, by what is likely, in the
second view of a text. A model is trained on the first one, and so meets most of them as they are.
"""

PADDING: frozenset[Kind] = frozenset({Kind.PADDING_BEFORE, Kind.PADDING_AFTER})
"""Harmless sentences around the text, which stays as it is."""

UNDOABLE: frozenset[Kind] = frozenset(Kind) - SPELLING - PADDING
"""Changes of characters, Unicode, spacing and markup: `bot.screening.normalize` undoes these."""


class _Way(NamedTuple):
    """How a kind changes a word, and which words it can change."""

    change: Change
    needs: re.Pattern[str]


def _way(change: Change, needs: str = "^.{3}") -> _Way:
    return _Way(change, re.compile(needs, re.IGNORECASE))


def _any_of(*tables: Table) -> str:
    return f"^(?=.{{3}}).*[{''.join(sorted({letter for table in tables for letter in table}))}]"


_WAYS: dict[Kind, _Way] = {
    Kind.DIGITS_FOR_LETTERS: _way(replaced([DIGITS], chance=0.6), _any_of(DIGITS)),
    Kind.SYMBOLS_FOR_LETTERS: _way(replaced([SYMBOLS], chance=0.6), _any_of(SYMBOLS)),
    Kind.BRACKETS_AS_LETTERS: _way(replaced([BRACKETS], chance=0.2), _any_of(BRACKETS)),
    Kind.PH_FOR_F: _way(ph_for_f, "^(?=.{3}).*f"),
    Kind.U_FOR_V: _way(swapped_u_and_v, "^(?=.{3}).*[uv]"),
    Kind.MASKING: _way(masked),
    Kind.ALTERNATING_CASE: _way(alternating),
    Kind.LOOKALIKES: _way(
        replaced([CYRILLIC, GREEK, OTHER_SCRIPTS], chance=0.6),
        _any_of(CYRILLIC, GREEK, OTHER_SCRIPTS),
    ),
    Kind.FULL_WIDTH: _way(translated(FULL_WIDTH)),
    Kind.CIRCLED: _way(translated(CIRCLED)),
    Kind.SQUARED: _way(translated(SQUARED)),
    Kind.MATHEMATICAL: _way(translated(MATHEMATICAL)),
    Kind.ACCENTS: _way(replaced([ACCENTED], chance=0.6), _any_of(ACCENTED)),
    Kind.STACKED_ACCENTS: _way(sprinkled(STACKED, chance=0.6, most=3)),
    Kind.ZERO_WIDTH: _way(sprinkled(ZERO_WIDTHS, chance=0.3)),
    Kind.SOFT_HYPHENS: _way(sprinkled("\u00ad", chance=0.3)),
    Kind.VARIATION_SELECTORS: _way(sprinkled(VARIATIONS, chance=0.3)),
    Kind.HANGUL_FILLER: _way(sprinkled(FILLERS, chance=0.2)),
    Kind.BIDI_MARKS: _way(sprinkled(DIRECTIONS, chance=0.3)),
    Kind.SPACES_BETWEEN: _way(apart(" ")),
    Kind.DOTS_BETWEEN: _way(apart(".")),
    Kind.UNDERSCORES_BETWEEN: _way(apart("_")),
    Kind.HYPHENS_BETWEEN: _way(apart("-")),
    Kind.ONE_SPACE_INSIDE: _way(spaced_once, "^.{4}"),
    Kind.WORDS_RUN_TOGETHER: _way(joined, "^.{2,} +$"),
    Kind.REPEATED_LETTERS: _way(repeated),
    Kind.DROPPED_VOWELS: _way(without_vowels, "^(?=.{4}).+[aeiou]"),
    Kind.LETTER_DELETED: _way(deleted, "^.{4}"),
    Kind.LETTERS_SWAPPED: _way(swapped, r"^(?=.{4}).+(.)(?!\1)."),
    Kind.LETTER_INSERTED: _way(inserted, "^.{4}"),
    Kind.LETTER_REPLACED: _way(mistyped, "^.{4}"),
    Kind.PHONETIC_RESPELLING: _way(
        respelled, f"^(?=.{{3}})(?:.*)(?:{'|'.join(rule.pattern for rule, _ in RESPELLINGS)})"
    ),
    Kind.EMOJI_FOR_LETTER: _way(emoji_letters),
    Kind.EMOJI_FOR_WORD: _way(emoji_word, f"^(?:{'|'.join(EMOJI_WORDS)})s?$"),
    Kind.SPOILER_BARS: _way(spoiled),
    Kind.MARKDOWN: _way(marked),
}

_LEFT_ALONE = (  # code, links, what Discord draws, names and addresses
    r"```.*?(?:```|\Z)|`[^`\n]*`|<[^<>\s]{1,100}>|</[^<>\n]{1,80}:\d{1,20}>|:\w{2,32}:|@\w+"
    r"|(?:[Hh]ttps?|HTTPS?|ftp)://\S+|(?<![\w.+-])[\w.+-]{1,60}@[\w.-]+"
    r"|(?<![\w-])(?:[\w-]{1,40}\.){1,3}(?:(?:com|org|net|edu|gov|io|gg|tv|uk|de)\b|[a-z]{2,6}/)\S*"
)
_A_WORD = r"(?<!\w)[A-Za-z]{2,}(?!\w|['’][A-Za-z])"
_WORDS = re.compile(f"{_LEFT_ALONE}|(?P<word>{_A_WORD})", re.DOTALL)
_PAIRS = re.compile(
    rf"{_LEFT_ALONE}|(?P<word>{_A_WORD} )(?=(?P<next>[A-Za-z]{{2,}})(?!\w|['’][A-Za-z]|[.:@+-]\S))",
    re.DOTALL,
)


def evade(
    text: str,
    kind: Kind,
    random: Random,
    *,
    share: float = 1.0,
    words: Collection[str] | None = None,
) -> str:
    """Disguise words of a text in one way, or pad the text.

    Parameters
    ----------
    text : str
        Any string. Links, mentions, addresses and code in it are left alone.
    kind : Kind
        The way. Only words of ASCII letters that it can change are eligible: of three letters or
        more, of four where a letter goes, comes or moves.
    random : random.Random
        Its state alone decides what is chosen.
    share : float
        Part of the eligible words to change, in [0, 1]; at least one is changed.
    words : collection of str, optional
        Small letters; only these words are eligible, and only a text with one of them is padded. A
        set is fastest.

    Returns
    -------
    str
        The text as it was if no word is eligible; for `PADDING`, with sentences before or after it.

    Raises
    ------
    ValueError
        If `share` is outside [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; it must be between 0 and 1")
    places = _places(text, kind, words)
    if not places:
        return text
    if kind in PADDING:
        return _padded(text, random, before=kind is Kind.PADDING_BEFORE)
    if share < 1:
        count = max(1, round(share * len(places)))
        places = [places[n] for n in sorted(random.sample(range(len(places)), count))]
    change = _WAYS[kind].change
    pieces: list[str] = []
    end = 0
    for start, stop in places:
        pieces += (text[end:start], change(text[start:stop], random))
        end = stop
    return "".join((*pieces, text[end:]))


def _places(text: str, kind: Kind, words: Collection[str] | None) -> list[tuple[int, int]]:
    """Where the eligible words stand."""
    pairs = kind is Kind.WORDS_RUN_TOGETHER
    needs = None if kind in PADDING else _WAYS[kind].needs
    places: list[tuple[int, int]] = []
    for match in (_PAIRS if pairs else _WORDS).finditer(text):
        word = match["word"]
        if word is None or (needs is not None and not needs.search(word)):
            continue
        meant = (word.rstrip(), match["next"]) if pairs else (word,)
        if words is not None and not any(each.lower() in words for each in meant):
            continue
        places.append(match.span("word"))
    return places


def _padded(text: str, random: Random, *, before: bool) -> str:
    sentences = " ".join(random.sample(HARMLESS, random.choice((1, 1, 2, 3))))
    joint = random.choice((" ", " ", "\n"))
    return f"{sentences}{joint}{text}" if before else f"{text}{joint}{sentences}"


_HALF_UNDONE = frozenset(  # kinds of which the normaliser leaves a good part
    {
        Kind.DIGITS_FOR_LETTERS,
        Kind.SYMBOLS_FOR_LETTERS,
        Kind.BRACKETS_AS_LETTERS,
        Kind.PH_FOR_F,
        Kind.U_FOR_V,
        Kind.SPACES_BETWEEN,
        Kind.REPEATED_LETTERS,
        Kind.EMOJI_FOR_LETTER,
    }
)
_KINDS = tuple(Kind)
_WEIGHTS = tuple(  # 10 × 6, 8 × 3, 18 × 0.5 and 2 × 3 of 99
    6.0 if kind in SPELLING else 0.5 if kind in UNDOABLE - _HALF_UNDONE else 3.0 for kind in _KINDS
)
_TWO_KINDS = 0.15  # of the texts
_ONE_WORD = 0.3  # of the times
_TRIES = 4  # kinds tried until one finds an eligible word


def disguised(text: str, random: Random) -> str:
    """A text as somebody would write it to get past a filter, for training.

    One kind of evasion, now and then two; anything from one word to all of them. Changes of the
    spelling come most often, since of the others the normaliser undoes more before the model reads.

    Parameters
    ----------
    text : str
        Any string.
    random : random.Random
        Its state alone decides what is chosen.

    Returns
    -------
    str
        The text as it was if nothing in it can be disguised.
    """
    for _ in range(2 if random.random() < _TWO_KINDS else 1):
        for _ in range(_TRIES):
            kind = random.choices(_KINDS, _WEIGHTS)[0]
            share = 0.0 if random.random() < _ONE_WORD else random.random()
            changed = evade(text, kind, random, share=share)
            if changed != text:
                text = changed
                break
    return text
