"""The bytes of a settings file → what is in it, or what keeps it from being read.

JSON as `json` reads it, but no key may stand in an object twice: the first would be lost silently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_MOST_PROBLEMS = 10
# What `write` makes is four deep; Python's reader itself gives up at some hundreds.
_DEEPEST = 50
# Python turns no text with more digits than 4,300 into a number.
_MOST_DIGITS = 4_000
# Strings are passed over, so that brackets inside them do not count.
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class ProblemKind(StrEnum):
    """What is wrong at some place of a file."""

    NO_TEXT = "no text"
    NO_JSON = "no json"
    TOO_DEEP = "too deep"
    NO_SETTINGS = "no settings"
    TWICE = "twice"
    VERSION = "version"
    UNKNOWN = "unknown"
    NO_LABEL = "no label"
    NO_ID = "no id"
    MISSING = "missing"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a file from being taken.

    Attributes
    ----------
    place
        Where: ``channels.123.thresholds.toxic``; of a file that cannot be read, the line.
    value
        What stands there, as JSON; empty where nothing does. Of a file that is no UTF-8, what it
        is, if that can be told.
    """

    kind: ProblemKind
    place: str
    value: str = ""


class BadFile(Exception):
    """A file that cannot be taken.

    Attributes
    ----------
    problems
        What is wrong with it, the first ten.
    others
        How many more things there are.
    """

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} problems in a file of settings")
        self.problems = problems[:_MOST_PROBLEMS]
        self.others = len(problems) - len(self.problems)


def parse(raw: bytes) -> dict[str, Any]:
    """Read the object that a file holds. Numbers too long for Python stay text.

    Raises
    ------
    BadFile
        It is no UTF-8, no JSON or no object, is nested too deeply, or has a key twice.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        found = "UTF-16" if raw.startswith(_UTF_16) else ""
        raise BadFile([Problem(ProblemKind.NO_TEXT, str(line), found)]) from None
    if (line_too_deep := _too_deep(text)) is not None:
        raise BadFile([Problem(ProblemKind.TOO_DEEP, str(line_too_deep))])
    twice: list[tuple[dict[str, Any], str]] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    twice.append((found, key))
                seen.add(key)
        return found

    try:
        document = json.loads(text, parse_int=_whole, object_pairs_hook=collect)
    except json.JSONDecodeError as error:
        raise BadFile([Problem(ProblemKind.NO_JSON, str(error.lineno))]) from None
    if twice:
        places = {id(one): place for one, place in _objects(document)}
        # What stands in an object that was itself replaced has no place any more but its key.
        keys = (f"{places.get(id(one), '')}.{key}".lstrip(".") for one, key in twice)
        unlike = dict.fromkeys(tellable(key) for key in keys)
        raise BadFile([Problem(ProblemKind.TWICE, key) for key in unlike])
    if not isinstance(document, dict):
        raise BadFile([Problem(ProblemKind.NO_SETTINGS, "", shown(document))])
    return document


def shown(value: object) -> str:
    """A value as JSON, as it can be sent."""
    return tellable(json.dumps(value, ensure_ascii=False, default=str))


def tellable(text: str) -> str:
    """A text that can be sent: JSON may hold halves of characters."""
    return text.encode(errors="replace").decode()


def _too_deep(text: str) -> int | None:
    """The line on which a text is nested too deeply; None if it never is."""
    depth = 0
    for piece in _BRACKETS.finditer(text):
        if piece[0] in "[{":
            depth += 1
        elif piece[0] in "]}":
            depth -= 1
        if depth > _DEEPEST:
            return text.count("\n", 0, piece.start()) + 1
    return None


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _objects(value: object, place: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """Every object in a document, and where it stands."""
    if isinstance(value, dict):
        yield value, place
        for key, inner in value.items():
            yield from _objects(inner, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _objects(inner, f"{place}.{number}".lstrip("."))
