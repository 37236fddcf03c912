"""Looks, when something in a server has changed, whether its log channel works again."""

from __future__ import annotations

import discord
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.unseen import Unseen
from bot.storage.servers import Servers


class UnseenFlags(commands.Cog):
    """Has flags that were not shown told as soon as there is a place for that."""

    def __init__(self, client: Hexward, servers: Servers, unseen: Unseen) -> None:
        self._client = client
        self._unseen = unseen
        servers.when_changed(self._changed)

    def _changed(self, server_id: int) -> None:
        server = self._client.get_guild(server_id)
        if server is not None:
            self._unseen.make_up(server)

    @commands.Cog.listener()
    async def on_guild_available(self, server: discord.Guild) -> None:
        """An earlier run may have left something."""
        self._unseen.make_up(server)

    @commands.Cog.listener()
    async def on_guild_channel_update(
        self, _before: discord.abc.GuildChannel, after: discord.abc.GuildChannel
    ) -> None:
        self._unseen.make_up(after.guild)

    @commands.Cog.listener()
    async def on_guild_role_update(self, _before: discord.Role, after: discord.Role) -> None:
        self._unseen.make_up(after.guild)
