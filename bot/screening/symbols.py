"""Digits and symbols read as the letters that they stand for: ``sh1t``, ``@$$hole``, ``s|_|ck``.

Where one of the readings of a word is a common word, that is it. Otherwise the company of a digit
decides, as in words that no list has; numbers, prices, units and times stay.
"""

from __future__ import annotations

import re
from functools import partial

from bot.screening.vocabulary import is_common, is_frequent, most_common


def in_letters(word: str, *, boldly: bool = False) -> str:
    """A word with its digits, symbols and strokes as letters, or as it is.

    Parameters
    ----------
    word : str
        Without white space, with whatever punctuation is written to it.
    boldly
        Whether what may as well be a number, a unit or a name is read too: for words of a text in
        which others are disguised in this way.

    Returns
    -------
    str
        No longer than the word.
    """
    lower = word.lower()
    if not lower.islower() and not boldly:  # "2008)"
        return _ASS.sub("ass", lower)
    if _MODEL.fullmatch(word) and not boldly:
        return word
    read = _read_whole(lower, boldly=boldly)
    if read is not None:
        return read
    new = _STROKE.sub(lambda match: _STROKES[match[0]], word)
    new = _ROUND.sub("o", new)
    if not _NO_OPENING.intersection(new):
        new = _OPEN.sub(lambda match: f"{match['start'] or ''}c", new)
    if not _is_address(new):
        new = _SEGMENT.sub(partial(_unleeted, boldly=boldly), new)
    return _PARTED.sub(_closed_up, new)


def is_account(word: str) -> bool:
    """``@somebody``; but not ``@sshole``, ``@nd`` and ``@r@b$``."""
    start, at, name = word.partition("@")
    opening = not start.strip("\"“'(.:;")
    return bool(
        at
        and opening
        and _NAME.fullmatch(name)
        and not _ASS.match(at + name.lower())
        and not is_frequent("a" + name.lower().rstrip(STOPS), _FREQUENT)
    )


_STROKES = {
    "/\\/\\": "m",
    "\\/\\/": "w",
    "|\\/|": "m",
    "|\\|": "n",
    "|_|": "u",
    "|-|": "h",
    "/-\\": "a",
    "/\\": "a",
    "\\/": "v",
    "|<": "k",
    "|)": "d",
    "|=": "f",
    "|3": "b",
}
_ANY_STROKE = "|".join(re.escape(stroke) for stroke in _STROKES)
_STROKE = re.compile(rf"(?<=[A-Za-z])(?:{_ANY_STROKE})|(?:{_ANY_STROKE})(?=[A-Za-z])")
_ROUND = re.compile(r"(?<=[A-Za-z])(?:\(\)|\[\])(?=[A-Za-z])")
_OPEN = re.compile(  # near the beginning or the end of a word: "fu(king", "bit(h"
    r"(?<![A-Za-z])(?P<start>[A-Za-z]{1,2})[(<\[{](?=[A-Za-z])"
    r"|(?<=[A-Za-z])[(<\[{](?=[A-Za-z]{1,2}(?![A-Za-z]))"
)
_NO_OPENING = frozenset(")>]}'’")
_NAME = re.compile(r"[^\s@$|€¢¥§]+")
_MODEL = re.compile(r"[A-Z]{1,3}\d+|\d+[A-Z]{1,3}")  # "MI5", "3RR"
_SEGMENT = re.compile(r"[A-Za-z0-9@$!|€¢¥§]+")
_PARTED = re.compile(r"(?<![A-Za-z0-9._-])[A-Za-z]+(?:[._-][A-Za-z]+)+(?![A-Za-z0-9_-])")

# --- common words ---

