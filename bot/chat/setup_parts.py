"""The menus and buttons of the setup panel.

What they are for stands in their custom ids, so they work for as long as the panel is shown, also
after a restart of the bot. They do nothing by themselves: a choice becomes an ``on_setup_choice``
of the client.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import discord

MOST_SHOWN = 25
"""What a menu takes."""

LOG_CHANNELS = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.voice,
    discord.ChannelType.public_thread,
    discord.ChannelType.private_thread,
]

AS_ON_DISCORD = "discord"
"""The value of the option that leaves the language to the server's own setting."""

_PREFIX = "hexward:setup:"


class Part(StrEnum):
    """One thing in the panel that can be chosen or pressed."""

    LOG_CHANNEL = "log"
    MAKE_CHANNEL = "make"
    PRESET = "preset"
    MODE = "mode"
    ACTIONS = "actions"
    ROLES = "roles"
    CHANNELS = "channels"
    MODERATORS_OFF = "moderators-off"
    MODERATORS_ON = "moderators-on"
    BOTS_OFF = "bots-off"
    BOTS_ON = "bots-on"
    LANGUAGE = "language"
    TRY = "try"


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody chose.

    Attributes
    ----------
    values
        What is chosen now: ids, or values of a menu's options. Empty for a button.
    shown
        The ids that the panel showed as chosen before, in a menu of roles or channels.
    """

    part: Part
    values: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()

    @property
    def added(self) -> set[int]:
        """Ids that were not shown as chosen."""
        return {int(value) for value in set(self.values) - set(self.shown)}

    @property
    def removed(self) -> set[int]:
        """Ids that were shown as chosen and are not any more."""
        return {int(value) for value in set(self.shown) - set(self.values)}


class SetupPart(
    discord.ui.DynamicItem[discord.ui.Item[Any]],
    template=rf"{_PREFIX}(?P<part>{'|'.join(Part)})",
):
    """One menu or button of the panel."""

    def __init__(self, part: Part, item: discord.ui.Item[Any]) -> None:
        super().__init__(item)
        self.part = part

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(Part(match["part"]), item)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        event: Mapping[str, Any] = {**(interaction.data or {})}
        values = event.get("values") or ()
        defaults = getattr(self.item, "default_values", ())
        choice = Choice(
            self.part,
            tuple(str(value) for value in values),
            tuple(str(default.id) for default in defaults),
        )
        interaction.client.dispatch("setup_choice", interaction, choice)


def button(
    part: Part, label: str, style: discord.ButtonStyle = discord.ButtonStyle.secondary
) -> SetupPart:
    """A button of the panel."""
    return SetupPart(part, discord.ui.Button(label=label, style=style, custom_id=_PREFIX + part))


def menu(part: Part, placeholder: str, options: Sequence[discord.SelectOption]) -> SetupPart:
    """A menu of options, of which one is chosen."""
    return SetupPart(
        part,
        discord.ui.Select(custom_id=_PREFIX + part, placeholder=placeholder, options=list(options)),
    )


def log_channel_menu(placeholder: str, channel: discord.abc.Snowflake | None) -> SetupPart:
    """A menu of the channels that alerts may be posted in."""
    defaults = [] if channel is None else [_default(channel.id, _CHANNEL)]
    return SetupPart(
        Part.LOG_CHANNEL,
        discord.ui.ChannelSelect(
            custom_id=_PREFIX + Part.LOG_CHANNEL,
            placeholder=placeholder,
            channel_types=LOG_CHANNELS,
            default_values=defaults,
        ),
    )


def role_menu(placeholder: str, role_ids: Iterable[int]) -> SetupPart:
    """A menu of roles, of which none or many are chosen."""
    return SetupPart(
        Part.ROLES,
        discord.ui.RoleSelect(
            custom_id=_PREFIX + Part.ROLES,
            placeholder=placeholder,
            min_values=0,
            max_values=MOST_SHOWN,
            default_values=[_default(one, _ROLE) for one in role_ids],
        ),
    )


def channel_menu(placeholder: str, channel_ids: Iterable[int]) -> SetupPart:
    """A menu of channels and categories, of which none or many are chosen."""
    return SetupPart(
        Part.CHANNELS,
        discord.ui.ChannelSelect(
            custom_id=_PREFIX + Part.CHANNELS,
            placeholder=placeholder,
            min_values=0,
            max_values=MOST_SHOWN,
            default_values=[_default(one, _CHANNEL) for one in channel_ids],
        ),
    )


_CHANNEL = discord.SelectDefaultValueType.channel
_ROLE = discord.SelectDefaultValueType.role


def _default(target_id: int, kind: discord.SelectDefaultValueType) -> discord.SelectDefaultValue:
    return discord.SelectDefaultValue(id=target_id, type=kind)
