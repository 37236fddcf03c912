"""What was posted in a server while the bot was away, as far as Discord tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime

import discord

from bot.chat.lookup import missing_permissions, parent_ids
from bot.chat.surfaces import is_system, parts
from bot.storage.servers import ServerSettings

READ_PERMISSIONS = ("view_channel", "read_message_history")

Readable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


@dataclass(slots=True)
class Missed:
    """What was found in a server.

    Attributes
    ----------
    messages
        (channel id, message id, when it was posted) each.
    left_out
        Channels in which there was more than was asked for, and when the oldest message that was
        asked for was posted.
    newest
        The newest message id that was seen anywhere; 0 if there was none.
    """

    messages: list[tuple[int, int, datetime]] = field(default_factory=list)
    left_out: dict[int, datetime] = field(default_factory=dict)
    newest: int = 0


async def find_missed(
    server: discord.Guild,
    settings: ServerSettings,
    *,
    after: int,
    most: int,
    has_seen: Callable[[int], bool],
    pause_s: float,
) -> Missed:
    """List what was posted after a message id in the channels and active threads the bot reads.

    A channel whose last message is older costs no request.

    Parameters
    ----------
    most
        How many messages of a channel are asked for, the newest.
    has_seen
        Whether a message was screened already, by its id.
    pause_s
        Seconds between two channels.

    Raises
    ------
    discord.DiscordException
        If Discord fails. A channel that the bot may not read, or that is gone, is left out.
    """
    found = Missed()
    for channel in _places(server, settings):
        if channel.last_message_id is None or channel.last_message_id <= after:
            continue
        asked = 0
        message = None
        try:
            async for message in _newest_first(channel, after, most + 1):
                asked += 1
                found.newest = max(found.newest, message.id)
                if asked <= most:
                    oldest_at = message.created_at
                    if not has_seen(message.id) and _may_matter(message, server, settings):
                        found.messages.append((channel.id, message.id, message.created_at))
        except (discord.Forbidden, discord.NotFound):
            continue
        if asked > most:
            found.left_out[channel.id] = oldest_at
        await asyncio.sleep(pause_s)
    return found


def _places(server: discord.Guild, settings: ServerSettings) -> list[Readable]:
    """Where messages are screened and may be asked for."""
    everywhere: list[Readable] = [
        *server.text_channels,
        *server.voice_channels,
        *server.stage_channels,
        *server.threads,
    ]
    return [
        channel
        for channel in everywhere
        if not ({channel.id} | parent_ids(channel)) & settings.exempt_channel_ids
        and not missing_permissions(channel, READ_PERMISSIONS)
    ]


async def _newest_first(
    channel: Readable, after: int, limit: int
) -> AsyncIterator[discord.Message]:
    """The newest messages down to an id; no page is asked for once that is reached."""
    async for message in channel.history(limit=limit, oldest_first=False):
        if message.id <= after:
            return
        yield message


def _may_matter(message: discord.Message, server: discord.Guild, settings: ServerSettings) -> bool:
    """Whether it has a text that may have to be screened, by what the message itself says."""
    if message.author == server.me or is_system(message) or not parts(message):
        return False
    return not (settings.exempt_bots and (message.author.bot or message.webhook_id is not None))
