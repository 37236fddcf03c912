"""A server's settings as a file: written, read, and what of a file cannot be.

The file is JSON with ids as text, since many programs that read JSON round numbers as long as
these. What a file leaves out stays as it is in the server that takes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from pydantic import ValidationError

from bot.labels import Label
from bot.rules import Measure, Mode
from bot.storage.server_settings import Notice, NoticeWay, Own, ServerSettings
from bot.storage.settings_shape import VERSION, MeasureEntry, SettingsFile

MOST_BYTES = 256 * 1024
_MOST_PROBLEMS = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Everything that moderators of a server chose.

    Attributes
    ----------
    retention_days, excerpt_days
        See `bot.storage.privacy.ServerPrivacy`.
    """

    settings: ServerSettings
    retention_days: int
    excerpt_days: int | None


class ProblemKind(StrEnum):
    """What is wrong at some place of a file."""

    NO_JSON = "no json"
    VERSION = "version"
    UNKNOWN = "unknown"
    MISSING = "missing"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a file from being taken.

    Attributes
    ----------
    place
        Where: ``channels.123.thresholds.toxic``; of a file that is no JSON, the line.
    value
        What stands there, as JSON; empty where nothing does.
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


def write(chosen: Chosen) -> bytes:
    """The file of a server's settings."""
    settings = chosen.settings
    document = {
        "hexward_settings": VERSION,
        "server": str(settings.server_id),
        "preset": settings.preset,
        "thresholds": dict(settings.overrides),
        "actions": _entries(settings.measures),
        "channels": {
            str(channel_id): {
                "thresholds": dict(own.thresholds),
                "actions": _entries(own.measures),
            }
            for channel_id, own in settings.places.items()
        },
        "mode": settings.mode.value,
        "escalation": [
            {
                "flags": step.flags,
                "window_s": _seconds(step.window),
                "timeout_s": _seconds(step.timeout),
            }
            for step in settings.escalation
        ],
        "notice": {"way": settings.notice.way.value, "text": settings.notice.text},
        "exempt": {
            "moderators": settings.exempt_moderators,
            "bots": settings.exempt_bots,
            "roles": [str(role_id) for role_id in sorted(settings.exempt_role_ids)],
            "channels": [str(channel_id) for channel_id in sorted(settings.exempt_channel_ids)],
        },
        "log_channel": None if settings.log_channel_id is None else str(settings.log_channel_id),
        "screening": {"titles": settings.screen_titles, "names": settings.screen_names},
        "privacy": {
            "retention_days": chosen.retention_days,
            "excerpt_days": chosen.excerpt_days,
        },
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def read(raw: bytes) -> SettingsFile:
    """Check a file.

    Raises
    ------
    BadFile
        With everything that is wrong with it.
    """
    try:
        document = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise BadFile([Problem(ProblemKind.NO_JSON, str(error.lineno))]) from None
    except (ValueError, RecursionError):  # not UTF-8, not a number of JSON, or nested without end
        raise BadFile([Problem(ProblemKind.NO_JSON, "")]) from None
    if not isinstance(document, dict) or document.get("hexward_settings") != VERSION:
        found = document.get("hexward_settings") if isinstance(document, dict) else None
        raise BadFile([Problem(ProblemKind.VERSION, "hexward_settings", _shown(found))])
    try:
        return SettingsFile.model_validate(document)
    except ValidationError as error:
        problems = {_problem(one["type"], one["loc"], one["input"]): None for one in error.errors()}
        raise BadFile(list(problems)) from None


def over(file: SettingsFile, now: Chosen) -> Chosen:
    """What a server will have chosen once a file was applied to what it has chosen now."""
    held, notice, exempt = now.settings, file.notice, file.exempt
    changes: dict[str, object] = {}
    if file.preset is not None:
        changes["preset"] = file.preset
    if file.thresholds is not None:
        changes["overrides"] = _in_order(file.thresholds)
    if file.actions is not None:
        changes["measures"] = _measures(file.actions)
    if file.channels is not None:
        changes["places"] = MappingProxyType(
            {
                channel_id: Own(_in_order(entry.thresholds), _measures(entry.actions))
                for channel_id, entry in sorted(file.channels.items())
                if entry.thresholds or entry.actions
            }
        )
    if file.mode is not None:
        changes["mode"] = Mode(file.mode)
    if file.escalation is not None:
        steps = sorted(file.escalation, key=lambda step: step.flags)
        changes["escalation"] = tuple(entry.step() for entry in steps)
    if notice is not None:
        changes["notice"] = Notice(NoticeWay(notice.way), notice.text)
    if exempt is not None:
        changes |= {
            "exempt_moderators": exempt.moderators,
            "exempt_bots": exempt.bots,
            "exempt_role_ids": frozenset(exempt.roles),
            "exempt_channel_ids": frozenset(exempt.channels),
        }
    if "log_channel" in file.model_fields_set:  # null: nowhere
        changes["log_channel_id"] = file.log_channel
    if file.screening is not None:
        changes["screen_titles"] = file.screening.titles
        changes["screen_names"] = file.screening.names
    kept = file.privacy
    return Chosen(
        replace(held, **changes),  # type: ignore[arg-type]
        now.retention_days if kept is None else kept.retention_days,
        now.excerpt_days if kept is None else kept.excerpt_days,
    )


def _problem(kind: str, where: tuple[int | str, ...], value: object) -> Problem:
    # Pydantic names keys of mappings "[key]" when it is the key that is wrong.
    place = _tellable(".".join(str(step) for step in where if step != "[key]"))
    if kind == "extra_forbidden" or "[key]" in where:
        return Problem(ProblemKind.UNKNOWN, place)
    if kind == "missing":
        return Problem(ProblemKind.MISSING, place)
    return Problem(ProblemKind.IMPOSSIBLE, place, _shown(value))


def _shown(value: object) -> str:
    return "" if value is None else _tellable(json.dumps(value, ensure_ascii=False, default=str))


def _tellable(text: str) -> str:
    """A text that can be sent: JSON may hold halves of characters."""
    return text.encode(errors="replace").decode()


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _entries(measures: Mapping[Label, Measure]) -> dict[str, dict[str, object]]:
    return {
        label.value: {"action": measure.action.value}
        | ({} if measure.timeout is None else {"timeout_s": _seconds(measure.timeout)})
        for label, measure in measures.items()
    }


def _measures(entries: Mapping[Label, MeasureEntry]) -> Mapping[Label, Measure]:
    return _in_order({label: entry.measure() for label, entry in entries.items()})


def _in_order(values: Mapping[Label, T]) -> Mapping[Label, T]:
    return MappingProxyType({label: values[label] for label in Label if label in values})


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
