"""What Discord asks of commands' names and descriptions in other languages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import discord
from simcord.backend.errors import BackendError
from simcord.enums import AppCommandType

_LOCALES = frozenset(locale.value for locale in discord.Locale)
_WORD = re.compile(r"[-_'\w]{1,32}")
_LONGEST_TEXT = 100
_LONGEST_MENU = 32


def check_localizations(commands: Iterable[Mapping[str, Any]]) -> None:
    """Refuse what Discord would refuse.

    Raises
    ------
    simcord.backend.errors.BackendError
        HTTP 400, error 50035: a locale is unknown, a text is too long or empty, a name is not one
        word in small letters, or two neighbours have the same name.
    """
    for command in commands:
        named = command.get("type", AppCommandType.CHAT_INPUT) == AppCommandType.CHAT_INPUT
        _check(command, word=named)
        _check_options(command)
    for kind in AppCommandType:
        _check_apart([one for one in commands if one.get("type", 1) == kind])


def _check_options(node: Mapping[str, Any]) -> None:
    options = node.get("options") or ()
    _check_apart(options)
    for option in options:
        _check(option, word=True)
        _check_options(option)
        for choice in option.get("choices") or ():
            _check(choice, word=False, longest=_LONGEST_TEXT)


def _check(node: Mapping[str, Any], *, word: bool, longest: int = _LONGEST_MENU) -> None:
    where = f"{node['name']}: "
    for locale, name in _localized(node, "name_localizations", where):
        if word and (not _WORD.fullmatch(name) or name != name.lower()):
            raise _invalid(f"{where}{locale}: {name!r} is not one word in small letters")
        if not 1 <= len(name) <= longest:
            raise _invalid(f"{where}{locale}: a name has 1 to {longest} characters")
    for locale, text in _localized(node, "description_localizations", where):
        if not 1 <= len(text) <= _LONGEST_TEXT:
            raise _invalid(f"{where}{locale}: a description has 1 to {_LONGEST_TEXT} characters")


def _localized(node: Mapping[str, Any], field: str, where: str) -> Iterable[tuple[str, str]]:
    texts: Mapping[str, str] = node.get(field) or {}
    for locale in texts:
        if locale not in _LOCALES:
            raise _invalid(f"{where}{field}: Discord has no locale {locale!r}")
    return texts.items()


def _check_apart(neighbours: Iterable[Mapping[str, Any]]) -> None:
    for locale in ("", *_LOCALES):
        seen: set[str] = set()
        for node in neighbours:
            name = (node.get("name_localizations") or {}).get(locale, node["name"])
            if name in seen:
                raise _invalid(f"two neighbours are called {name!r} in {locale or 'English'}")
            seen.add(name)


def _invalid(text: str) -> BackendError:
    return BackendError(400, 50035, f"Invalid Form Body: {text}")
