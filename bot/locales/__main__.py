"""Gather every text and bring the catalogues up to date: ``python -m bot.locales [LANGUAGE …]``.

Texts that are new have no translation afterwards, and those that no source has any more are gone.
A language that is named and has no catalogue yet gets one. Only developers need this.
"""

from __future__ import annotations

import ast
import importlib
import io
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location
from discord.ext import commands

import bot.cogs
from bot.chat.languages import CONTEXTS
from bot.language import CATALOGUES

_SOURCES = Path(bot.cogs.__file__).parents[1]
# Which functions take texts, and how many.
_TAKERS = {"tr": 1, "trn": 2, "locale_str": 1}
_WIDTH = 96
# What gettext's tools put into the header and nobody reads; dates would change with every run.
_PASSING = (
    '"Report-Msgid-Bugs-To:',
    '"POT-Creation-Date:',
    '"PO-Revision-Date:',
    '"Last-Translator:',
    '"Language-Team:',
    '"Generated-By:',
)

AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.Group
Text = tuple[Location, str | app_commands.locale_str]


def gather() -> Catalog:
    """Every text: those inside ``tr`` and ``trn``, and those of the commands."""
    found = Catalog(project="Hexward", charset="utf-8")
    for source in sorted(_SOURCES.rglob("*.py")):
        path = source.relative_to(_SOURCES.parent).as_posix()
        for texts in _texts_in(ast.parse(source.read_text(encoding="utf-8"))):
            found.add(texts[0] if len(texts) == 1 else texts, locations=[(path, 1)])
    for context, text, path in command_texts():
        found.add(text, context=context, locations=[(path, 1)])
    return found


def _texts_in(tree: ast.AST) -> Iterator[tuple[str, ...]]:
    """The texts in a source, in its order; Babel's own reader does not look into f-strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            forms = node.args[: _TAKERS.get(str(name), 0)]
            texts = tuple(str(ast.literal_eval(one)) for one in forms if _is_text(one))
            if texts and len(texts) == len(forms):
                yield texts


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def command_texts() -> Iterator[tuple[str, str, str]]:
    """Context, text and source of each name, description, option and choice of a command."""
    for module in pkgutil.iter_modules(bot.cogs.__path__, "bot.cogs."):
        path = module.name.replace(".", "/") + ".py"
        for thing in vars(importlib.import_module(module.name)).values():
            own = isinstance(thing, type) and thing.__module__ == module.name
            if own and issubclass(thing, commands.Cog):
                for location, text in _texts_of_cog(thing):
                    yield CONTEXTS[location], str(text), path


def _texts_of_cog(cog: type[commands.Cog]) -> Iterator[Text]:
    if cog.__cog_is_app_commands_group__:
        yield Location.group_name, cog.__cog_group_name__
        yield Location.group_description, cog.__cog_group_description__
    for command in cog.__cog_app_commands__:
        yield from _texts_of(command)


def _texts_of(command: AnyCommand) -> Iterator[Text]:
    yield Location.command_name, command.name
    yield Location.command_description, command.description
    if isinstance(command, app_commands.Group):
        for child in command.commands:
            yield from _texts_of(child)
        return
    for option in command.parameters:
        yield Location.parameter_name, option.display_name
        yield Location.parameter_description, option.description
        for choice in option.choices:
            yield Location.choice_name, choice.name


def written(catalogue: Catalog) -> bytes:
    """A catalogue as it stands in its file."""
    file = io.BytesIO()
    # Without line numbers, so that a change elsewhere in a source does not change the catalogue.
    write_po(file, catalogue, width=_WIDTH, sort_by_file=True, include_lineno=False)
    lines = file.getvalue().decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(_PASSING)).encode()


def updated(path: Path) -> bytes:
    """What a catalogue is to be: the texts of today, with the translations it has for them."""
    catalogue = Catalog(locale=path.stem, project="Hexward", charset="utf-8", fuzzy=False)
    if path.exists():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=path.stem)
    # Guesses from similar texts would be taken for translations; they are left out.
    catalogue.update(gather(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    assert catalogue.locale is not None
    catalogue.header_comment = f"# {catalogue.locale.english_name} texts of Hexward."
    return written(catalogue)


def update(languages: Iterable[str]) -> None:
    """Bring the catalogues of these languages up to date, and make those that are not there."""
    for language in languages:
        path = CATALOGUES / f"{language}.po"
        path.write_bytes(updated(path))
        with path.open("rb") as file:
            texts = [message for message in read_po(file, locale=language) if message.id]
        lacking = sum(not _complete(message) for message in texts)
        print(f"{path}: {len(texts)} texts, {lacking} without a translation")


def _complete(message: Message) -> bool:
    forms = message.string
    return bool(forms) if isinstance(forms, str) else all(forms or [""])


if __name__ == "__main__":
    update(sorted({*sys.argv[1:], *(path.stem for path in CATALOGUES.glob("*.po"))}))
