"""Tells each server once that the bot cannot read all messages, and once that it can again."""

from __future__ import annotations

import asyncio
import logging
from weakref import WeakValueDictionary

import discord
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.faults import DISCORD_FAULTS
from bot.chat.intents import reduced
from bot.chat.languages import speaking_to
from bot.chat.log_channel import Trouble, find_log_channel
from bot.errors import DatabaseError
from bot.language import tr
from bot.logs import describe
from bot.storage.announcements import Announcement, Announcements
from bot.storage.servers import Servers

log = logging.getLogger(__name__)


class ReducedMode(commands.Cog):
    """Looks at each server as it comes, and again when one of its moderators was at work."""

    def __init__(self, client: Hexward, servers: Servers, announcements: Announcements) -> None:
        self._client = client
        self._servers = servers
        self._announcements = announcements
        self._done: set[int] = set()
        # A look that began before the log channel was chosen must not stand in for the next one.
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    @commands.Cog.listener()
    async def on_guild_available(self, server: discord.Guild) -> None:
        await self._look(server)

    @commands.Cog.listener()
    async def on_guild_join(self, server: discord.Guild) -> None:
        await self._look(server)

    @commands.Cog.listener()
    async def on_app_command_completion(
        self, interaction: discord.Interaction[Hexward], _command: object
    ) -> None:
        """The log channel may have been chosen with it."""
        if interaction.guild is not None:
            await self._look(interaction.guild)

    async def _look(self, server: discord.Guild) -> None:
        if server.id in self._done:
            return
        async with self._turns.setdefault(server.id, asyncio.Lock()):
            if server.id in self._done:
                return
            try:
                if await self._tell(server):
                    self._done.add(server.id)
            except (DatabaseError, *DISCORD_FAULTS) as error:
                log.warning("Server %d was not told of its mode: %s", server.id, describe(error))

    async def _tell(self, server: discord.Guild) -> bool:
        """Post what there is to say; False: it has to be tried again."""
        whole = self._client.asked.message_content
        change, undo = self._announcements.add, self._announcements.remove
        if whole:
            change, undo = undo, change
        if not await change(server.id, Announcement.REDUCED):
            return True
        posted = False
        try:
            settings = await self._servers.get(server.id)
            channel = await find_log_channel(server, settings.log_channel_id)
            if not isinstance(channel, Trouble):
                with speaking_to(server):  # a moderator's command may have led here
                    words = _now(whole)
                await channel.send(words)
                posted = True
        finally:
            if not posted:
                await undo(server.id, Announcement.REDUCED)
        return posted


def _now(whole: bool) -> str:
    if whole:
        return tr("The Message Content intent is on again: all messages are screened from now on.")
    more = tr(
        "Nothing else that is posted in this server is screened. Whoever hosts this bot can "
        "switch the intent on in Discord’s developer portal, and has to start it again then."
    )
    return f"{reduced()} {more}"
