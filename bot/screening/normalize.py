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

from bot.screening.apart import joined_groups, joined_letters
from bot.screening.deobfuscate import deobfuscated
from bot.screening.pictures import FLAG, ROW, without_emoji
from bot.screening.symbols import AROUND
from bot.screening.vocabulary import most_common

NORMALIZER_VERSION = 7

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
    if not text.isascii() and ROW.search(text):
        # Markup first: names need spaces around them, and links and emphasis end at spaces.
        text = _without_markup(text)
        named = without_emoji(text, spelling=False)
        spelt = without_emoji(text, spelling=True) if FLAG.search(text) else named
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
_ESCAPE = re.compile(  # not in "|\|", an n, nor behind "/\" and "/-\", an a
    r"(?<!\\)(?!(?<=[|/])\\[|<])(?!(?<=/-)\\[|<])\\++(?=[*_~|`>#<@:-])"
)
_HIDING = re.compile(  # spoilers, strike-through, inline code; not two strokes of letters
    r"(?<!\|-)(?<!\|_)(?<!\|<)(?<!\|\\)(?<!\\/)(?<!/\\)"
    r"\|{2,}(?!-\||_\||\\\||\\/|/\\|[<=)][a-zA-Z|(\[\\])"
    r"|~{2,}|`+"
)
_DOUBLE_L = re.compile(r"(?<!\S)[^\s|]*[A-Za-z]\|\|(?:[A-Za-z]+(?!\S))?+[^\s|A-Za-z]*(?!\S)")
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
            text = _HIDING.sub("", _DOUBLE_L.sub(_double_l, text))
        if "*" in text or "_" in text:
            text = _without_emphasis(text)
    return " ".join(text.split())


def _double_l(match: re.Match[str]) -> str:
    """``ki||`` and ``who||y`` with their letters, but for half a spoiler: ``||you are||``."""
    word = match[0].strip(AROUND).lower()
    meant = most_common((word.replace("||", ""), word.replace("||", "ll")))
    return match[0].replace("||", "ll") if meant and "||" in word and "ll" in meant else match[0]


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
