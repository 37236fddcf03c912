"""What a server chose, as one frozen value: whoever has it needs no query more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from bot.labels import Label
from bot.rules import Measure, Mode, Step

DEFAULT_PRESET = "balanced"
MOST_STEPS = 10
# Places with rules of their own; all of them are in memory while the server is busy.
MOST_PLACES = 100
# Roles that are exempt, and as many channels; all of them are in memory, too.
MOST_EXEMPTIONS = 1_000
LONGEST_NOTICE = 500

_NO_THRESHOLDS: Mapping[Label, float] = MappingProxyType({})
_NO_MEASURES: Mapping[Label, Measure] = MappingProxyType({})


class ExemptionKind(StrEnum):
    """What an exemption points at."""

    ROLE = "role"
    CHANNEL = "channel"


class NoticeWay(StrEnum):
    """How the author of a message that was acted on is told."""

    OFF = "off"
    CHANNEL = "channel"
    DM = "dm"


@dataclass(frozen=True, slots=True)
class Notice:
    """What the author of a message that was acted on is told.

    Attributes
    ----------
    text
        The server's own words; None: the usual ones.
    """

    way: NoticeWay = NoticeWay.OFF
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """What was chosen for one scope: a channel, a forum, a category, a thread or the server.

    A label that is in neither keeps what lies below.
    """

    thresholds: Mapping[Label, float] = field(default_factory=lambda: _NO_THRESHOLDS)
    measures: Mapping[Label, Measure] = field(default_factory=lambda: _NO_MEASURES)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """A server's settings. One that has chosen nothing yet has the defaults.

    Attributes
    ----------
    preset
        The name of the model's preset in use.
    overrides
        The server's own thresholds, over the preset's.
    log_channel_id
        Where alerts go; ``None``: nowhere yet.
    exempt_moderators, exempt_bots
        Whether members who can manage messages, and other bots and webhooks, are left alone.
    exempt_role_ids, exempt_channel_ids
        Roles whose members are left alone, channels that are.
    mode
        Whether actions are carried out, or only told.
    measures
        What is done about a label; those that are not here alert.
    places
        What was chosen for categories, channels, forums and threads, by their ids.
    escalation
        The steps, by rising number of flags.
    notice
        What authors are told.
    screen_titles, screen_names
        Whether titles of threads and forum posts, and the names of members, are screened.
    language
        In which language it is spoken to, as Discord writes it; None: in its own on Discord.
    """

    server_id: int
    preset: str = DEFAULT_PRESET
    overrides: Mapping[Label, float] = field(default_factory=lambda: _NO_THRESHOLDS)
    log_channel_id: int | None = None
    exempt_moderators: bool = True
    exempt_bots: bool = True
    exempt_role_ids: frozenset[int] = frozenset()
    exempt_channel_ids: frozenset[int] = frozenset()
    mode: Mode = Mode.OBSERVE
    measures: Mapping[Label, Measure] = field(default_factory=lambda: _NO_MEASURES)
    places: Mapping[int, Own] = field(default_factory=lambda: MappingProxyType({}))
    escalation: tuple[Step, ...] = ()
    notice: Notice = Notice()
    screen_titles: bool = True
    screen_names: bool = False
    language: str | None = None
