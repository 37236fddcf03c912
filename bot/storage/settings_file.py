"""A server's settings as a file: its shape, and what of a file cannot be.

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
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from bot.labels import Label
from bot.rules import (
    LONGEST_TIMEOUT,
    LONGEST_WINDOW,
    MOST_FLAGS,
    SHORTEST_TIMEOUT,
    SHORTEST_WINDOW,
    Action,
    Measure,
    Mode,
    Step,
)
from bot.storage.privacy import MOST_EXCERPT_DAYS, MOST_RETENTION_DAYS
from bot.storage.server_settings import (
    LONGEST_NOTICE,
    MOST_STEPS,
    Notice,
    NoticeWay,
    Own,
    ServerSettings,
)

VERSION = 1
MOST_BYTES = 256 * 1024
# A file that holds more than one of these was not written by Hexward, or has been tampered with.
MOST_PLACES = 100
MOST_EXEMPTIONS = 1_000
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


def _id(value: object) -> int:
    text = str(value)
    if not isinstance(value, str) or not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise ValueError("an id")
    if not 0 < int(text) < 2**63 or text.startswith("0"):  # 07 and 7 would be one channel
        raise ValueError("an id")
    return int(text)


def _label(value: object) -> Label:
    return Label(str(value))


Id = Annotated[int, BeforeValidator(_id)]
Threshold = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
LabelKey = Annotated[Label, BeforeValidator(_label)]
TimeoutSeconds = Annotated[
    int,
    Field(ge=int(SHORTEST_TIMEOUT.total_seconds()), le=int(LONGEST_TIMEOUT.total_seconds())),
]
WindowSeconds = Annotated[
    int, Field(ge=int(SHORTEST_WINDOW.total_seconds()), le=int(LONGEST_WINDOW.total_seconds()))
]


class _Part(BaseModel):
    # Strict: "yes" is no truth value and "12" no number. Enumerations come as words all the same.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class MeasureEntry(_Part):
    """See `bot.rules.Measure`."""

    action: Literal["log", "alert", "delete", "timeout"]
    timeout_s: TimeoutSeconds | None = None


def _fits(entry: MeasureEntry) -> MeasureEntry:
    _measure(entry)
    return entry


Measures = dict[LabelKey, Annotated[MeasureEntry, AfterValidator(_fits)]]


class PlaceEntry(_Part):
    """See `Own`."""

    thresholds: dict[LabelKey, Threshold] = {}
    actions: Measures = {}


class StepEntry(_Part):
    """See `bot.rules.Step`."""

    flags: Annotated[int, Field(ge=1, le=MOST_FLAGS)]
    window_s: WindowSeconds
    timeout_s: TimeoutSeconds


def _no_flags_twice(steps: list[StepEntry]) -> list[StepEntry]:
    if len({step.flags for step in steps}) < len(steps):
        raise ValueError("two steps with the same number of flags")
    return steps


def _no_zeros(text: str) -> str:
    if "\0" in text:
        raise ValueError("PostgreSQL takes no such character in a text")
    return text


NoticeText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NOTICE),
    AfterValidator(_no_zeros),
]


class NoticeEntry(_Part):
    """See `Notice`."""

    way: Literal["off", "channel", "dm"]
    text: NoticeText | None = None


class ExemptEntry(_Part):
    """Who and what is not screened."""

    moderators: bool
    bots: bool
    roles: Annotated[list[Id], Field(max_length=MOST_EXEMPTIONS)]
    channels: Annotated[list[Id], Field(max_length=MOST_EXEMPTIONS)]


class ScreeningEntry(_Part):
    """What besides messages is screened."""

    titles: bool
    names: bool


class PrivacyEntry(_Part):
    """For how long what is kept."""

    retention_days: Annotated[int, Field(ge=1, le=MOST_RETENTION_DAYS)]
    excerpt_days: Annotated[int, Field(ge=1, le=MOST_EXCERPT_DAYS)] | None


class SettingsFile(_Part):
    """The whole file; of what it leaves out it says nothing."""

    version: Literal[1] = Field(alias="hexward_settings")
    server: Id | None = None
    preset: Literal["relaxed", "balanced", "strict"] | None = None
    thresholds: dict[LabelKey, Threshold] | None = None
    actions: Measures | None = None
    channels: Annotated[dict[Id, PlaceEntry], Field(max_length=MOST_PLACES)] | None = None
    mode: Literal["observe", "enforce"] | None = None
    escalation: (
        Annotated[list[StepEntry], Field(max_length=MOST_STEPS), AfterValidator(_no_flags_twice)]
        | None
    ) = None
    notice: NoticeEntry | None = None
    exempt: ExemptEntry | None = None
    log_channel: Id | None = None
    screening: ScreeningEntry | None = None
    privacy: PrivacyEntry | None = None


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
        changes["escalation"] = tuple(map(_step, steps))
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
    return _in_order({label: _measure(entry) for label, entry in entries.items()})


def _measure(entry: MeasureEntry) -> Measure:
    timeout = None if entry.timeout_s is None else timedelta(seconds=entry.timeout_s)
    return Measure(Action(entry.action), timeout)


def _step(entry: StepEntry) -> Step:
    return Step(entry.flags, timedelta(seconds=entry.window_s), timedelta(seconds=entry.timeout_s))


def _in_order(values: Mapping[Label, T]) -> Mapping[Label, T]:
    return MappingProxyType({label: values[label] for label in Label if label in values})


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
