"""A server's settings as a file: written, read, and what of a file cannot be.

The file is JSON with ids as text, since many programs that read JSON round numbers as long as
these. What a file leaves out stays as it is in the server that takes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bot.labels import Label
from bot.rules import Measure, Mode
from bot.storage.server_settings import Notice, NoticeWay, Own, ServerSettings
from bot.storage.settings_document import BadFile, Problem, ProblemKind, parse, shown, tellable
from bot.storage.settings_shape import VERSION, MeasureEntry, PlaceEntry, SettingsFile

MOST_BYTES = 256 * 1024

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
        "language": settings.language,
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def read(raw: bytes) -> SettingsFile:
    """Check a file.

    Raises
    ------
    BadFile
        With everything that is wrong with it.
    """
    document = parse(raw)
    version = document.get("hexward_settings")
    if version != VERSION or isinstance(version, bool):  # true equals 1
        found = shown(document["hexward_settings"]) if "hexward_settings" in document else ""
        raise BadFile([Problem(ProblemKind.VERSION, "hexward_settings", found)])
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
        places = {
            channel_id: _own(entry, held.places.get(channel_id, Own()))
            for channel_id, entry in sorted(file.channels.items())
        }
        changes["places"] = MappingProxyType(
            {key: own for key, own in places.items() if own.thresholds or own.measures}
        )
    if file.mode is not None:
        changes["mode"] = Mode(file.mode)
    if file.escalation is not None:
        steps = sorted(file.escalation, key=lambda step: step.flags)
        changes["escalation"] = tuple(entry.step() for entry in steps)
    if notice is not None:
        told = _said(notice, way=held.notice.way, text=held.notice.text)
        changes["notice"] = Notice(NoticeWay(told["way"]), told["text"])
    if exempt is not None:
        names = {"moderators", "bots"} & exempt.model_fields_set
        changes |= {f"exempt_{name}": getattr(exempt, name) for name in names}
        if "roles" in exempt.model_fields_set:
            changes["exempt_role_ids"] = frozenset(exempt.roles)
        if "channels" in exempt.model_fields_set:
            changes["exempt_channel_ids"] = frozenset(exempt.channels)
    if "log_channel" in file.model_fields_set:  # null: nowhere
        changes["log_channel_id"] = file.log_channel
    if file.screening is not None:
        said = _said(file.screening, titles=held.screen_titles, names=held.screen_names)
        changes |= {f"screen_{name}": value for name, value in said.items()}
    if "language" in file.model_fields_set:  # null: the server's own on Discord
        changes["language"] = file.language
    kept: dict[str, Any] = {"retention_days": now.retention_days, "excerpt_days": now.excerpt_days}
    return Chosen(
        replace(held, **changes),  # type: ignore[arg-type]  # by name, each of its field's type
        **(kept if file.privacy is None else _said(file.privacy, **kept)),
    )


def _own(entry: PlaceEntry, held: Own) -> Own:
    return Own(
        _in_order(entry.thresholds) if "thresholds" in entry.model_fields_set else held.thresholds,
        _measures(entry.actions) if "actions" in entry.model_fields_set else held.measures,
    )


def _said(part: BaseModel, **held: Any) -> dict[str, Any]:
    """What a part of the file says, and of what it leaves out what holds now."""
    return held | {name: getattr(part, name) for name in part.model_fields_set}


def _problem(kind: str, where: tuple[int | str, ...], value: object) -> Problem:
    # Pydantic names keys of mappings "[key]" when it is the key that is wrong.
    place = tellable(".".join(str(step) for step in where if step != "[key]"))
    if where[-1:] == ("[key]",):
        of_channels = where[-3:-2] == ("channels",)
        return Problem(ProblemKind.NO_ID if of_channels else ProblemKind.NO_LABEL, place)
    if kind == "extra_forbidden":
        return Problem(ProblemKind.UNKNOWN, place)
    if kind == "missing":
        return Problem(ProblemKind.MISSING, place)
    return Problem(ProblemKind.IMPOSSIBLE, place, shown(value))


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
