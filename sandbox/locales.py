"""The language that each person of the sandbox has set, and the bot's commands in it.

simcord sends every interaction in American English and lists commands by their English names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: The locale of people and servers who have chosen none.
ENGLISH = "en-GB"

_Command = Mapping[str, Any]


def locales_of(commands: Iterable[_Command]) -> list[str]:
    """English, and the locales in which at least one of `commands` has a name or description."""
    found = {
        locale
        for command in commands
        for field in ("name_localizations", "description_localizations")
        for locale in command.get(field) or ()
    }
    return [ENGLISH, *sorted(found - {ENGLISH})]


def name_of(node: Mapping[str, Any], locale: str) -> str:
    """The name of a command, an option or a choice, as somebody with `locale` sees it."""
    return str((node.get("name_localizations") or {}).get(locale, node["name"]))


def localized_entry(entry: Mapping[str, Any], command: _Command, locale: str) -> dict[str, Any]:
    """An entry of simcord's list of commands, as somebody with `locale` sees it.

    Its path stays English: by it the browser says which command it means.
    """
    trail = _trail(command, entry["path"])
    leaf = trail[-1]
    options = {option["name"]: option for option in leaf.get("options") or ()}
    return {
        **entry,
        "invocation": " ".join(name_of(node, locale) for node in trail),
        "description": _description_of(leaf, locale),
        "options": [
            _localized_option(shown, options[shown["name"]], locale) for shown in entry["options"]
        ],
    }


def english_wish(wish: Mapping[str, Any], command: _Command, locale: str) -> dict[str, Any]:
    """What a browser asks of a command, its options called by their English names again."""
    leaf = _trail(command, wish["path"])[-1]
    english = {name_of(option, locale): option["name"] for option in leaf.get("options") or ()}
    asked = dict(wish)
    if isinstance(options := wish.get("options"), Mapping):
        asked["options"] = {english.get(name, name): value for name, value in options.items()}
    if "focused" in wish:
        asked["focused"] = english.get(wish["focused"], wish["focused"])
    return asked


def _localized_option(
    shown: Mapping[str, Any], option: Mapping[str, Any], locale: str
) -> dict[str, Any]:
    names = {choice["name"]: name_of(choice, locale) for choice in option.get("choices") or ()}
    return {
        **shown,
        "name": name_of(option, locale),
        "description": _description_of(option, locale),
        "choices": [
            {**choice, "name": names.get(choice["name"], choice["name"])}
            for choice in shown["choices"]
        ],
    }


def _description_of(node: Mapping[str, Any], locale: str) -> str:
    return str(
        (node.get("description_localizations") or {}).get(locale, node.get("description", ""))
    )


def _trail(command: _Command, path: Iterable[str]) -> list[Mapping[str, Any]]:
    """A command and the subcommands down to the one that `path` ends with.

    Raises
    ------
    KeyError
        There is no such subcommand.
    """
    trail: list[Mapping[str, Any]] = [command]
    for name in list(path)[1:]:
        found = {node["name"]: node for node in trail[-1].get("options") or ()}
        trail.append(found[name])
    return trail
