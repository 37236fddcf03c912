"""Letters spelled apart, joined to the words that they spell.

``f u c k``, ``i.d.i.o.t`` and whole sentences written so. Part of the plain view: a reader joins
them, and a model makes nothing of a row of single letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from bot.screening.vocabulary import is_common, segmented

_IN_WORD = r"(?:[^\W_]|[\u0300-\u036f'’])"
_BETWEEN = r"[ ._\-*|/~+•·]"
_SPELLED_APART = re.compile(  # looks ahead before it looks back, which is the slower
    rf"[A-Za-z](?={_BETWEEN})(?<!{_IN_WORD}[A-Za-z])"
    rf"({_BETWEEN}{{1,3}})[A-Za-z](?:\1[A-Za-z])+(?!{_IN_WORD})"
)
_NOT_LETTER = re.compile(r"[^A-Za-z]+")
_ENDING = 3  # letters
_SURNAME = re.compile(r"\.? [A-Z]\w")

# Groups of letters with a wider gap between the groups than within them.
_GROUP = r"[A-Za-z](?: [A-Za-z])*+"
_GROUPS = re.compile(rf"(?<!\S)(?<!\S )(?:{_GROUP}\s{{2,}}+)+{_GROUP}(?! ?\S)")
_GAP = re.compile(r"\s{2,}")


def joined_letters(text: str) -> str:
    """The text with three and more single letters, all parted by the same, joined to words.

    Two letters stay apart (``plan a b``), and so do letters beside words, and initials before a
    name (``J. R. R. Tolkien``).

    Parameters
    ----------
    text : str
        White space must be collapsed to single spaces.
    """
    return _SPELLED_APART.sub(_joined, text)


def spelled_apart(text: str) -> Iterator[tuple[int, int]]:
    """Where each word stands that `joined_letters` would join: ``text[start:end]``.

    Of a sentence spelled apart, these are its words.

    Examples
    --------
    >>> [text[start:end] for text in ["a s t u p i d one"] for start, end in spelled_apart(text)]
    ['a', 's t u p i d']
    """
    for match in _SPELLED_APART.finditer(text):
        joined = _joined(match)
        if joined == match[0]:
            continue
        letters = [at for at in range(*match.span()) if not _NOT_LETTER.match(text[at])]
        first = 0
        for word in joined.split():
            last = first + len(word)
            yield letters[first], letters[last - 1] + 1
            first = last


def _joined(match: re.Match[str]) -> str:
    if match[1] == ". " and match[0].isupper() and _SURNAME.match(match.string, match.end()):
        return match[0]
    letters = _NOT_LETTER.sub("", match[0]).lower()
    words = segmented(letters)
    if len(words) == 2 and len(words[1]) <= _ENDING and not is_common(words[0]):
        return letters  # rather one rare word than a name and a word that looks like an ending
    for word, following in pairwise(words):
        if len(word) == len(following) == 1:  # they would be taken for letters spelled apart
            return letters
    return " ".join(words)


def joined_groups(text: str) -> str:
    """The text with single letters joined where wider gaps say which belong together.

    ``y o u   s u c k`` has its words marked by the gaps, so this comes before white space is
    collapsed. Nothing is joined unless some group has three letters.
    """
    return _GROUPS.sub(_grouped, text)


def _grouped(match: re.Match[str]) -> str:
    groups = [group.replace(" ", "").lower() for group in _GAP.split(match[0])]
    return " ".join(groups) if max(map(len, groups)) > 2 else match[0]
