"""Says hello in a server that the bot has just joined, once, and points to ``/setup``."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import discord
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.faults import DISCORD_FAULTS
from bot.chat.greeting_place import greeting_place
from bot.errors import DatabaseError
from bot.language import tr
from bot.logs import describe
from bot.storage.announcements import Announcement, Announcements

log = logging.getLogger(__name__)

# Another Discord-compatible server may call it a joining when a server comes back from an outage.
_JUST_JOINED = timedelta(minutes=10)


class Greeting(commands.Cog):
    """Greets on joining; not at a start, after a lost connection or after an outage."""

    def __init__(self, client: Hexward, announcements: Announcements) -> None:
        self._client = client
        self._announcements = announcements

    @commands.Cog.listener()
    async def on_guild_join(self, server: discord.Guild) -> None:
        joined_at = server.me.joined_at if server.me else None
        if joined_at is not None and datetime.now(UTC) - joined_at > _JUST_JOINED:
            return
        try:
            if await self._announcements.add(server.id, Announcement.GREETING):
                await self._greet(server)
        except (DatabaseError, *DISCORD_FAULTS) as error:
            log.warning("Server %d was not greeted: %s", server.id, describe(error))

    @commands.Cog.listener()
    async def on_guild_remove(self, server: discord.Guild) -> None:
        """Whoever invites the bot again is greeted again."""
        await self._forget(server.id)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Forget servers that were left while the bot was away."""
        try:
            greeted = await self._announcements.told(Announcement.GREETING)
        except DatabaseError as error:
            log.warning("Greetings could not be looked up: %s", error)
            return
        for server_id in greeted - {server.id for server in self._client.guilds}:
            await self._forget(server_id)

    async def _greet(self, server: discord.Guild) -> None:
        channel = greeting_place(server)
        if channel is None:
            log.info("Server %d has no channel in which I may greet", server.id)
            return
        await channel.send(_words())

    async def _forget(self, server_id: int) -> None:
        try:
            await self._announcements.remove(server_id, Announcement.GREETING)
        except DatabaseError as error:
            log.warning("Server %d may not be greeted the next time: %s", server_id, error)


def _words() -> str:
    return "\n".join(
        [
            tr(
                "Hello, I am Hexward. I look for toxic messages and show them to the moderators. "
                "So far I only **observe**: I delete nothing and time nobody out."
            ),
            tr(
                "Whoever manages this server: run `/setup` to choose where alerts go. `/doctor` "
                "says what I lack."
            ),
            tr(
                "-# I read messages to score them and do not store their text; `/privacy show` "
                "says what is stored, and for how long."
            ),
        ]
    )
