"""A flagged text as an alert card quotes it: behind spoiler bars, the words that matter marked.

Nothing that a member wrote can break out of the quotation or be read as markup, but for mentions
where they are wanted: whom an insult is aimed at is to be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

QUOTE_LIMIT = 3_600
"""Characters of Discord's markup, escapes included, that a quotation takes at most."""

# Characters that make what follows them run the other way, also outside of the quotation.
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MARKUP = re.compile(r"([\\*_~|`>#\[\]()<:@-])")
# Whom or what a text names, which Discord shows by its name. In an embed it pings nobody.
_NAMED = re.compile(r"<(?:@[!&]?|#)[0-9]{15,20}>")
_GAP = " … "
_MARK = "__**", "**__"


def spoiler(text: str, marked: tuple[int, int] | None = None, *, mentions: bool = False) -> str:
    """A text behind spoiler bars, unable to break out of them.

    Of a text that is too long for a card, the beginning, the end and what is marked are shown.

    Parameters
    ----------
    marked
        Which part (``text[start:end]``) is shown bold and underlined.
    mentions
        Whether whom the text mentions is shown by name, as in a message; names and titles mention
        nobody.
    """
    start, end = marked or (0, 0)
    pieces = [
        (piece, start < position + length and position < end)
        for position, length, piece in _pieces(text, mentions)
    ]
    while pieces and pieces[0][0].isspace():
        del pieces[0]
    while pieces and pieces[-1][0].isspace():
        del pieces[-1]
    return f"||{_joined(pieces, _shown([len(piece) for piece, _ in pieces], pieces))}||"


def _pieces(text: str, mentions: bool) -> Iterator[tuple[int, int, str]]:
    """What is shown whole or not at all: where it begins, how long it is, how it is written."""
    position = 0
    while position < len(text):
        named = _NAMED.match(text, position) if mentions else None
        piece = named[0] if named else text[position]
        if named:
            yield position, len(piece), piece
        elif not _DIRECTIONS.match(piece):
            yield position, 1, _MARKUP.sub(r"\\\1", piece)
        position += len(piece)


def _shown(sizes: list[int], pieces: list[tuple[str, bool]]) -> list[range]:
    """Which stretches of the pieces are shown: all, or those that matter most."""
    if sum(sizes) <= QUOTE_LIMIT:
        return [range(len(sizes))]
    places = [place for place, (_, marked) in enumerate(pieces) if marked]
    if not places:
        half = QUOTE_LIMIT // 2
        return [range(_room(sizes, half)), range(len(sizes) - _room(sizes[::-1], half), len(sizes))]
    third = QUOTE_LIMIT // 3
    first, last = _room(sizes, third), len(sizes) - _room(sizes[::-1], third)
    around = third // 4
    before = places[0] - _room(sizes[: places[0]][::-1], around)
    behind = before + _room(sizes[before:], third)
    stretches = [range(first), range(before, behind), range(last, len(sizes))]
    return _merged(stretches)


def _merged(stretches: Iterable[range]) -> list[range]:
    """Stretches in order, those that touch made one."""
    merged: list[range] = []
    for stretch in sorted(stretches, key=lambda one: one.start):
        if merged and stretch.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, stretch.stop))
        else:
            merged.append(stretch)
    return merged


def _room(sizes: list[int], room: int) -> int:
    """How many of the first pieces have room together."""
    for count, size in enumerate(sizes):
        room -= size
        if room < 0:
            return count
    return len(sizes)


def _joined(pieces: list[tuple[str, bool]], stretches: list[range]) -> str:
    parts: list[str] = []
    for stretch in stretches:
        inside = False
        words: list[str] = []
        for place in stretch:
            piece, marked = pieces[place]
            if marked != inside:
                words.append(_MARK[inside])
                inside = marked
            words.append(piece)
        if inside:
            words.append(_MARK[1])
        parts.append("".join(words))
    return _GAP.join(parts)
