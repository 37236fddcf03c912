"""Says hello in a server that the bot has joined, once, and points to ``/setup``."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import discord
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.faults import DISCORD_FAULTS
from bot.chat.greeting_place import greeting_place
from bot.chat.languages import speaking_to
from bot.errors import DatabaseError
from bot.language import tr
from bot.logs import describe
from bot.storage.greetings import Greetings

log = logging.getLogger(__name__)

# With a new database, every server would look as though it had just been joined.
_LATELY = timedelta(days=30)


class Greeting(commands.Cog):
    """Greets once for each joining, also one while the bot was off or still starting.

    Which joining it was, Discord tells by its time; a start, a lost connection or an outage of a
    server does not change that.
    """

    def __init__(self, client: Hexward, greetings: Greetings) -> None:
        self._client = client
        self._greetings = greetings

    @commands.Cog.listener()
    async def on_guild_join(self, server: discord.Guild) -> None:
        await self._look(server)

    @commands.Cog.listener()
    async def on_guild_available(self, server: discord.Guild) -> None:
        """What another Discord-compatible server may call a joining."""
        if self._client.is_ready():  # the servers of a start are looked at together
            await self._look(server)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Greet the servers that were joined meanwhile."""
        try:
            greeted = await self._greetings.greeted()
        except DatabaseError as error:
            log.warning("Greetings could not be looked up: %s", error)
            return
        for server in self._client.guilds:
            joined_at = _joined_at(server)
            if joined_at is not None and greeted.get(server.id) != joined_at:
                await self._look(server)

    async def _look(self, server: discord.Guild) -> None:
        joined_at = _joined_at(server)
        if joined_at is None:
            return
        try:
            new = await self._greetings.begin(server.id, joined_at)
            if not new or datetime.now(UTC) - joined_at > _LATELY:
                return
            try:
                await self._greet(server)
            except DISCORD_FAULTS:
                await self._greetings.take_back(server.id)
                raise
        except (DatabaseError, *DISCORD_FAULTS) as error:
            log.warning("Server %d was not greeted: %s", server.id, describe(error))

    async def _greet(self, server: discord.Guild) -> None:
        channel = greeting_place(server)
        if channel is None:
            log.info("Server %d has no channel in which I may greet", server.id)
            return
        with speaking_to(server):
            words = _words()
        await channel.send(words)


def _joined_at(server: discord.Guild) -> datetime | None:
    return server.me.joined_at if server.me else None


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
