"""Undo what people do to a word so that a filter misses it.

One round of it: `normalize.views` repeats the round until nothing changes. Each step leaves alone
what honest texts do: sentences in other scripts, numbers, times and prices, words that would only
join across a space. Words that a step changed come out in lower case. Masks (``f*ck``) are left to
the model, and so are a dropped or swapped letter and words run together: there is no telling what
they were without knowing the language.
"""

from __future__ import annotations

import re

from bot.screening.lookalikes import cousin_of, form_of, is_letter, is_mark, twin_of


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
    return " ".join(
        word if word.isalpha() and not _ODD.search(word) else _word(word)
        for word in text.split(" ")
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
            return _written(piece, forms).lower() if latin else piece
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


# --- letters spelled apart ---

_IN_WORD = r"(?:[^\W_]|[\u0300-\u036f'’])"
_BETWEEN = r"[ ._\-*|/~+•·]"
_SPELLED_APART = re.compile(  # looks ahead before it looks back, which is the slower
    rf"[A-Za-z](?={_BETWEEN})(?<!{_IN_WORD}[A-Za-z])"
    rf"({_BETWEEN}{{1,3}})[A-Za-z](?:\1[A-Za-z])+(?!{_IN_WORD})"
)
_NOT_LETTER = re.compile(r"[^A-Za-z]+")


def joined_letters(text: str) -> str:
    """The text with three and more single letters, all parted by the same, joined to a word.

    Part of the plain view as well: a reader joins them, and a model makes nothing of a row of
    single letters. Two letters stay apart (``plan a b``), and so do letters beside words.

    Parameters
    ----------
    text : str
        White space must be collapsed to single spaces.
    """
    return _SPELLED_APART.sub(_joined, text)


def _joined(match: re.Match[str]) -> str:
    return _NOT_LETTER.sub("", match[0]).lower()


# --- one word at a time ---

_THRICE = re.compile(r"([a-z])\1{2,}", re.IGNORECASE)
_ALTERNATING = re.compile(r"[a-z][A-Z][a-z][A-Z]|[A-Z][a-z][A-Z][a-z]|^[a-z][A-Z][a-z]$")
_V_FOR_U = re.compile(r"(?<=[bcdfghjklmnpqrstwxz])v(?=[bcdfghjklmnpqrstwxz])")
_PH_FOR_F = re.compile(r"^phu(?=[ckq])")
_LONG = re.compile(r"[A-Za-z]{4,}")  # not "mvp", "dvd"
# what makes a word of letters alone worth a look
_ODD = re.compile(
    f"(?i:{_THRICE.pattern}|{_V_FOR_U.pattern}|{_PH_FOR_F.pattern})|{_ALTERNATING.pattern}"
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
_CLOSERS = frozenset(")>]}")
_SEGMENT = re.compile(r"[A-Za-z0-9@$!|€¢¥§]+")
_PARTED = re.compile(r"(?<![A-Za-z0-9._-])[A-Za-z]+(?:[._-][A-Za-z]+)+(?![A-Za-z0-9_-])")


def _word(word: str) -> str:
    if _is_account(word):
        return word
    new = word
    if not word.isalpha():
        new = _STROKE.sub(lambda match: _STROKES[match[0]], new)
        new = _ROUND.sub("o", new)
        if not _CLOSERS.intersection(new):
            new = _OPEN.sub(lambda match: f"{match['start'] or ''}c", new)
        if not _is_address(new):
            new = _SEGMENT.sub(_unleeted, new)
        new = _PARTED.sub(_closed_up, new)
    new = _THRICE.sub(_cut, new)
    if new != word or _ALTERNATING.search(word):
        new = new.lower()
    respelled = _LONG.sub(_respelled, new)
    return new if respelled == new else respelled.lower()


def _is_account(word: str) -> bool:
    """``@somebody``; but not ``@sshole``."""
    start, at, name = word.partition("@")
    opening = not start.strip("\"“'(.:;")
    return bool(at and opening and name and not _ASS.match(at + name.lower()))


def _is_address(word: str) -> bool:
    """``somebody@example.org``"""
    name, _, host = word.partition("@")
    return bool(name) and "." in host


def _respelled(match: re.Match[str]) -> str:
    lower = match[0].lower()
    respelled = _PH_FOR_F.sub("fu", _V_FOR_U.sub("u", lower))
    return match[0] if respelled == lower else respelled


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
_RUN = re.compile(r"[^a-z]+")


def _unleeted(match: re.Match[str]) -> str:
    """A run of letters, digits and symbols with its digits and symbols read as letters."""
    segment = match[0]
    lower = _ASS.sub("ass", segment.lower())
    body = lower.strip(_NOT_AT_EDGE)
    if segment.isalpha() or not body:
        return segment
    read = lower.replace(body, _read(body))
    return segment if read == segment.lower() else read


def _read(body: str) -> str:
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
        enough = letters >= 3 or run[0] == "11" or _between(body)
        if at_edge and not (_may_stand_at_edge(run[0]) and enough):
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


def _closed_up(match: re.Match[str]) -> str:
    """``i.d.iot``, ``fuc.k`` and ``fu_ck``; not ``push-it``, ``e.g``, ``example.org``."""
    word = match[0]
    parts = re.split(r"[._-]", word)
    letters = sum(map(len, parts))
    hyphens = "-" in word
    lone_letter = not hyphens and min(map(len, parts)) == 1
    if letters >= 4 and (lone_letter or max(map(len, parts)) <= 2):
        return "".join(parts)
    return word


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