_READINGS = {
    **{letter: (letter,) for letter in "abcdefghijklmnopqrstuvwxyz"},
    **dict.fromkeys("1!|", ("i", "l")),
    "0": ("o",), "3": ("e",), "4": ("a",), "5": ("s",), "6": ("g", "b"), "7": ("t",), "8": ("b",),
    "9": ("g",), "@": ("a",), "$": ("s",), "€": ("e",), "¢": ("c",), "¥": ("y",), "§": ("s",),
    "+": ("t",), "(": ("c",), "<": ("c",), "[": ("c",),
}  # fmt: skip
_SEVERAL = {**_STROKES, "()": "o", "[]": "o"}  # characters that make one letter together
_READABLE = re.compile("[" + re.escape("".join({*_READINGS, *"".join(_SEVERAL)})) + "]+")
_MOST_READINGS = 32
_SHORTEST = 3  # letters of what is read
_FREQUENT = 250  # words that are read even where digits say little
_MOST_CHARACTERS = 40
QUOTES = "\"'“”‘’"
STOPS = ".,:;?!…"
AROUND = QUOTES + STOPS + "()[]{}<>*_~-–—"  # what is written to a word and is no part of it
_NO_LETTER = "".join(sorted({*AROUND} - {*"!<([)"}))
_UNIT = re.compile(
    r"\d*(?:1st|2nd|3rd|[04-9]th|1[1-3]th)|\d+(?:am|pm|[khmg]?hz|[kmgt]b|fps|px|[cmk]?m|[mk]?g|lbs?|ft|in|oz|mins?|m?s|secs?"
    r"|h|hrs?|ml|bn|mil|yo|yrs?|usd|eur|[dxvpwyk])s?"
)


def _read_whole(lower: str, *, boldly: bool) -> str | None:
    """A common word that this one, or what punctuation leaves of it, can be read as."""
    # "(" may be a c, but hardly one that ends a sentence, and "!" an l after all
    core, bare = lower.lstrip(QUOTES).rstrip(QUOTES + STOPS), lower.strip(AROUND)
    for written in dict.fromkeys((core, bare, lower.strip(_NO_LETTER))):
        read = common_reading(written, boldly=boldly)
        if read is not None:
            return lower.replace(written, read, 1)
    return None


def common_reading(core: str, *, boldly: bool = False) -> str | None:
    """The most common word that small letters, digits and symbols can be read as.

    Parameters
    ----------
    core : str
        Without the punctuation around it.
    boldly
        As of `in_letters`.

    Returns
    -------
    str or None
        None if there is none, if there are letters alone, and for what is rather a number.
    """
    if len(core) > _MOST_CHARACTERS or core.isalpha() or not _READABLE.fullmatch(core):
        return None
    letters = sum(map(str.isalpha, core))
    if not boldly and (not letters or _UNIT.fullmatch(core)):
        return None
    ways: list[list[str]] = [[""], *([] for _ in core)]  # readings of the beginning, by its length
    for at, sign in enumerate(core):
        readings = ways[at]
        if len(readings) > _MOST_READINGS:
            return None
        for letter in _READINGS.get(sign, ()):
            ways[at + 1] += [reading + letter for reading in readings]
        if sign.isalnum():
            continue
        for stroke, letter in _SEVERAL.items():
            if core.startswith(stroke, at):
                ways[at + len(stroke)] += [reading + letter for reading in readings]
    read = most_common(reading for reading in ways[-1] if len(reading) >= _SHORTEST)
    if read is None or letters > 1 or (boldly and letters):
        return read
    # one letter among digits says little: "3v3", "f46"; strokes are no digits: "y()|_|"
    strokes = len(core) > len(read) and not any(map(str.isdigit, core))
    telling = letters and (len(read) > _SHORTEST or strokes)
    return read if telling or is_frequent(read, _FREQUENT) else None


# --- words that are in no list ---

_LETTER_FOR = {
    "0": "o",
    "3": "e",
    "4": "a",
    "5": "s",
    "6": "g",
    "7": "t",
    "9": "g",
    "@": "a",
    "$": "s",
    "€": "e",
    "¢": "c",
    "¥": "y",
    "§": "s",
}
_LIKE_I = frozenset("1!|")
_VOWELS = frozenset("aeiouy")
_ASS = re.compile(r"^(?:[a@]\$\$(?![^a-z])|@ss(?=$|es|face|ha|ho|wipe))")
_MONEY = re.compile(r"[$€¢¥§]\d|\d[$€¢¥§]")
_NOT_AT_EDGE = "!|@"  # "idiot!", "!play", "@user"
_SENTENCE_END = re.compile(r"[!|]+")
_RUN = re.compile(r"[^a-z]+")


