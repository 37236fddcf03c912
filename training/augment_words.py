"""One word written otherwise so that a filter misses it.

Every change is a function of a word of ASCII letters and a random state. Most need a word of three
letters, those by which a letter goes, comes or moves one of four; `training.augment` sees to it
that a change meets only words that it can change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from random import Random

from training.augment_tables import (
    EMOJI_LETTERS,
    EMOJI_WORDS,
    INDICATORS,
    MARKS,
    MASKS,
    NEIGHBOURS,
    RESPELLINGS,
    Table,
)

Change = Callable[[str, Random], str]
"""A word and a random state → the word written otherwise."""

_F = re.compile("[fF]+")


def replaced(tables: Sequence[Table], *, chance: float) -> Change:
    """Write each letter that one of the tables knows otherwise, with a chance, at least one."""

    def change(word: str, random: Random) -> str:
        letters = list(word)
        lower = word.lower()
        known = [table for table in tables if any(letter in table for letter in lower)]
        table = random.choice(known)
        places = [place for place, letter in enumerate(lower) if letter in table]
        kept = random.choice(places)
        for place in places:
            if place == kept or random.random() < chance:
                letters[place] = random.choice(table[lower[place]])
        return "".join(letters)

    return change


def translated(alphabets: Sequence[dict[int, str]]) -> Change:
    """Write the whole word in one of the alphabets."""
    return lambda word, random: word.translate(random.choice(alphabets))


def sprinkled(characters: Sequence[str], *, chance: float, most: int = 1) -> Change:
    """Put characters behind letters, with a chance for each, at least behind one but the last."""

    def change(word: str, random: Random) -> str:
        chosen = random.randrange(len(word) - 1)
        last = len(word) - (most == 1)  # what has no width of its own would do nothing at the end
        return "".join(
            letter + "".join(random.choices(characters, k=random.randint(1, most)))
            if place == chosen or (place < last and random.random() < chance)
            else letter
            for place, letter in enumerate(word)
        )

    return change


def apart(separator: str) -> Change:
    """Put the separator between all letters: ``f.u.c.k``."""
    return lambda word, random: separator.join(word)


def swapped_u_and_v(word: str, random: Random) -> str:
    """``fvck``, and ``uile`` for vile."""
    return word.translate({ord(a): b for a, b in zip("uvUV", "vuVU", strict=True)})


def ph_for_f(word: str, random: Random) -> str:
    """``phuck``"""
    capitals = "PH" if word.isupper() else "Ph"
    return _F.sub(lambda found: capitals if found[0][0] == "F" else "ph", word)


def alternating(word: str, random: Random) -> str:
    """``fUcK`` or ``FuCk``."""
    first = random.randrange(2)
    alternated = _alternated(word, first)
    return alternated if alternated != word else _alternated(word, 1 - first)


def _alternated(word: str, first: int) -> str:
    return "".join(c.upper() if n % 2 == first else c.lower() for n, c in enumerate(word))


def masked(word: str, random: Random) -> str:
    """``f*ck``, ``f**k`` or ``f***``."""
    mask = random.choice(MASKS)
    inner = range(1, len(word) - 1)
    vowels = [place for place in inner if word[place] in "aeiouAEIOU"]
    style = random.random()
    if style < 0.25:
        hidden: Collection[int] = inner  # f**k
    elif style < 0.35 and mask in "*#":
        hidden = range(1, len(word))  # f***
    elif style < 0.5 or not vowels:
        hidden = {random.choice(inner)}
    else:
        hidden = set(vowels) if random.random() < 0.5 else {random.choice(vowels)}
    return "".join(mask if place in hidden else letter for place, letter in enumerate(word))


def spaced_once(word: str, random: Random) -> str:
    """``fu ck``"""
    place = random.randrange(1, len(word))
    return f"{word[:place]} {word[place:]}"


def repeated(word: str, random: Random) -> str:
    """One or two letters three to six times: ``fuuuck``."""
    places = {random.randrange(len(word)) for _ in range(random.choice((1, 1, 2)))}
    return "".join(
        letter * random.randint(3, 6) if place in places else letter
        for place, letter in enumerate(word)
    )


def without_vowels(word: str, random: Random) -> str:
    """``btch``: all vowels but a first letter gone, or one of them."""
    vowels = [place for place in range(1, len(word)) if word[place] in "aeiouAEIOU"]
    dropped = vowels if random.random() < 0.6 else [random.choice(vowels)]
    return "".join(letter for place, letter in enumerate(word) if place not in dropped)


def deleted(word: str, random: Random) -> str:
    """One letter gone, never the first."""
    place = random.randrange(1, len(word))
    return word[:place] + word[place + 1 :]


def swapped(word: str, random: Random) -> str:
    """Two neighbouring letters swapped, never the first."""
    lower = word.lower()
    place = random.choice([n for n in range(1, len(word) - 1) if lower[n] != lower[n + 1]])
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _typed(letter: str, random: Random) -> str:
    """A letter that a slip of the finger gives instead, in the same case."""
    near = random.choice(NEIGHBOURS[letter.lower()])
    return near.upper() if letter.isupper() else near


def inserted(word: str, random: Random) -> str:
    """One letter twice, or with a neighbour of its key after it."""
    place = random.randrange(1, len(word))
    before = word[place - 1]
    extra = before if random.random() < 0.3 else _typed(before, random)
    return word[:place] + extra + word[place:]


def mistyped(word: str, random: Random) -> str:
    """A neighbouring key for one letter, never the first."""
    place = random.randrange(1, len(word))
    return word[:place] + _typed(word[place], random) + word[place + 1 :]


def _cased(word: str, like: str) -> str:
    if like.isupper():
        return word.upper()
    return word.capitalize() if like[0].isupper() else word


def respelled(word: str, random: Random) -> str:
    """As it sounds: ``fuka`` for fucker. One rule of `RESPELLINGS` at least, now and then more."""
    lower = word.lower()
    fitting = [rule for rule in RESPELLINGS if rule[0].search(lower)]
    kept = random.choice(fitting)
    spelled = kept[0].sub(kept[1], lower)
    for rule in fitting:
        if rule is not kept and random.random() < 0.35:
            further = rule[0].sub(rule[1], spelled)
            spelled = spelled if further == lower else further
    return _cased(spelled, word)


_letters_as_emoji = replaced([EMOJI_LETTERS], chance=0.5)


def emoji_letters(word: str, random: Random) -> str:
    """``🅱itch`` or ``🇫 🇺 🇨 🇰``."""
    if random.random() < 0.6 and any(letter in EMOJI_LETTERS for letter in word.lower()):
        return _letters_as_emoji(word, random)
    # with nothing between them, two regional indicators may be drawn as a flag
    return random.choice(("", " ", " ")).join(word.translate(INDICATORS))


def emoji_word(word: str, random: Random) -> str:
    """``🐍`` for snake and ``🐍s`` for snakes."""
    lower = word.lower()
    return EMOJI_WORDS.get(lower) or EMOJI_WORDS[lower[:-1]] + word[-1]


def spoiled(word: str, random: Random) -> str:
    """``fu||ck||``"""
    place = random.randrange(len(word))
    end = random.randrange(place + 1, len(word) + (place > 0))
    return f"{word[:place]}||{word[place:end]}||{word[end:]}"


def marked(word: str, random: Random) -> str:
    """``**fu**ck`` or another mark that Discord draws by changing the letters around it."""
    mark = random.choice(MARKS)
    place = random.randrange(1, len(word))
    if random.random() < 0.5:
        return f"{mark}{word[:place]}{mark}{word[place:]}"
    return f"{word[:place]}{mark}{word[place:]}{mark}"


def joined(words: str, random: Random) -> str:
    """A word without the space behind it, and so joined to the next."""
    return words.rstrip(" ")
