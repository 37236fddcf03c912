"""Keeping the author quiet for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import discord

from bot.chat.deeds.means import Means, Target, listed
from bot.chat.enforcement import MODERATES, Deed, Hurdle, What, spared, timeout_member
from bot.rules import Action
from bot.storage.decisions import Outcome
from bot.storage.history import DeedKind
from bot.storage.server_settings import ServerSettings

# A timeout for what was written longer ago comes out of the blue; a message that was missed, and is
# caught up with, may be days old.
LATEST = timedelta(hours=1)


class Timeout(Means):
    """Times the author out, unless they moderate, stand above the bot, or wrote it long ago."""

    action = Action.TIMEOUT
    what = What.TIMEOUT
    kind = DeedKind.TIMEOUT
    outcome = Outcome.TIMED_OUT

    def spares(self, message: discord.Message) -> str | None:
        if message.webhook_id is not None:
            return "It was posted by a webhook, not by a member."
        if datetime.now(UTC) - (message.edited_at or message.created_at) > LATEST:
            return "The message is more than an hour old."
        if not isinstance(message.author, discord.Member):
            return None  # found out when it is done
        channel: object = message.channel
        if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            channel = None
        return spared(message.author, channel)

    async def do(self, server: discord.Guild, target: Target) -> Deed:
        if target.timeout is None:
            return Deed(False, self.what, "No duration was chosen.", Hurdle.FAILED)
        return await timeout_member(
            server,
            target.author_id,
            target.timeout,
            target.reason,
            channel_id=target.channel_id,
        )

    @staticmethod
    def shortcomings(server: discord.Guild, settings: ServerSettings) -> list[str]:
        found = []
        if not server.me.guild_permissions.moderate_members:
            found.append(
                "To time out members I lack **Timeout Members** in this server. Give it to my role "
                "in Server Settings → Roles."
            )
        if above := [role.mention for role in _out_of_reach(server)]:
            found.append(
                f"I cannot time out members with {listed(above)}, because my role is not above. "
                "Move my role up in Server Settings → Roles."
            )
        return found


def _out_of_reach(server: discord.Guild) -> list[discord.Role]:
    """Roles of ordinary members that the bot's does not stand above."""
    return [
        role
        for role in server.roles
        if role >= server.me.top_role
        and not role.is_default()
        and not role.managed
        and not any(getattr(role.permissions, name) for name in MODERATES)
    ]
