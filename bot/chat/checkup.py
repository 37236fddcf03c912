"""A look at everything that a moderator can ask about: the server first, then the bot itself."""

from __future__ import annotations

import discord

from bot.chat.client import Hexward
from bot.chat.faults import DISCORD_FAULTS
from bot.chat.findings import Finding, Level
from bot.chat.self_checks import check_backlog, check_connection, check_database, check_model
from bot.chat.server_checks import check_server
from bot.errors import DatabaseError
from bot.language import tr
from bot.screening.engine import Engine
from bot.storage.database import Database
from bot.storage.decisions import Decisions
from bot.storage.servers import Servers, ServerSettings
from bot.storage.unscreened import Unscreened


class Checkup:
    """Makes findings; each look is a new one."""

    def __init__(
        self,
        client: Hexward,
        engine: Engine,
        servers: Servers,
        database: Database,
        unscreened: Unscreened,
        decisions: Decisions,
    ) -> None:
        self._client = client
        self._engine = engine
        self._servers = servers
        self._database = database
        self._unscreened = unscreened
        self._decisions = decisions

    async def whole(self, server: discord.Guild) -> list[Finding]:
        """Everything. Never raises for what it looks at: that is a finding."""
        try:
            settings = await self._servers.get(server.id)
        except DatabaseError:  # the database's own finding says so
            settings = ServerSettings(server.id)
        try:
            of_server = await check_server(server, settings)
        except DISCORD_FAULTS:
            what = tr("Discord does not say what there is in this server.")
            again = tr("Try again in a moment.")
            of_server = [Finding(Level.BAD, tr("Connection"), what, again)]
        return [
            *of_server,
            *check_connection(self._client, settings),
            await check_model(self._engine, server.id),
            await check_database(self._database),
            await check_backlog(self._engine, self._unscreened, self._decisions, server.id),
        ]
