"""Options of the commands that make rules: durations as people type them, actions, channels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import discord
from discord import app_commands

from bot.chat.captions import action_caption, and_more
from bot.chat.channel_option import AnyChannel
from bot.chat.commands import Refusal, clip
from bot.chat.durations import in_words
from bot.chat.lookup import ServerChannel, channel_by_id
from bot.language import tr, trn
from bot.rules import LONGEST_TIMEOUT, LONGEST_WINDOW, SHORTEST_TIMEOUT, SHORTEST_WINDOW, Action
from bot.storage.server_settings import MOST_PLACES
from bot.storage.servers import Servers

_MOST_CHOICES = 25
_MOST_NAMED = 15

_UNITS = {
    1: ("s", "sec", "secs", "second", "seconds", "sek", "sekunde", "sekunden"),
    60: ("m", "min", "mins", "minute", "minutes", "minuten"),
    3_600: ("h", "hr", "hrs", "hour", "hours", "std", "stunde", "stunden"),
    86_400: ("d", "day", "days", "t", "tag", "tage", "tagen"),
    604_800: ("w", "wk", "week", "weeks", "woche", "wochen"),
}
_SECONDS = {word: size for size, words in _UNITS.items() for word in words}
_PIECE = re.compile(r"([0-9]{1,9}(?:[.,][0-9]{1,3})?)\s*([a-z]+)\.?\s*(?:and|und|,)?\s*")


def parse_duration(text: str) -> timedelta | None:
    """Read a duration: ``10m``, ``2h``, ``1d 12h``, ``90 minutes``; None if it is none."""
    rest, seconds = text.strip().lower(), 0.0
    if not rest:
        return None
    while rest:
        piece = _PIECE.match(rest)
        if piece is None or piece[2] not in _SECONDS:
            return None
        seconds += float(piece[1].replace(",", ".")) * _SECONDS[piece[2]]
        rest = rest[piece.end() :]
    try:
        return timedelta(seconds=round(seconds))
    except OverflowError:
        return timedelta.max


def short(duration: timedelta) -> str:
    """A duration as it would be typed: ``10m``, ``1d``."""
    seconds = int(duration.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


class DurationOption(app_commands.Transformer):
    """A duration, read as people type it and offered while they do."""

    def __init__(self, shortest: timedelta, longest: timedelta, usual: Sequence[timedelta]) -> None:
        self._shortest = shortest
        self._longest = longest
        self._usual = usual

    async def transform(self, interaction: discord.Interaction[Any], value: str, /) -> timedelta:
        duration = parse_duration(str(value))
        if duration is None:
            raise Refusal(
                tr(
                    "“{value}” is not a duration. Type a number and a unit, such as 10m, 2h or 1d.",
                    value=clip(value),
                )
            )
        if not self._shortest <= duration <= self._longest:
            raise Refusal(
                tr(
                    "“{value}” is out of range: from {shortest} to {longest} is possible here.",
                    value=clip(value),
                    shortest=in_words(self._shortest),
                    longest=in_words(self._longest),
                )
            )
        return duration

    async def autocomplete(
        self, interaction: discord.Interaction[Any], value: int | float | str, /
    ) -> list[app_commands.Choice[int | float | str]]:
        typed = str(value).strip().lower()
        found = parse_duration(typed)
        offered = [found] if found is not None else []
        if typed.isdecimal() and len(typed) <= 6:  # only the unit is missing yet
            offered += [timedelta(seconds=int(typed) * size) for size in (60, 3_600, 86_400)]
        if not offered:
            offered += [usual for usual in self._usual if typed in in_words(usual)]
        fitting = [one for one in offered if self._shortest <= one <= self._longest]
        return [
            app_commands.Choice(name=in_words(one), value=short(one))
            for one in fitting[:_MOST_CHOICES]
        ]


TIMEOUTS = DurationOption(
    SHORTEST_TIMEOUT,
    LONGEST_TIMEOUT,
    [timedelta(minutes=minutes) for minutes in (1, 5, 10, 30, 60, 360, 1_440, 4_320, 10_080)]
    + [LONGEST_TIMEOUT],
)
WINDOWS = DurationOption(
    SHORTEST_WINDOW,
    LONGEST_WINDOW,
    [timedelta(hours=1), *(timedelta(days=days) for days in (1, 3, 7, 14, 30, 90))],
)


class ActionOption(app_commands.Transformer):
    """What is to be done about a label, offered as choices and read forgivingly."""

    @property
    def choices(self) -> list[app_commands.Choice[str | int | float]]:
        return [app_commands.Choice(name=words, value=one.value) for one, words in ACTIONS.items()]

    async def transform(self, interaction: discord.Interaction[Any], value: str, /) -> Action:
        folded = str(value).strip().lower()
        for action in ACTIONS:
            if folded in (action.value, action_caption(action).lower()):
                return action
        raise Refusal(
            tr(
                "“{value}” is not an action. The actions are: {actions}.",
                value=clip(value),
                actions=", ".join(action_caption(action) for action in ACTIONS),
            )
        )


ACTIONS = {
    Action.LOG: "log: write it down, show nobody",
    Action.ALERT: "alert: show moderators a card",
    Action.DELETE: "delete: take the message away, too",
    Action.TIMEOUT: "timeout: and keep its author quiet for a while",
}
"""The actions in the order of their strength, with what they do."""


async def resolve_channel(server: discord.Guild, channel: AnyChannel) -> ServerChannel:
    """The channel behind an option.

    Raises
    ------
    Refusal
        If Discord does not show it to the bot.
    """
    try:
        return await channel_by_id(server, channel.id)
    except discord.HTTPException:
        raise Refusal(
            tr(
                "I cannot see {channel}, so no message of it is screened.",
                channel=channel.mention,
            )
        ) from None


async def check_room(
    servers: Servers, server_id: int, channel: discord.abc.Snowflake | None
) -> None:
    """Refuse a choice for one more channel than there is room for.

    Raises
    ------
    Refusal
        If the server has made choices for a hundred channels.
    """
    if channel is None:
        return
    places = (await servers.get(server_id)).places
    if channel.id not in places and len(places) >= MOST_PLACES:
        raise Refusal(
            tr(
                "This server has made choices for {most} channels, and more are not kept. Make one "
                "for a category instead, or reset others first. Nothing was changed.",
                most=MOST_PLACES,
            )
        )


def keeping_their_own(channel_ids: Sequence[int]) -> str:
    """A sentence on places that a choice for the whole server has left as they were."""
    return trn(
        "{places} keeps what was chosen for it: reset it with the option `channel`.",
        "{places} keep what was chosen for them: reset them with the option `channel`.",
        len(channel_ids),
        places=and_more(
            [f"<#{one}>" for one in channel_ids[:_MOST_NAMED]], len(channel_ids) - _MOST_NAMED
        ),
    )


async def forget_deleted_places(servers: Servers, server: discord.Guild) -> None:
    """Drop the choices for channels that no longer exist: nobody could name them to reset them."""
    for channel_id in (await servers.get(server.id)).places:
        try:
            await channel_by_id(server, channel_id)
        except discord.NotFound:
            await servers.forget_place(server.id, channel_id)
        except discord.DiscordException:
            continue  # hidden from the bot, or Discord is not answering: it may well exist
