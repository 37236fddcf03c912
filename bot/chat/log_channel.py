"""The channel in which moderators see alerts, and what can be wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from bot.chat.captions import permission_captions
from bot.chat.commands import Refusal
from bot.chat.lookup import channel_by_id, missing_permissions
from bot.language import tr
from bot.storage.decisions import Outcome

ALERT_PERMISSIONS = ("view_channel", "send_messages", "embed_links")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing can be posted in the log channel.

    Attributes
    ----------
    outcome
        `Outcome.NO_LOG_CHANNEL`, `Outcome.LOG_CHANNEL_GONE` or `Outcome.MISSING_PERMISSION`.
    detail
        The permissions that are missing, in Discord's English words: for the log of decisions.
    """

    outcome: Outcome
    detail: str | None = None

    @property
    def lacking(self) -> str:
        """The permissions that are missing, in the language at hand."""
        return permission_captions((self.detail or "").split(", "))


async def find_log_channel(
    server: discord.Guild, channel_id: int | None
) -> discord.abc.Messageable | Trouble:
    """The log channel if the bot may post there; otherwise what is wrong.

    Permissions are looked up rather than tried: 10,000 refused requests in ten minutes would lock
    the host out of Discord.

    Raises
    ------
    discord.HTTPException
        If Discord fails for another reason.
    """
    if channel_id is None:
        return Trouble(Outcome.NO_LOG_CHANNEL)
    try:
        channel = await channel_by_id(server, channel_id)
    except discord.NotFound:
        return Trouble(Outcome.LOG_CHANNEL_GONE)
    except discord.Forbidden:
        return Trouble(Outcome.MISSING_PERMISSION, "View Channel")
    if lacking := missing_permissions(channel, ALERT_PERMISSIONS):
        return Trouble(Outcome.MISSING_PERMISSION, ", ".join(lacking))
    if not isinstance(channel, discord.abc.Messageable):
        return Trouble(Outcome.LOG_CHANNEL_GONE, "it takes no messages")
    return channel


async def checked_log_channel(server: discord.Guild, channel_id: int) -> discord.abc.Messageable:
    """A channel that somebody has chosen for alerts, once it is sure that they can be posted.

    Raises
    ------
    Refusal
        If they cannot.
    discord.HTTPException
        If Discord does not say.
    """
    match await find_log_channel(server, channel_id):
        case Trouble(Outcome.MISSING_PERMISSION) as trouble:
            raise Refusal(
                tr(
                    "I cannot post alerts in {channel}: there I lack {permissions}. Nothing was "
                    "changed. Give my role that in the channel’s own permissions, or choose "
                    "another channel.",
                    channel=f"<#{channel_id}>",
                    permissions=trouble.lacking,
                )
            )
        case Trouble():
            raise Refusal(
                tr(
                    "{channel} is not a channel that takes messages. Nothing was changed.",
                    channel=f"<#{channel_id}>",
                )
            )
        case found:
            return found


def is_public(channel: discord.abc.Messageable) -> bool:
    """Whether everybody in the server can read a channel."""
    if isinstance(channel, discord.Thread) and channel.is_private():
        return False
    if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        everybody = channel.guild.default_role
        place = channel.parent if isinstance(channel, discord.Thread) else channel
        return place is not None and place.permissions_for(everybody).view_channel
    return False
