"""Emoji in words: their names, or the letters and punctuation that they stand for."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import partial

from emoji import EMOJI_DATA

from bot.screening.deobfuscate import FIRST_INDICATOR, LAST_INDICATOR, letters_indicated
from bot.screening.symbols import common_reading
from bot.screening.vocabulary import is_common

# Signs and bullets that Unicode counts among the emoji, but that are read as signs.
_SIGNS = frozenset("©®™〰▪▫◻◼◽◾")
_PUNCTUATION = {"‼": "!!", "⁉": "!?", "❗": "!", "❕": "!", "❓": "?", "❔": "?", "💲": "$"}
_LETTERS = {"🅰": "a", "🅱": "b", "🆎": "ab", "ℹ": "i", "Ⓜ": "m", "🅾": "o", "🅿": "p"}
# Unicode's name → what people write it for: the model has read that.
_PLAINER = {
    "keycap 10": "10",
    "zzz": "sleep",
    "middle finger": "fuck",
    "pile of poo": "shit",
    "kitchen knife": "knife",
    "water pistol": "gun",
    "wastebasket": "trash",
    "clown face": "clown",
    "cat face": "cat",
    "cow face": "cow",
    "dog face": "dog",
    "horse face": "horse",
    "monkey face": "monkey",
    "mouse face": "mouse",
    "pig face": "pig",
}
_LETTERS_IN_WORDS = {
    **dict.fromkeys("⭕🔴🟠🟡🟢🔵🟣🟤⚫⚪🍩", "o"),
    **dict.fromkeys("❌✖❎", "x"),
    **dict.fromkeys("✝☦➕", "t"),
    "✔": "v",
}
# The tone of a hand is the writer's own; the tone of a person is about who is spoken of.
_PEOPLE = frozenset(
    {"baby", "boy", "child", "girl", "man", "old man", "old woman", "older person"}
    | {"person", "woman"}
)
_TONE = re.compile(r"(?:^| )(?:medium )?(?:(light|dark) )?skin tone")
_NOT_NAME = re.compile(r"[^a-z0-9']+")
_VARIATION = re.compile("[\ufe0e\ufe0f]+")
_JOINER = "\u200d"
# How often one emoji is read in a row of them, and in a text: spam must not fill the window.
_TIMES_IN_ROW, _TIMES_IN_TEXT = 2, 20
# How many emoji of all kinds are named in a text. What is read as letters or punctuation does not
# count: it is no longer than the emoji, and it may be a part of a word.
_NAMED_IN_TEXT = 100
_ALL_NAMED = ""  # the key of their number

_PICTURE = (
    "\u203c\u2049\u2139\u2194-\u21aa\u231a-\u23fa\u24c2\u25b6\u25c0\u2600-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_PICTURES = f"[{_PICTURE}][{_PICTURE}{_JOINER}\ufe0e\ufe0f\U000e0020-\U000e007f]*"
FLAG = re.compile(f"[{FIRST_INDICATOR}-{LAST_INDICATOR}]{{2}}")
ROW = re.compile(rf"{_PICTURES}(?:\s+{_PICTURES})*")


def _name(unicode_name: str) -> str:
    """``:man_dark_skin_tone:`` → ``dark skinned man``; ASCII without punctuation."""
    name = unicode_name.lower()
    if not name.isascii():
        decomposed = unicodedata.normalize("NFKD", name.replace("’", "'"))
        name = "".join(c for c in decomposed if not unicodedata.combining(c))
    name = _NOT_NAME.sub(" ", name).strip().removesuffix(" button")
    toned = _TONE.search(name)
    if toned is None:
        return _PLAINER.get(name, name)
    toneless = _TONE.sub("", name).strip()
    if not toneless:  # a tone alone
        return name.removeprefix("medium ")
    if toned[1] and toneless in _PEOPLE:
        return f"{toned[1]} skinned {toneless}"
    return _PLAINER.get(toneless, toneless)


# emoji without variation selectors → its name
_NAMES = {
    _VARIATION.sub("", sequence): _name(entry["en"])
    for sequence, entry in EMOJI_DATA.items()
    if not sequence[0].isascii() and sequence[0] not in _SIGNS
}
_LONGEST = max(map(len, _NAMES))

# What stands for a letter where a word comes of it: "cun✝", "L⭕💲ER".
_SHAPES = _LETTERS_IN_WORDS | _LETTERS | {"💲": "$", "❗": "!"}
_ANY_SHAPE = "".join(_SHAPES)
# No match begins within a run of letters or of shapes: that would take the square of its length.
_SPELT = re.compile(
    rf"(?<![A-Za-z])[A-Za-z]++[{_ANY_SHAPE}][A-Za-z{_ANY_SHAPE}\ufe0e\ufe0f]*+"
    rf"|(?:[{_ANY_SHAPE}][\ufe0e\ufe0f]*+)++(?:[A-Za-z][A-Za-z{_ANY_SHAPE}\ufe0e\ufe0f]*+)?"
)
_SHORTEST = 3  # letters


def without_emoji(text: str, *, spelling: bool) -> str:
    """The text with emoji as words, letters or punctuation.

    Comes before invisible characters are removed, because emoji are composed with them. No emoji
    is left, nor any part of one that could make another one with its neighbours.

    Parameters
    ----------
    text : str
        Any string.
    spelling
        Whether flags in a row, or beside letters, are read as the letters that they are made of.
    """
    if _SPELT.search(text):
        text = _SPELT.sub(_spelt, text)
    return ROW.sub(partial(_row_read, in_text=Counter(), spelling=spelling), text)


def _spelt(match: re.Match[str]) -> str:
    """A word of letters and shapes, if it is a common one; shapes alone are none."""
    if not any(map(str.isascii, match[0])):
        return match[0]
    written = "".join(_SHAPES.get(c, c) for c in _VARIATION.sub("", match[0]))
    lower = written.lower()
    if len(written) >= _SHORTEST and lower.isalpha() and is_common(lower):
        return written
    return common_reading(lower) or match[0]


def _row_read(match: re.Match[str], *, in_text: Counter[str], spelling: bool) -> str:
    row = _VARIATION.sub("", match[0])
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    read: list[str] = []
    in_row: Counter[str] = Counter()

    def read_out(emoji: str, words: str) -> None:
        named = emoji not in _PUNCTUATION
        left_out = (
            in_row[emoji] >= _TIMES_IN_ROW
            or in_text[emoji] >= _TIMES_IN_TEXT
            or (named and in_text[_ALL_NAMED] >= _NAMED_IN_TEXT)
        )
        read.append(" " if left_out else words)
        in_row[emoji] += 1
        in_text[emoji] += not left_out
        in_text[_ALL_NAMED] += named and not left_out

    at = 0
    while at < len(row):
        emoji = _longest_emoji(row, at)
        end = at + max(1, len(emoji))
        if _is_indicator(row[at]) or row[at] in _LETTERS_IN_WORDS:
            end = _end_of_run(row, at)
        run = row[at:end]
        preceding, following = row[at - 1 : at] or before, row[end : end + 1] or after
        if _is_indicator(run[0]):
            flags = _flags(run)
            in_word = preceding.isalpha() or following.isalpha()
            if not flags or (spelling and (in_word or len(set(flags)) > 1)):
                read.append(letters_indicated(run))
            else:
                for flag in flags:
                    read_out(flag, f" {_NAMES[flag]} ")
        elif run[0] in _LETTERS_IN_WORDS and _in_word(preceding) and _in_word(following):
            read.append(_LETTERS_IN_WORDS[run[0]] * len(run))
        elif run[0] in _LETTERS_IN_WORDS:
            for shape in run:
                read_out(shape, f" {_NAMES[shape]} ")
        elif run in _LETTERS:
            read.append(_LETTERS[run])
        elif run in _PUNCTUATION:
            read_out(run, _PUNCTUATION[run])
        elif emoji:
            read_out(emoji, f" {_NAMES[emoji]} ")
        else:
            read.append(run)
        at = end
    return "".join(read)


def _end_of_run(row: str, at: int) -> int:
    """Where the indicators, or the repeats of a character, end that begin at a place."""
    end = at + 1
    indicators = _is_indicator(row[at])
    while end < len(row) and (_is_indicator(row[end]) if indicators else row[end] == row[at]):
        end += 1
    return end


def _longest_emoji(row: str, at: int) -> str:
    for length in range(min(_LONGEST, len(row) - at), 0, -1):
        if row[at : at + length] in _NAMES:
            return row[at : at + length]
    return ""


def _is_indicator(character: str) -> bool:
    return FIRST_INDICATOR <= character <= LAST_INDICATOR


def _in_word(neighbour: str) -> bool:
    return neighbour.isalpha() or neighbour in _LETTERS or _is_indicator(neighbour)


def _flags(run: str) -> list[str]:
    """The flags that regional indicators make; none if they are letters to any reader.

    Several different flags, or one that touches a word, may still be meant as letters: the view in
    which words are spelled reads them so.
    """
    pairs = [run[at : at + 2] for at in range(0, len(run), 2)]
    return pairs if all(pair in _NAMES for pair in pairs) else []
