"""Picks up decisions that were written down but not acted on before the bot went away."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import discord
from discord.ext import commands

from bot.chat.actions import Actions, Flag, Result
from bot.chat.client import Hexward
from bot.chat.lookup import message_by_id
from bot.chat.surfaces import surfaces
from bot.errors import DatabaseError
from bot.logs import describe
from bot.screening.policy import Action, Decision
from bot.storage.decisions import Decisions, Outcome, RecordedDecision
from bot.storage.servers import Servers

log = logging.getLogger(__name__)

# Older flags are history: an alert about them would only confuse.
_OLDEST = timedelta(hours=24)
_AT_MOST = 200


class Recovery(commands.Cog):
    """Settles, once per connection, what an earlier run left unsettled.

    The text of a flagged message is not in the database, so it is fetched again; a message that is
    gone needs no alert.
    """

    def __init__(
        self, client: Hexward, servers: Servers, decisions: Decisions, actions: Actions
    ) -> None:
        self._client = client
        self._servers = servers
        self._decisions = decisions
        self._actions = actions
        self._made_at = datetime.now(UTC)
        self._task: asyncio.Task[None] | None = None
        client.before_close(self.stop)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._recover(), name="recover decisions")

    async def stop(self) -> None:
        """Leave the rest for the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _recover(self) -> None:
        try:
            # Only what is older than this client: younger ones are being acted on right now.
            left = await self._decisions.unsettled(
                decided_after=self._made_at - _OLDEST, decided_before=self._made_at, limit=_AT_MOST
            )
            for recorded in left:
                result = await self._finish(recorded)
                await self._decisions.settle(recorded.id, result.outcome, result.detail)
        except DatabaseError as error:
            log.error("Unsettled decisions could not be picked up: %s", error)
            return
        if left:
            log.info("Picked up %d decisions left unsettled by the last run", len(left))

    async def _finish(self, recorded: RecordedDecision) -> Result:
        server = self._client.get_guild(recorded.server_id)
        if server is None:
            return Result(Outcome.FAILED, "the bot is no longer in this server")
        try:
            message = await message_by_id(self._client, recorded.channel_id, recorded.message_id)
        except discord.NotFound:
            return Result(Outcome.MESSAGE_GONE)
        except discord.Forbidden:
            return Result(Outcome.MISSING_PERMISSION, "the message can no longer be read")
        except discord.HTTPException as error:
            return Result(Outcome.FAILED, describe(error)[:200])
        surface = next((text for text in surfaces(message) if text.name == recorded.surface), None)
        if surface is None:
            return Result(Outcome.MESSAGE_GONE, "edited away")
        settings = await self._servers.get(server.id)
        return await self._actions.carry_out(
            Flag(
                decision_id=recorded.id,
                decision=Decision(
                    recorded.scores, recorded.thresholds, recorded.labels_over, Action.ALERT
                ),
                surface=surface,
                message=message,
                server=server,
                log_channel_id=settings.log_channel_id,
                model_version=recorded.model_version,
            )
        )