def _unleeted(match: re.Match[str], *, boldly: bool) -> str:
    """A run of letters, digits and symbols with its digits and symbols read as letters."""
    segment = match[0]
    lower = _ASS.sub("ass", segment.lower())
    body = lower.strip(_NOT_AT_EDGE)
    if segment.isalpha() or not body:
        return segment
    common = common_reading(body)
    if common is not None:
        return lower.replace(body, common)
    words = _SENTENCE_END.split(body)
    if len(words) > 1 and all(map(is_common, words)):  # "yes|no", "wait!what"
        return segment
    read = lower.replace(body, _read(body, boldly=boldly))
    return segment if read == segment.lower() else read


def _read(body: str, *, boldly: bool) -> str:
    """Digits and symbols as the letters they stand for, or all as it is: ``gr8``, ``5pm``."""
    letters = sum(c.isalpha() for c in body)
    unknown = "2" in body or "8" in body  # these stand for no letter
    choice = "|" in body and min(map(len, body.split("|"))) > 2  # "this|that"
    if letters < 2 or unknown or choice or _MONEY.search(body):
        return body
    pieces: list[str] = []
    end = 0
    for run in _RUN.finditer(body):
        at_edge = run.start() == 0 or run.end() == len(body)
        # names of accounts end in numbers, so a number at the end needs company
        enough = _between(body) or (letters >= 3 and not body[-1].isdigit())
        if at_edge and not boldly and not (_may_stand_at_edge(run[0]) and enough):
            return body
        pieces += (body[end : run.start()], _spelled(body, run))
        end = run.end()
    return "".join((*pieces, body[end:]))


def _between(body: str) -> bool:
    """Whether a digit or symbol stands between two letters."""
    return any(run.start() > 0 and run.end() < len(body) for run in _RUN.finditer(body))


def _may_stand_at_edge(run: str) -> bool:
    # "win10" and "covid19" end in a number, "cun7" and "a55" in a letter; 6 and 9 are no endings
    return len(set(run)) == 1 and run[0] not in "69"


def _spelled(body: str, run: re.Match[str]) -> str:
    before = body[run.start() - 1 : run.start()]
    after = body[run.end() : run.end() + 1]
    if _LIKE_I.issuperset(run[0]):
        return _l_or_i(run[0], before, after, at_start=run.start() == 1)
    return "".join(
        _l_or_i(c, before, after, at_start=False) if c in _LIKE_I else _LETTER_FOR[c]
        for c in run[0]
    )


def _l_or_i(run: str, before: str, after: str, *, at_start: bool) -> str:
    """``1`` is an l when doubled, after a vowel or in an onset (``s1ut``), otherwise an i."""
    onset = at_start and before in "bcfgps" and after in "aou"
    is_l = len(run) == 2 or (before in _VOWELS and before != "") or (onset and after != "")
    return ("l" if is_l else "i") * len(run)


def _is_address(word: str) -> bool:
    """``somebody@example.org``"""
    name, _, host = word.partition("@")
    return bool(name) and "." in host


_INITIALS = re.compile(r"(?:[A-Z]\.)+[A-Z][a-z]+")
_A_WORD = 3  # letters; what is left of a cut word is now and then in the list if it is shorter


def _closed_up(match: re.Match[str]) -> str:
    """``i.d.iot``, ``fuc.k`` and ``bi-tch``; not ``push-it``, ``e.g``, ``example.org``."""
    word = match[0].lower()
    parts = re.split(r"[._-]", word)
    joined = "".join(parts)
    hyphens = "-" in word
    lone_letter = min(map(len, parts)) == 1
    if len(joined) < 4 or (hyphens and lone_letter) or _INITIALS.fullmatch(match[0]):
        return match[0]
    if is_common(joined):
        return match[0] if all(map(is_common, parts)) else joined
    if any(len(part) >= _A_WORD and is_common(part) for part in parts):  # "the end.I think"
        return match[0]
    return joined if lone_letter or max(map(len, parts)) <= 2 else match[0]
