"""Makes a channel for alerts that only moderators can read."""

from __future__ import annotations

import discord

from bot.chat.commands import Refusal
from bot.chat.log_channel import ALERT_PERMISSIONS, is_public
from bot.chat.lookup import missing_permissions
from bot.chat.member_deeds import MODERATES
from bot.language import tr

# Overwrites that a new channel gets; roles beyond that are added by hand.
_MOST_ROLES = 20
_OURS = ("view_channel", "send_messages", "embed_links", "attach_files", "read_message_history")
_THEIRS = ("view_channel", "read_message_history")


def can_make(server: discord.Guild) -> bool:
    """Whether the bot may make a channel and hide it."""
    return server.me is not None and server.me.guild_permissions.manage_channels


async def make_log_channel(server: discord.Guild, moderator: discord.Member) -> discord.TextChannel:
    """Make a text channel that moderators and the bot can read, and nobody else.

    One that was made so before is taken instead of a second one: a stop may have come between the
    channel and the choice of it.

    Parameters
    ----------
    moderator
        Who asked for it. They see it, too, whatever their roles are.

    Raises
    ------
    Refusal
        If the bot or the moderator may not make channels, or Discord refuses.
    """
    if not moderator.guild_permissions.manage_channels:
        raise Refusal(
            tr("You need the permission Manage Channels to have a channel made. Nothing was done.")
        )
    if not can_make(server):
        raise Refusal(
            tr("I lack Manage Channels. Give it to my role, or make a channel and choose it here.")
        )
    name, topic = tr("hexward-alerts"), tr("What Hexward has flagged. For moderators only.")
    if made := _made_before(server, name, topic, moderator):
        return made
    try:
        return await server.create_text_channel(
            name,
            topic=topic,
            overwrites=_overwrites(server, moderator),
            reason=f"Hexward /setup; by {moderator.name} ({moderator.id})",
        )
    except discord.HTTPException as error:
        raise Refusal(
            tr(
                "Discord did not let me make a channel (error {code}). Make one, and choose it "
                "here.",
                code=error.code,
            )
        ) from None


def _made_before(
    server: discord.Guild, name: str, topic: str, moderator: discord.Member
) -> discord.TextChannel | None:
    for channel in server.text_channels:
        if (
            (channel.name, channel.topic) == (name, topic)
            and not is_public(channel)
            and not missing_permissions(channel, ALERT_PERMISSIONS)
            and channel.permissions_for(moderator).view_channel
        ):
            return channel
    return None


def _overwrites(
    server: discord.Guild, moderator: discord.Member
) -> dict[discord.Role | discord.Member | discord.Object, discord.PermissionOverwrite]:
    # Nobody can give what they do not have.
    has = server.me.guild_permissions
    ours = {name: True for name in _OURS if getattr(has, name)}
    theirs = {name: True for name in _THEIRS if getattr(has, name)}
    found: dict[discord.Role | discord.Member | discord.Object, discord.PermissionOverwrite] = {
        server.default_role: discord.PermissionOverwrite(view_channel=False),
        server.me: discord.PermissionOverwrite(**ours),
    }
    moderating = [
        role
        for role in reversed(server.roles)
        if not role.is_default()
        and any(getattr(role.permissions, name) for name in MODERATES)
        # Other bots' roles need not read what members wrote.
        and not role.managed
    ]
    for role in moderating[:_MOST_ROLES]:
        found[role] = discord.PermissionOverwrite(**theirs)
    if not set(moderator.roles) & set(moderating):
        found[moderator] = discord.PermissionOverwrite(**theirs)
    return found
