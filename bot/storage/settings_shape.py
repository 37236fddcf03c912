"""The shape of a file of settings: what may stand at each place of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from bot.labels import Label
from bot.language import languages
from bot.rules import (
    LONGEST_TIMEOUT,
    LONGEST_WINDOW,
    MOST_FLAGS,
    SHORTEST_TIMEOUT,
    SHORTEST_WINDOW,
    Action,
    Measure,
    Step,
)
from bot.storage.privacy import MOST_EXCERPT_DAYS, MOST_RETENTION_DAYS
from bot.storage.server_settings import LONGEST_NOTICE, MOST_EXEMPTIONS, MOST_PLACES, MOST_STEPS

VERSION = 1


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
Threshold = Annotated[
    float,
    Field(ge=0, le=1, allow_inf_nan=False),
    AfterValidator(lambda value: value + 0.0),  # -0.0 → 0.0
]
LabelKey = Annotated[Label, BeforeValidator(_label)]
TimeoutSeconds = Annotated[
    int,
    Field(ge=int(SHORTEST_TIMEOUT.total_seconds()), le=int(LONGEST_TIMEOUT.total_seconds())),
]
WindowSeconds = Annotated[
    int, Field(ge=int(SHORTEST_WINDOW.total_seconds()), le=int(LONGEST_WINDOW.total_seconds()))
]


class _Part(BaseModel):
    """Defaults are never read: what a file leaves out is in no ``model_fields_set``."""

    # Strict: "yes" is no truth value and "12" no number. Enumerations come as words all the same.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class MeasureEntry(_Part):
    """See `bot.rules.Measure`."""

    action: Literal["log", "alert", "delete", "timeout"]
    timeout_s: TimeoutSeconds | None = None

    def measure(self) -> Measure:
        """What it says.

        Raises
        ------
        ValueError
            A timeout has no duration, or something else has one.
        """
        timeout = None if self.timeout_s is None else timedelta(seconds=self.timeout_s)
        return Measure(Action(self.action), timeout)


def _fits(entry: MeasureEntry) -> MeasureEntry:
    entry.measure()
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

    def step(self) -> Step:
        """What it says."""
        window, timeout = timedelta(seconds=self.window_s), timedelta(seconds=self.timeout_s)
        return Step(self.flags, window, timeout)


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

    way: Literal["off", "channel", "dm"] = "off"
    text: NoticeText | None = None


def _spoken(language: str) -> str:
    if language not in languages():
        raise ValueError("no language that is spoken here")
    return language


class ExemptEntry(_Part):
    """Who and what is not screened."""

    moderators: bool = False
    bots: bool = False
    roles: Annotated[list[Id], Field(max_length=MOST_EXEMPTIONS)] = []
    channels: Annotated[list[Id], Field(max_length=MOST_EXEMPTIONS)] = []


class ScreeningEntry(_Part):
    """What besides messages is screened."""

    titles: bool = False
    names: bool = False


class PrivacyEntry(_Part):
    """For how long what is kept."""

    retention_days: Annotated[int, Field(ge=1, le=MOST_RETENTION_DAYS)] = MOST_RETENTION_DAYS
    excerpt_days: Annotated[int, Field(ge=1, le=MOST_EXCERPT_DAYS)] | None = None


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
    language: Annotated[str, AfterValidator(_spoken)] | None = None
