"""Chat lines written for the trainer: templates with slots, filled and styled by a seed."""

from __future__ import annotations

import math
import random
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.labels import LABELS, Label
from training.config import TrainingError

_SLOT = re.compile(r"\{([a-z_]+)\}")
_INTERJECTIONS = ("lol", "bro", "ngl", "lmao", "tbh", "yo", "man", "fr", "omg", "dude")
_Text = Annotated[str, Field(min_length=1, pattern=r"\S")]


class WrittenError(TrainingError):
    """A file of chat lines that cannot be used; one sentence that names the file and the entry."""


@dataclass(frozen=True, slots=True)
class Line:
    """One chat line with what is known of its six labels."""

    text: str
    labels: tuple[float, ...]
    """1 or 0 in the order of `bot.labels.LABELS`; NaN where the line says nothing."""
    template: str
    """The text before its slots were filled; a split keeps the lines of one template together."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: tuple[Label, ...]
    masked: tuple[Label, ...] = ()
    texts: Annotated[tuple[_Text, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _disjoint(self) -> _Entry:
        both = [label.value for label in self.labels if label in self.masked]
        if both:
            raise ValueError(f"{both[0]} is both given and masked; keep one of the two")
        return self

    def targets(self) -> tuple[float, ...]:
        return tuple(
            math.nan if label in self.masked else float(label in self.labels) for label in LABELS
        )


class _Theme(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    slots: dict[
        Annotated[str, Field(pattern=r"^[a-z_]+$")],
        Annotated[tuple[_Text, ...], Field(min_length=1)],
    ] = Field(default_factory=dict)
    lines: tuple[_Entry, ...] = ()


def load(directory: Path, *, most_per_template: int, seed: int) -> list[Line]:
    """Read every theme of a directory and write out its lines.

    A slot that stands twice in a template gets the same filling both times. What a template
    becomes depends on the seed and on the template alone, never on its neighbours or its labels.

    Parameters
    ----------
    directory
        A directory of TOML files. Each may have a table ``slots`` (name → fillings) and tables
        ``lines`` with ``labels``, ``masked`` and ``texts``; the slots of ``slots.toml`` serve all
        files, and a file's own slot of the same name takes precedence.
    most_per_template
        The most fillings drawn from one template, at least 1; all of them differ.
    seed
        Of the fillings and the styling.

    Returns
    -------
    list of Line
        In the order of the file names and, within a file, of the templates. No text comes twice.

    Raises
    ------
    WrittenError
        A file cannot be read, an entry names an unknown slot or label, or a template is written
        twice; names the file and the entry.
    """
    if most_per_template < 1:
        raise WrittenError(f"most_per_template = {most_per_template}: at least 1 is needed")
    paths = sorted(directory.glob("*.toml"))
    if not paths:
        raise WrittenError(f"{directory}: holds no .toml file; name the directory of chat lines")
    themes = {path: _read(path) for path in paths}
    shared = next((theme.slots for path, theme in themes.items() if path.stem == "slots"), {})
    lines: dict[str, Line] = {}
    origins: dict[str, str] = {}
    for path, theme in themes.items():
        slots = {**shared, **theme.slots}
        for number, entry in enumerate(theme.lines, start=1):
            place = f"{path}: entry {number}"
            targets = entry.targets()
            for template in entry.texts:
                if template in origins:
                    raise WrittenError(
                        f"{place}: {template!r} is written in {origins[template]} already; "
                        "take one of them out"
                    )
                origins[template] = place
                source = random.Random(f"{seed}:{template}")
                for filled in _fillings(template, slots, most_per_template, source, place):
                    text = _styled(filled, source)
                    lines.setdefault(text, Line(text, targets, template))
    return list(lines.values())


def _read(path: Path) -> _Theme:
    try:
        return _Theme.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise WrittenError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrittenError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise WrittenError(f"{path}: {_located(first['loc'])}: {_reason(first)}") from None


def _located(location: tuple[int | str, ...]) -> str:
    """``("lines", 2, "labels", 0)`` → ``entry 3, labels``, as an author counts."""
    if len(location) > 1 and location[0] == "lines":
        named = [part for part in location[2:] if isinstance(part, str)]
        return ", ".join([f"entry {int(location[1]) + 1}", *named])
    return ".".join(str(part) for part in location)


def _reason(error: Mapping[str, object]) -> str:
    if error["type"] == "enum":
        known = ", ".join(label.value for label in LABELS)
        return f"{error['input']!r} is no label; the labels are {known}"
    return str(error["msg"]).removeprefix("Value error, ")


def _fillings(
    template: str,
    slots: Mapping[str, tuple[str, ...]],
    most: int,
    source: random.Random,
    place: str,
) -> Iterator[str]:
    """Fill a template with up to `most` combinations, drawn without repeating one."""
    names = list(dict.fromkeys(_SLOT.findall(template)))
    for name in names:
        if name not in slots:
            raise WrittenError(
                f"{place}: {{{name}}} in {template!r} is no slot; "
                "give it fillings in this file's [slots] or in slots.toml"
            )
    combinations = math.prod(len(slots[name]) for name in names)
    for combination in source.sample(range(combinations), min(most, combinations)):
        # A combination's number is read as digits, one slot a digit.
        chosen: dict[str, str] = {}
        rest = combination
        for name in names:
            rest, digit = divmod(rest, len(slots[name]))
            chosen[name] = slots[name][digit]
        yield _SLOT.sub(lambda match, chosen=chosen: chosen[match[1]], template)  # type: ignore[misc]


def _styled(text: str, source: random.Random) -> str:
    """Write a line as somebody in a chat might.

    The draws are the same for every line whatever its labels, so that style tells nothing.
    """
    if source.random() < 0.5:
        text = text.rstrip(".!") or text
    draw = source.random()
    if draw < 0.08:
        text = f"{source.choice(_INTERJECTIONS)} {text}"
    elif draw < 0.16:
        text = f"{text.rstrip('.') or text} {source.choice(_INTERJECTIONS)}"
    case = source.random()
    if case < 0.4:
        return text.lower()
    if case < 0.65:
        return text[:1].upper() + text[1:]
    if case < 0.7:
        return text.upper()
    return text
