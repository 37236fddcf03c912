"""Where a bot that is new in a server may say hello."""

from __future__ import annotations

from collections.abc import Iterator

import discord

from bot.chat.log_channel import is_public
from bot.chat.lookup import permissions_in


def greeting_place(server: discord.Guild) -> discord.TextChannel | None:
    """The channel for a greeting; None where the bot may post nowhere.

    The one that Discord itself uses for such words, if whoever manages the server can read it and
    the bot may write in it. Otherwise one of the moderators', otherwise the first from above.
    """
    me = server.me
    if me is None:
        return None
    for channel in _candidates(server):
        granted = permissions_in(channel, me)
        may_post = granted.view_channel and granted.send_messages
        if may_post and managers_see(channel):
            return channel
    return None


def _candidates(server: discord.Guild) -> Iterator[discord.TextChannel]:
    if server.system_channel is not None:
        yield server.system_channel
    if server.public_updates_channel is not None:
        yield server.public_updates_channel
    # False goes before True: channels that not everybody reads come first.
    yield from sorted(server.text_channels, key=is_public)


def managers_see(channel: discord.TextChannel) -> bool:
    """Whether every role that may manage the server can read a channel.

    Owners and administrators can read all of them.
    """
    return all(
        channel.permissions_for(role).view_channel
        for role in channel.guild.roles
        if role.permissions.manage_guild and not role.managed
    )
