"""A text → the views of it that the model reads.

The *plain view* is what a reader sees: Discord's markup made readable or taken away, emoji named in
words, invisible characters removed, white space collapsed, letters spelled apart joined. The
*de-obfuscated view* undoes what people do to a word so that a filter misses it; it is made only
where that changes something. A text is scored in all its views and the highest score per label
counts, so a view may lose a nuance but never hide a word.

Pure: the same text gives the same views for ever within one `NORMALIZER_VERSION`. The version goes
up with every change of behaviour, because a model is calibrated on what this module gives it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import partial

from emoji import EMOJI_DATA

from bot.screening.apart import joined_groups, joined_letters
from bot.screening.deobfuscate import (
    FIRST_INDICATOR,
    LAST_INDICATOR,
    deobfuscated,
    letters_indicated,
)

NORMALIZER_VERSION = 4

# A text is normalised until it no longer changes. Honest texts take two rounds; whoever nests
# markup to need more than these gets letters and digits only.
_ROUNDS = 4


def views(text: str) -> tuple[str, ...]:
    """The views of a text, plain first.

    Parameters
    ----------
    text : str
        Any string, as Discord sends it; lone surrogates and control characters are allowed.

    Returns
    -------
    tuple of str
        One view, or two if the de-obfuscated one differs. Each is a fixed point: its own plain view
        is itself. A text of nothing but markup gives an empty view. The name of an emoji is longer
        than the emoji, so a view can be fifty times as long as a short text; only the first hundred
        emoji of a text are named.
    """
    if _CALM.fullmatch(text):
        plain = joined = text
    else:
        plain, joined = _read(text)
    for _ in range(_ROUNDS):
        before = joined
        joined = deobfuscated(before)
        if joined == before:
            break
        joined = _settled(joined)
        if joined == before:
            break
    return (plain,) if joined == plain else (plain, joined)


# Words, one space between two, and punctuation: nothing that markup or letters apart are made of.
_CALM = re.compile(
    r"(?:(?:[A-Za-z]{2,}+(?:'[a-z]{1,2})?+|[Ii]'(?:[md]|ll|ve)|[AIai](?= [A-Za-z]{2})|[0-9]++)"
    r"[,.?!:]*+(?: (?=[A-Za-z0-9])|\Z))++"
)


def _read(text: str) -> tuple[str, str]:
    """The plain view, and what to make the other one of: how a reader may take it instead."""
    if "  " in text or not text.isascii():
        text = joined_groups(text)
    named = spelt = text
    if not text.isascii() and _ROW.search(text):
        # Markup first: names need spaces around them, and links and emphasis end at spaces.
        text = _without_markup(text)
        named = _without_emoji(text, spelling=False)
        spelt = _without_emoji(text, spelling=True) if _FLAG.search(text) else named
    plain = _settled(_visible(named, blank=" "))
    # A blank that only looks like a space may stand between words or inside one, and flags in a
    # row may be meant as their letters.
    if spelt is named and (text.isascii() or not _BLANK.search(text)):
        return plain, plain
    return plain, _settled(_visible(spelt, blank=""))


def _settled(text: str) -> str:
    """Take markup away until there is none that taking away uncovered."""
    for _ in range(_ROUNDS):
        before = text
        text = joined_letters(_without_markup(before))
        if text == before:
            return text
    return joined_letters(" ".join(_NOT_WORD.sub(" ", text).split()))


# --- emoji ---

# Signs and bullets that Unicode counts among the emoji, but that are read as signs.
_SIGNS = frozenset("©®™〰▪▫◻◼◽◾")
_PUNCTUATION = {"‼": "!!", "⁉": "!?", "❗": "!", "❕": "!", "❓": "?", "❔": "?", "💲": "$"}
_LETTERS = {"🅰": "a", "🅱": "b", "🆎": "ab", "ℹ": "i", "Ⓜ": "m", "🅾": "o", "🅿": "p"}
_SHORTER = {"🔟": "10", "💤": "sleep"}
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
_FLAG = re.compile(f"[{FIRST_INDICATOR}-{LAST_INDICATOR}]{{2}}")
_ROW = re.compile(rf"{_PICTURES}(?:\s+{_PICTURES})*")


def _name(unicode_name: str) -> str:
    """``:man_dark_skin_tone:`` → ``dark skinned man``; ASCII without punctuation."""
    name = unicode_name.lower()
    if not name.isascii():
        decomposed = unicodedata.normalize("NFKD", name.replace("’", "'"))
        name = "".join(c for c in decomposed if not unicodedata.combining(c))
    name = _NOT_NAME.sub(" ", name).strip().removesuffix(" button")
    toned = _TONE.search(name)
    if toned is None:
        return name
    toneless = _TONE.sub("", name).strip()
    if not toneless:  # a tone alone
        return name.removeprefix("medium ")
    return f"{toned[1]} skinned {toneless}" if toned[1] and toneless in _PEOPLE else toneless


# emoji without variation selectors → its name
_NAMES = {
    _VARIATION.sub("", sequence): _name(entry["en"])
    for sequence, entry in EMOJI_DATA.items()
    if not sequence[0].isascii() and sequence[0] not in _SIGNS
} | _SHORTER
_LONGEST = max(map(len, _NAMES))


def _without_emoji(text: str, *, spelling: bool) -> str:
    """The text with emoji as words, letters or punctuation.

    Comes before invisible characters are removed, because emoji are composed with them. No emoji
    is left, nor any part of one that could make another one with its neighbours.
    """
    return _ROW.sub(partial(_row_read, in_text=Counter(), spelling=spelling), text)


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


# --- what cannot be seen ---

_INVISIBLE = re.compile(
    "["
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad"  # controls, soft hyphen
    "\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f"  # zero width, direction
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variation selectors
    "\u20e3"  # the key around a digit
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff"  # byte order, annotation, lone surrogates
    "\U0001d173-\U0001d17a\U000e0000-\U000e007f"
    "]+"
)
_BLANK = re.compile("[\u2800\u3164\uffa0]+")  # letters by category, blank on the screen
_NOT_WORD = re.compile(r"[\W_]+")


def _visible(text: str, *, blank: str) -> str:
    if text.isascii() and text.replace("\n", " ").isprintable():
        return text
    return _BLANK.sub(blank, _INVISIBLE.sub("", text))


# --- markup ---

_DISCORD = re.compile(
    r"<(?:(?P<user>@!?)\d{1,20}|(?P<role>@&)\d{1,20}|(?P<channel>#)\d{1,20}|(?P<place>id:)\w{1,20}"
    r"|a?:(?P<emoji>\w{1,40}):\d{1,20}|(?P<time>t:)-?\d{1,20}(?::[a-zA-Z])?"
    r"|(?P<command>/[^<>:\n]{1,80}):\d{1,20})>"
)
_READABLE = {
    "user": "@user",
    "role": "@role",
    "channel": "#channel",
    "place": "#channel",
    "time": "date",
}
_END_OF_LINK = r"[^\s<>|)\]\"*`]"
_TOP = "(?:app|be|co|com|de|dev|edu|fr|gg|gl|gov|io|ly|me|net|org|tv|uk|xyz)"
_LINK = re.compile(
    rf"(?:https?|ftp)://{_END_OF_LINK}+"
    rf"|(?<![\w.@])(?:www\.(?=\w)|(?:[\w-]{{1,40}}\.){{1,3}}{_TOP}/){_END_OF_LINK}*",
    re.IGNORECASE,
)
_SITE = re.compile(rf"://|www\.|\.{_TOP}/", re.IGNORECASE)  # in every link, and quicker to find
_NAMED_LINK = re.compile(r"\[([^\[\]]*)\]\( ?<? ?link ?>? ?\)")
_FENCE = re.compile(r"```(?:[\w+#-]{1,20}\n)?")
_LINE_START = re.compile(r"^[ \t]*(?:(?:>{1,3}|#{1,3}|-#|[-*])[ \t]+)+", re.MULTILINE)
_ESCAPE = re.compile(r"(?<!\\)(?!(?<=\|)\\\|)\\++(?=[*_~|`>#<@:-])")  # not in "|\|", an n
_HIDING = re.compile(r"\|{2,}|~{2,}|`+")  # spoilers, strike-through, inline code
_EMPHASIS = re.compile(r"\*+|_+")
_SPACE = re.compile(r"\s")
_MARK = re.compile(r"[*_~|`>#\\-]")  # what the rest of markup begins with


def _without_markup(text: str) -> str:
    """Each kind is looked for only where the characters are that it begins with."""
    if "<" in text:
        text = _DISCORD.sub(_readable, text)
    if ("/" in text or "." in text) and _SITE.search(text):
        text = _LINK.sub(" link ", text)
    if "](" in text:
        text = _NAMED_LINK.sub(r"\1 ", text)
    if "`" in text:
        text = _FENCE.sub(" ", text)
    if _MARK.search(text):
        text = _LINE_START.sub("", text)
        if "\\" in text:
            text = _ESCAPE.sub("", text)
        if "||" in text or "~~" in text or "`" in text:
            text = _HIDING.sub("", text)
        if "*" in text or "_" in text:
            text = _without_emphasis(text)
    return " ".join(text.split())


def _readable(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    return f" {_READABLE.get(kind, match[kind])} "


def _without_emphasis(text: str) -> str:
    """Remove ``*``, ``**``, ``_`` and ``__`` where they come in pairs, as Discord draws them.

    Lone ones stay: they are masks (``f**k``, ``sh*t``), sums or names (``snake_case``).
    """
    removed: list[re.Match[str]] = []
    # mark → its openers not closed yet, each with whether it stands inside a word
    waiting: dict[str, list[tuple[re.Match[str], bool]]] = {}
    for mark in _EMPHASIS.finditer(text):
        before = text[mark.start() - 1 : mark.start()]  # "" at the beginning
        after = text[mark.end() : mark.end() + 1]
        inside = before.isalnum() and after.isalnum()
        if mark[0] == "_" and (inside or before == after == "|"):  # "f|_|ck"
            continue
        openers = waiting.setdefault(mark[0], [])
        closed = False
        while openers and before and not before.isspace() and not closed:
            opener, opened_inside = openers.pop()
            closed = not (inside or opened_inside) or not _SPACE.search(
                text, opener.end(), mark.start()
            )
            if closed:
                removed += (opener, mark)
            elif inside:
                openers.append((opener, opened_inside))
                break
        may_open = after and not after.isspace() and (inside or not before.isalnum())
        if not closed and may_open:
            openers.append((mark, inside))
    if not removed:
        return text
    pieces: list[str] = []
    end = 0
    for mark in sorted(removed, key=lambda match: match.start()):
        pieces.append(text[end : mark.start()])
        end = mark.end()
    return "".join((*pieces, text[end:]))
