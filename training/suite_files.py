"""The files of functional suites: written cases, and templates, checked in full when read.

A file is a suite of written cases (``[[functions]]``) or one of templates (``harmless``, ``toxic``,
``[[terms]]``): sentences that differ only in whom they name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from training.config import TrainingError

_FORBID = ConfigDict(extra="forbid")
_GAP = re.compile(r"\{(?:a_)?term\}")
_Kind = TypeVar("_Kind")
# The library speaks of Python's types; the file has TOML's.
_IN_TOML = {
    "tuple_type": "a list is needed",
    "too_short": "at least one is needed",
    "dataclass_type": "a table is needed",
    "missing": "is missing",
    "unexpected_keyword_argument": "there is no such setting",
}


class SuiteError(TrainingError):
    """A suite that cannot be used; one line that names the file and the entry."""


def _written(text: str) -> str:
    if not text.strip():
        raise ValueError("a text is needed, not an empty one")
    return text


def _template(text: str) -> str:
    rest = text.replace("{term}", "").replace("{a_term}", "")
    if rest == text or "{" in rest or "}" in rest:
        raise ValueError("a template holds {term} or {a_term}, and no other braces")
    return text


def _with_article(words: str) -> str:
    if not re.fullmatch(r"an? \S.*", words):
        raise ValueError('a term is written with its article, like "a deaf" or "an Asian"')
    return words


_Text = Annotated[StrictStr, AfterValidator(_written)]
_Template = Annotated[StrictStr, AfterValidator(_template)]
_Word = Annotated[StrictStr, AfterValidator(_with_article)]
_Name = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_-]*$")]


@dataclass(frozen=True, slots=True, config=_FORBID)
class Function:
    """One ability, and the cases that ask for it.

    Attributes
    ----------
    name, about
        A short name, and one sentence on what the cases have in common.
    abusive
        Whether the cases are to be flagged; none of them is if not.
    texts
        The cases, at least one.
    """

    name: _Name
    about: _Text
    abusive: StrictBool
    texts: Annotated[tuple[_Text, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, config=_FORBID)
class Suite:
    """Functions with names of their own, and no case twice.

    Attributes
    ----------
    blind
        Whether reports keep back which cases fail: what is mended after reading them is measured by
        them no more.
    """

    name: str
    functions: Annotated[tuple[Function, ...], Field(min_length=1)]
    blind: StrictBool = False

    @model_validator(mode="after")
    def _distinct(self) -> Suite:
        _refuse_repeats("function", [function.name for function in self.functions])
        _refuse_repeats("case", self.texts)
        return self

    @property
    def texts(self) -> list[str]:
        """All cases, function after function: the order of scores and flags."""
        return [text for function in self.functions for text in function.texts]

    @property
    def abusive(self) -> list[bool]:
        """For each of `texts`, whether it is to be flagged."""
        return [function.abusive for function in self.functions for _ in function.texts]


@dataclass(frozen=True, slots=True, config=_FORBID)
class Terms:
    """Adjectives that name members of one kind of group, each with its article."""

    group: _Name
    words: Annotated[tuple[_Word, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, config=_FORBID)
class Templates:
    """Sentences with a gap, and the terms that go into it.

    Attributes
    ----------
    harmless, toxic
        ``{term}`` stands for the term alone, ``{a_term}`` for the term with its article. A gap at
        the start is filled with a capital letter.
    terms
        By kind of group. No term is found in another one or in a template, so that every sentence
        names exactly one.
    """

    name: str
    harmless: Annotated[tuple[_Template, ...], Field(min_length=1)]
    toxic: Annotated[tuple[_Template, ...], Field(min_length=1)]
    terms: Annotated[tuple[Terms, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _apart(self) -> Templates:
        _refuse_repeats("template", [*self.harmless, *self.toxic])
        _refuse_repeats("group", [terms.group for terms in self.terms])
        _refuse_repeats("term", self.bare_terms)
        for term in self.bare_terms:
            named = re.compile(rf"(?<!\w){re.escape(term)}(?!\w)", re.IGNORECASE)
            for other in (*self.bare_terms, *self.harmless, *self.toxic):
                if other != term and named.search(_GAP.sub("", other)):
                    raise ValueError(f"the term {term!r} is also found in {other!r}")
        return self

    @property
    def bare_terms(self) -> list[str]:
        """All terms without their article."""
        return [_bare(word) for terms in self.terms for word in terms.words]

    def suite(self) -> Suite:
        """Every template with every term: two functions for each kind of group."""
        return Suite(
            self.name,
            tuple(
                Function(
                    name=f"{kind}_{terms.group}",
                    about=f"A {kind} sentence names a group ({terms.group}).",
                    abusive=kind == "toxic",
                    texts=tuple(_filled(one, word) for word in terms.words for one in templates),
                )
                for terms in self.terms
                for kind, templates in (("harmless", self.harmless), ("toxic", self.toxic))
            ),
        )


def load_suite(path: Path) -> Suite:
    """Read a suite of written cases.

    Raises
    ------
    SuiteError
        The file cannot be read, or an entry is unknown, missing or impossible; names it.
    """
    return _load(path, Suite)


def load_templates(path: Path) -> Templates:
    """Read a suite of templates; raises like `load_suite`."""
    return _load(path, Templates)


def load_either(path: Path) -> Suite | Templates:
    """Read a suite of whichever kind the file holds; raises like `load_suite`."""
    return load_templates(path) if "terms" in _read(path) else load_suite(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SuiteError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: not TOML: {error}") from None


def _load(path: Path, kind: type[_Kind]) -> _Kind:
    content = _read(path)
    if "name" in content:
        raise SuiteError(f"{path}: name: there is no such setting; a suite is called by its file")
    try:
        return TypeAdapter(kind).validate_python({"name": path.stem, **content})
    except ValidationError as error:
        first = error.errors()[0]
    raise SuiteError(f"{path}: {_problem(content, first)}")


def _problem(content: Any, error: ErrorDetails) -> str:
    where = _place(content, error["loc"])
    # A table would fill the screen.
    if isinstance(error["input"], (str, int, float)):
        where += f" = {error['input']!r}"
    problem = _IN_TOML.get(error["type"], error["msg"].removeprefix("Value error, "))
    return f"{where}: {problem}" if where else problem


def _place(content: Any, location: Sequence[str | int]) -> str:
    """``functions, entry 3 (derogation), texts, entry 2``."""
    parts = []
    for step in location:
        try:
            content = content[step]
        except (KeyError, IndexError, TypeError):
            content = None
        if isinstance(step, str):
            parts.append(step)
            continue
        named = content.get("name", content.get("group")) if isinstance(content, dict) else None
        parts.append(f"entry {step + 1}" + (f" ({named})" if named else ""))
    return ", ".join(parts)


def _refuse_repeats(what: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise ValueError(f"the {what} {name!r} is there twice")
        seen.add(name.casefold())


def _bare(word: str) -> str:
    return word.partition(" ")[2]


def _filled(template: str, word: str) -> str:
    text = template.replace("{a_term}", word).replace("{term}", _bare(word))
    return text[0].upper() + text[1:]
