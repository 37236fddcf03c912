"""Finds what an event only names: channels, messages, members, permissions.

The cache is asked first. What Discord has to be asked for is remembered for a minute, answers of
"there is no such thing" included, so that a busy place costs one request and not one per message.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

import discord

from bot.chat.faults import DISCORD_FAULTS

ServerChannel = discord.abc.GuildChannel | discord.Thread
Found = TypeVar("Found")

_REMEMBERED = 1_000
_FRESH_S = 60.0


class Lookup:
    """Answers questions about where a message stands and who wrote it."""

    def __init__(self) -> None:
        self._places: _Answers[ServerChannel] = _Answers()
        self._members: _Answers[discord.Member] = _Answers()

    async def place(self, channel: object, server: discord.Guild) -> ServerChannel | None:
        """The channel or thread of a message, also of a thread that is not in the cache.

        Returns
        -------
        ServerChannel or None
            None if Discord does not tell.
        """
        if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            return channel
        if not isinstance(channel, discord.abc.Snowflake):
            return None
        channel_id = channel.id
        return await self._places.get(
            (server.id, channel_id), lambda: channel_by_id(server, channel_id)
        )

    async def author(
        self, message: discord.Message, server: discord.Guild
    ) -> discord.Member | None:
        """The author with roles and permissions; None once they have left the server."""
        if isinstance(message.author, discord.Member):
            return message.author
        return await self.member(message.author.id, server)

    async def member(self, user_id: int, server: discord.Guild) -> discord.Member | None:
        """A member with roles and permissions; None where there is no such member."""
        return server.get_member(user_id) or await self._members.get(
            (server.id, user_id), lambda: server.fetch_member(user_id)
        )


class _Answers(Generic[Found]):
    """Remembers, for a minute, the tasks that ask Discord; so concurrent questions share one."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[tuple[int, int], tuple[float, asyncio.Task[Found | None]]]
        self._tasks = OrderedDict()

    async def get(self, key: tuple[int, int], ask: Callable[[], Awaitable[Found]]) -> Found | None:
        asked_at, task = self._tasks.get(key, (0.0, None))
        if task is None or time.monotonic() - asked_at > _FRESH_S:
            task = asyncio.create_task(_or_none(ask))
            self._tasks[key] = time.monotonic(), task
            self._tasks.move_to_end(key)
            if len(self._tasks) > _REMEMBERED:
                self._tasks.popitem(last=False)
        return await asyncio.shield(task)


async def _or_none(ask: Callable[[], Awaitable[Found]]) -> Found | None:
    try:
        return await ask()
    except DISCORD_FAULTS:
        return None


async def channel_by_id(server: discord.Guild, channel_id: int) -> ServerChannel:
    """A channel or thread of the server.

    Raises
    ------
    discord.DiscordException
        As Discord answers: `discord.NotFound`, `discord.Forbidden`, …
    """
    return server.get_channel_or_thread(channel_id) or await server.fetch_channel(channel_id)


async def message_by_id(
    client: discord.Client, channel_id: int, message_id: int
) -> discord.Message:
    """A message as it stands on Discord now.

    Raises
    ------
    discord.DiscordException
        As Discord answers: `discord.NotFound`, `discord.Forbidden`, …
    """
    channel = client.get_channel(channel_id) or await client.fetch_channel(channel_id)
    if not isinstance(channel, discord.abc.Messageable):
        return await client.get_partial_messageable(channel_id).fetch_message(message_id)
    return await channel.fetch_message(message_id)


async def messages_by_id(
    client: discord.Client, server: discord.Guild, channel_id: int, message_ids: Iterable[int]
) -> dict[int, discord.Message]:
    """Several messages of a channel as they stand on Discord now; those that are gone are missing.

    Neighbours are asked for together, a hundred at a time, where the bot may read back.

    Raises
    ------
    discord.DiscordException
        As Discord answers: `discord.NotFound` for the channel, `discord.Forbidden`, …
    """
    wanted = sorted(set(message_ids))
    channel = await channel_by_id(server, channel_id)
    found: dict[int, discord.Message] = {}
    # Without this permission Discord answers that there is nothing.
    together = not missing_permissions(channel, ("view_channel", "read_message_history"))
    if len(wanted) == 1 or not together or not isinstance(channel, discord.abc.Messageable):
        for message_id in wanted:
            with contextlib.suppress(discord.NotFound):
                found[message_id] = await message_by_id(client, channel_id, message_id)
        return found
    while wanted:
        before = discord.Object(wanted[0] - 1)
        page = [
            message async for message in channel.history(limit=100, after=before, oldest_first=True)
        ]
        found |= {message.id: message for message in page if message.id in wanted}
        reached = page[-1].id if len(page) == 100 else wanted[-1]
        wanted = [message_id for message_id in wanted if message_id > reached]
    return found


def server_of(message: discord.Message, client: discord.Client) -> discord.Guild | None:
    """The server of a message, by its channel where the event does not name it."""
    return message.guild or getattr(client.get_channel(message.channel.id), "guild", None)


def parent_ids(channel: ServerChannel | None) -> set[int]:
    """The ids of what a channel stands in: a thread's channel or forum, and the category."""
    if isinstance(channel, discord.Thread):
        parent = channel.parent
        ids = {channel.parent_id, parent.category_id if parent is not None else None}
    else:
        ids = {channel.category_id if channel is not None else None}
    return {found for found in ids if found is not None}


def permissions_in(channel: ServerChannel | None, member: discord.Member) -> discord.Permissions:
    """What a member may do in a channel; in the server, where the channel is not known."""
    if channel is None:
        return member.guild_permissions
    try:
        return channel.permissions_for(member)
    except discord.ClientException:  # a thread whose parent is not in the cache
        return member.guild_permissions


def missing_permissions(channel: ServerChannel, needed: Sequence[str]) -> list[str]:
    """The permissions out of `needed` that the bot lacks in a channel, in Discord's words."""
    me = channel.guild.me
    if me is None:  # a server that did not say who we are there: let the request itself tell
        return []
    granted = permissions_in(channel, me)
    names = list(needed)
    if isinstance(channel, discord.Thread):
        names = ["send_messages_in_threads" if n == "send_messages" else n for n in names]
    return [name.replace("_", " ").title() for name in names if not getattr(granted, name)]
