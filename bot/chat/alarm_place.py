"""Where somebody who can mend it hears that alerts reach nobody."""

from __future__ import annotations

from collections.abc import Iterator

import discord

from bot.chat.greeting_place import managers_see
from bot.chat.log_channel import is_public
from bot.chat.lookup import permissions_in
from bot.chat.member_deeds import MODERATES


def moderators_place(server: discord.Guild) -> discord.TextChannel | None:
    """A channel that nobody but moderators reads, and in which the bot may post; None: none.

    Whoever manages the server reads it as well.
    """
    me = server.me
    if me is None:
        return None
    for channel in _candidates(server):
        granted = permissions_in(channel, me)
        may_post = granted.view_channel and granted.send_messages
        if may_post and managers_see(channel) and _moderators_only(channel):
            return channel
    return None


def _candidates(server: discord.Guild) -> Iterator[discord.TextChannel]:
    if server.public_updates_channel is not None:  # where Discord itself writes to moderators
        yield server.public_updates_channel
    yield from server.text_channels


def _moderators_only(channel: discord.TextChannel) -> bool:
    """Whether all who can read a channel moderate.

    A channel that names a member who may read it is taken for a conversation with that member.
    """
    if is_public(channel):
        return False
    for target, overwrite in channel.overwrites.items():
        named = not isinstance(target, discord.Role) and target.id != channel.guild.me.id
        if named and overwrite.view_channel:
            return False
    return all(
        _moderates(role, channel)
        for role in channel.guild.roles
        if channel.permissions_for(role).view_channel and not role.is_bot_managed()
    )


def _moderates(role: discord.Role, channel: discord.TextChannel) -> bool:
    in_server = any(getattr(role.permissions, name) for name in MODERATES)
    return in_server or channel.permissions_for(role).manage_messages
