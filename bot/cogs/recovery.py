"""Picks up decisions that were written down but not acted on before the bot went away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import discord
from discord.ext import commands

from bot.chat.actions import Actions, Flag, Result
from bot.chat.client import Hexward
from bot.chat.deeds import timeout
from bot.chat.lone_texts import LoneTexts, stands_alone
from bot.chat.lookup import message_by_id
from bot.chat.revisions import AS_POSTED, milliseconds
from bot.chat.surfaces import parts
from bot.errors import DatabaseError
from bot.logs import describe
from bot.rules import Action, Mode
from bot.screening.policy import Decision
from bot.storage.decisions import Decisions, Outcome, RecordedDecision
from bot.storage.servers import Servers

log = logging.getLogger(__name__)

# Older flags are history: an alert about them would only confuse.
_OLDEST = timedelta(hours=24)
_PAGE = 200


class Recovery(commands.Cog):
    """Settles, once per connection, what an earlier run left unsettled.

    The text of a flagged message is not in the database, so it is fetched again. A message that is
    gone, or was edited since, needs no alert: an edit has a decision of its own.
    """

    def __init__(
        self,
        client: Hexward,
        servers: Servers,
        decisions: Decisions,
        actions: Actions,
        lone_texts: LoneTexts,
    ) -> None:
        self._client = client
        self._servers = servers
        self._decisions = decisions
        self._actions = actions
        self._lone_texts = lone_texts
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
        settled = 0
        try:
            async for recorded in self._unsettled():
                # Another process may share the database; its servers are its own business.
                server = self._client.get_guild(recorded.server_id)
                if server is not None:
                    result = await self._finish(recorded, server)
                    await self._decisions.settle(recorded.id, result.outcome, result.detail)
                    settled += 1
        except DatabaseError as error:
            log.error("Unsettled decisions could not be picked up: %s", error)
        if settled:
            log.info("Picked up decisions that the last run left unsettled: %d", settled)

    async def _unsettled(self) -> AsyncIterator[RecordedDecision]:
        """What is older than this client, page by page; younger ones are being acted on now."""
        seen: set[int] = set()
        after: datetime | None = None
        while page := [
            recorded
            for recorded in await self._decisions.unsettled(
                decided_after=after, decided_before=self._made_at, limit=_PAGE
            )
            if recorded.id not in seen
        ]:
            for recorded in page:
                seen.add(recorded.id)
                yield recorded
            after = page[-1].decided_at

    async def _finish(self, recorded: RecordedDecision, server: discord.Guild) -> Result:
        if recorded.decided_at < self._made_at - _OLDEST:
            return Result(Outcome.TOO_LATE)
        if stands_alone(recorded.surface):
            settings = await self._servers.get(server.id)
            return Result(*await self._lone_texts.finish(recorded, server, settings))
        try:
            message = await message_by_id(self._client, recorded.channel_id, recorded.message_id)
            edited = message.edited_at
            if (AS_POSTED if edited is None else milliseconds(edited)) != recorded.revision:
                return Result(Outcome.MESSAGE_GONE, "edited since")
            part = next((text for text in parts(message) if text.name == recorded.surface), None)
            surface = None if part is None else await part.read()
            if surface is None:
                return Result(Outcome.MESSAGE_GONE, "its text is gone")
        except discord.NotFound:
            return await self._without_message(recorded, server)
        except discord.Forbidden:
            return Result(Outcome.MISSING_PERMISSION, "the message can no longer be read")
        except Exception as error:  # also an answer that discord.py cannot parse
            return Result(Outcome.FAILED, describe(error)[:200])
        settings = await self._servers.get(server.id)
        return await self._actions.carry_out(
            Flag(
                decision_id=recorded.id,
                decision=Decision(
                    recorded.scores,
                    recorded.thresholds,
                    recorded.labels_over,
                    Action(recorded.action),
                    # Who has turned to observing meanwhile wants nothing done any more.
                    recorded.mode if settings.mode is Mode.ENFORCE else Mode.OBSERVE,
                    recorded.timeout,
                ),
                surface=surface,
                message=message,
                server=server,
                log_channel_id=settings.log_channel_id,
                model_version=recorded.model_version,
                notice=settings.notice,
                recovered=True,
            )
        )

    async def _without_message(self, recorded: RecordedDecision, server: discord.Guild) -> Result:
        """What is left to do once the message is gone, perhaps by our own hand before the stop."""
        gone = Result(Outcome.MESSAGE_GONE)
        if await self._actions.deleted_before(recorded.id):
            gone = Result(Outcome.DELETED, "before its card was posted")
        settings = await self._servers.get(server.id)
        enforced = recorded.mode is Mode.ENFORCE and settings.mode is Mode.ENFORCE
        if (
            recorded.timeout is None
            or not enforced
            or recorded.decided_at < self._made_at - timeout.LATEST
        ):
            return gone
        deed = await self._actions.time_out_late(server, recorded)
        if deed is None or not deed.done:
            return gone if deed is None else replace(gone, detail=deed.why_not)
        return Result(Outcome.TIMED_OUT, "the message is gone")
