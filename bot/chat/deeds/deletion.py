"""Deleting the message."""

from __future__ import annotations

from collections.abc import Iterable

import discord

from bot.chat.carried import Deed, What
from bot.chat.deeds.means import Means, Target, listed
from bot.chat.deletions import Deletions
from bot.chat.lookup import permissions_in
from bot.language import tr
from bot.rules import Action
from bot.storage.decisions import Outcome
from bot.storage.history import DeedKind
from bot.storage.server_settings import ServerSettings


class Deletion(Means):
    """Takes the message away, whoever wrote it."""

    action = Action.DELETE
    what = What.DELETE
    kind = DeedKind.DELETE
    outcome = Outcome.DELETED

    def __init__(self) -> None:
        self._deletions = Deletions()

    async def do(self, server: discord.Guild, target: Target) -> Deed:
        return await self._deletions.delete(
            server, target.channel_id, target.message_id, target.ground
        )

    async def stop(self) -> None:
        await self._deletions.stop()

    @staticmethod
    def shortcomings(server: discord.Guild, settings: ServerSettings) -> list[str]:
        closed = [
            channel.mention
            for channel in _screened(server, settings)
            if not permissions_in(channel, server.me).manage_messages
        ]
        if not closed:
            return []
        return [
            tr(
                "To delete messages I lack **Manage Messages** in {channels}. Give it to my role, "
                "or to me in the channel’s own permissions.",
                channels=listed(closed),
            )
        ]


def _screened(
    server: discord.Guild, settings: ServerSettings
) -> Iterable[discord.abc.GuildChannel]:
    """The channels in which something can be flagged."""
    for channel in server.channels:
        if isinstance(channel, discord.CategoryChannel):
            continue
        if {channel.id, channel.category_id} & settings.exempt_channel_ids:
            continue
        if permissions_in(channel, server.me).view_channel:
            yield channel
