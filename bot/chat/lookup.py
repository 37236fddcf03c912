"""Finds what an event only names: channels, messages, members. Asks Discord only if it must."""

from __future__ import annotations

import discord

ServerChannel = discord.abc.GuildChannel | discord.Thread


async def channel_by_id(server: discord.Guild, channel_id: int) -> ServerChannel:
    """A channel or thread of the server.

    Raises
    ------
    discord.HTTPException
        As Discord answers: `discord.NotFound`, `discord.Forbidden`, …
    """
    return server.get_channel_or_thread(channel_id) or await server.fetch_channel(channel_id)


async def place(channel: object, server: discord.Guild) -> ServerChannel | None:
    """Where a message stands; a thread the cache does not know is looked up.

    Returns
    -------
    ServerChannel or None
        None if Discord does not tell.
    """
    if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return channel
    if not isinstance(channel, discord.abc.Snowflake):
        return None
    try:
        return await channel_by_id(server, channel.id)
    except discord.HTTPException:
        return None


async def author_as_member(
    message: discord.Message, server: discord.Guild
) -> discord.Member | None:
    """The author with roles and permissions; None once they have left the server."""
    if isinstance(message.author, discord.Member):
        return message.author
    try:
        return server.get_member(message.author.id) or await server.fetch_member(message.author.id)
    except discord.HTTPException:
        return None


async def message_by_id(
    client: discord.Client, channel_id: int, message_id: int
) -> discord.Message:
    """A message as it stands on Discord now.

    Raises
    ------
    discord.HTTPException
        As Discord answers: `discord.NotFound`, `discord.Forbidden`, …
    """
    channel = client.get_channel(channel_id) or await client.fetch_channel(channel_id)
    if not isinstance(channel, discord.abc.Messageable):
        return await client.get_partial_messageable(channel_id).fetch_message(message_id)
    return await channel.fetch_message(message_id)
