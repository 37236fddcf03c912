"""Reading an experiment's file, those that it extends, and what the command line overrides."""

from __future__ import annotations

import json
import re
import tomllib
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from training.config import ConfigError, Experiment

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_EXTENDS = "extends"
# What to write where a section that must be there is not.
_MISSING = {
    "rows": '[rows] must be there and name the labelled rows, as file = "data/train.csv"',
    "base": '[base] must be there and name what is trained on, as checkpoint = "bert-base-uncased"',
    "artifact": '[artifact] must be there and name the result, as model_version = "my-model-1"',
}


def load(path: Path, overrides: tuple[str, ...] = ()) -> Experiment:
    """Read an experiment's file and lay overrides over it.

    Parameters
    ----------
    path
        The TOML file, or the ``experiment.json`` that a run keeps. One that ``extends`` another, in
        the same folder, has its settings too, where it does not name its own.
    overrides
        ``section.key=value``; the value is read as TOML, and as plain text if it is not TOML.
        Without a value, the setting is taken out.

    Raises
    ------
    ConfigError
        The file cannot be read, or a setting is unknown or impossible; names it.
    """
    files = _read(path)
    settings: dict[str, Any] = {}
    for file in reversed(files):
        settings = _laid_over(settings, deepcopy(file.settings))
    changed = [_Override(f"--set {each}", _apply(settings, each)) for each in overrides]
    try:
        experiment = Experiment.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        wrong = _wrong(first)
        origins: list[_Override | _File] = [*reversed(changed), *files]
        place = next((one.place for one in origins if any(map(one.sets, wrong))), str(path))
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{place}: {where}: there is no such setting") from None
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "missing":
            reason = _MISSING.get(where, "must be set")
        if isinstance(first["input"], dict):  # a section; its reason names the setting
            raise ConfigError(f"{place}: {where}: {reason}") from None
        raise ConfigError(f"{place}: {where} = {first['input']!r}: {reason}") from None
    if experiment.artifact.card is None or path.suffix == ".json":  # a run keeps whole paths
        return experiment
    card = path.parent / experiment.artifact.card
    return experiment.model_copy(
        update={"artifact": experiment.artifact.model_copy(update={"card": card})}
    )


def _wrong(error: ErrorDetails) -> list[tuple[int | str, ...]]:
    """The settings that an error may be about."""
    where = error["loc"]
    if error["type"] != "value_error":
        return [where]
    # A section's own error names settings of it; a word that is none of them was set nowhere.
    return [(*where, *word.split(".")) for word in re.findall(r"\w+(?:\.\w+)*", error["msg"])]


@dataclass(frozen=True, slots=True)
class _File:
    """What one file sets."""

    place: str
    settings: dict[str, Any]

    def sets(self, setting: tuple[int | str, ...]) -> bool:
        """Whether a setting, or something in the section of that name, is from here."""
        found: Any = self.settings
        for part in setting:
            if not isinstance(found, dict):  # within a value that is no section, all is from here
                return True
            if part not in found:
                return False
            found = found[part]
        return True


@dataclass(frozen=True, slots=True)
class _Override:
    """What one override sets, or takes out."""

    place: str
    setting: tuple[str, ...]

    def sets(self, setting: tuple[int | str, ...]) -> bool:
        """As `_File.sets`; all that is in a section that is set as a whole."""
        both = min(len(setting), len(self.setting))
        return setting[:both] == self.setting[:both]


def _read(path: Path, extending: tuple[Path, ...] = ()) -> list[_File]:
    """A file's settings, and after them those of the files that it extends."""
    if path.resolve() in extending:
        raise ConfigError(f"{path}: extends itself by way of {extending[-1]}")
    try:
        written = path.read_text(encoding="utf-8")
        settings = json.loads(written) if path.suffix == ".json" else tomllib.loads(written)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, UnicodeDecodeError) as error:  # of either reader
        raise ConfigError(f"{path}: not TOML or JSON: {error}") from None
    if not isinstance(settings, dict):
        raise ConfigError(f"{path}: a table of settings is needed, not a {type(settings).__name__}")
    extended = settings.pop(_EXTENDS, None)
    own = _File(str(path), settings)
    if extended is None:
        return [own]
    if not isinstance(extended, str) or Path(extended).name != extended or not extended.strip("."):
        raise ConfigError(
            f"{path}: {_EXTENDS} = {extended!r}: the name of a file in the same folder is needed"
        )
    try:
        below = _read(path.parent / extended, (*extending, path.resolve()))
    except ConfigError as error:
        raise ConfigError(f"{path}: {_EXTENDS} = {extended!r}: {error}") from None
    return [own, *below]


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    together = below | above
    for name, section in above.items():
        if isinstance(section, dict) and isinstance(below.get(name), dict):
            together[name] = _laid_over(below[name], section)
    return together


def _apply(settings: dict[str, Any], override: str) -> tuple[str, ...]:
    """Lay an override over settings; the parts of the name of what it sets or takes out."""
    key, equals, text = override.partition("=")
    parts = tuple(key.strip().split("."))
    if not equals or not all(parts):
        raise ConfigError(f"{override!r}: an override is written section.key=value")
    section = settings
    for part in parts[:-1]:
        section = section.setdefault(part, {})
        if not isinstance(section, dict):
            raise ConfigError(f"{override!r}: {part} is a setting, not a section")
    if not text.strip():
        section.pop(parts[-1], None)
        return parts
    try:
        section[parts[-1]] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        section[parts[-1]] = text.strip()
    return parts
