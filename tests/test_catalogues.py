"""Every text that people on Discord read has a translation that fits."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

import bot
from bot.language import CATALOGUES
from bot.locales.__main__ import updated

SOURCES = Path(bot.__file__).parent
FILES = sorted(CATALOGUES.glob("*.po"))
# A slash command, and the words after it, some of which may belong to its name.
COMMAND = re.compile(r"(?<![\w/.}])/([a-z]+(?: [a-z]+)*)")


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.stem)


def texts(message: Message) -> tuple[list[str], list[str]]:
    english, translated = message.id, message.string
    return (
        [english] if isinstance(english, str) else list(english),
        [translated] if isinstance(translated, str) else list(translated or ()),
    )


def holes(text: str) -> set[tuple[str, str, str]]:
    """The placeholders, each with its conversion and format."""
    try:
        found = list(string.Formatter().parse(text))
    except ValueError:  # braces that are meant as braces
        return set()
    return {
        (name, form or "", conversion or "")
        for _literal, name, form, conversion in found
        if name is not None
    }


@pytest.fixture(params=FILES, ids=[path.stem for path in FILES])
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_the_catalogue_is_what_the_sources_make_it(path: Path) -> None:
    assert path.read_bytes() == updated(path), "run: python -m bot.locales"


def test_every_text_is_translated(path: Path) -> None:
    catalogue = read(path)
    assert not catalogue.obsolete
    lacking = [m.id for m in catalogue if m.id and (m.fuzzy or not all(texts(m)[1]))]
    assert lacking == []


def test_translations_have_the_same_holes(path: Path) -> None:
    for message in read(path):
        if not message.id:
            continue
        english, translated = texts(message)
        for text in translated:
            allowed = set().union(*map(holes, english))
            assert holes(text) <= allowed, text
            # "one flag" need not name the number that "{count} flags" does.
            assert len(english) > 1 or holes(text) == allowed, text
        assert holes(translated[-1]) >= holes(english[-1]), translated


def test_commands_are_called_by_their_translated_names(path: Path) -> None:
    catalogue = read(path)
    for message in catalogue:
        if not message.id:
            continue
        english, translated = texts(message)
        for before, after in ((english[0], translated[0]), (english[-1], translated[-1])):
            for found in COMMAND.findall(before):
                assert f"/{_called(catalogue, found.split())}" in after, after


def _called(catalogue: Catalog, words: list[str]) -> str:
    """A command's translated name, from the words after a slash; what follows it is left out."""
    names = []
    for word in words:
        message = catalogue.get(word, "name")
        if message is None:
            break
        names.append(str(message.string))
    assert names, f"/{words[0]} is no command"
    return " ".join(names)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="tr" | "trn")):
                yield node


@pytest.mark.parametrize("source", sorted(SOURCES.rglob("*.py")), ids=lambda path: path.stem)
def test_texts_are_literals_whose_holes_are_filled(source: Path) -> None:
    """Only literals can be gathered; what is put into their holes must be named."""
    for call in calls(ast.parse(source.read_text(encoding="utf-8"))):
        assert isinstance(call.func, ast.Name)
        forms = call.args[: 1 if call.func.id == "tr" else 2]
        where = f"{source}:{call.lineno}"
        english = [
            form.value
            for form in forms
            if isinstance(form, ast.Constant) and isinstance(form.value, str)
        ]
        assert len(english) == len(forms) > 0, where
        assert len(call.args) == (1 if call.func.id == "tr" else 3), where
        named = {keyword.arg for keyword in call.keywords}
        if named or call.func.id == "trn":
            wanted = {name for text in english for name, _, _ in holes(text)}
            # What comes as a whole (``**facts``) only running it can tell.
            assert None in named or (wanted - {"count"} <= named <= wanted), where
        assert "count" not in named or call.func.id == "tr", where
