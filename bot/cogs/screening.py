"""The way of a message: from a gateway event to a settled decision, in one direction."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from weakref import WeakValueDictionary

import discord
from discord.ext import commands

from bot.chat.actions import Actions, Flag, Result
from bot.chat.client import Hexward
from bot.chat.lookup import Lookup, message_by_id, parent_ids, permissions_in, server_of
from bot.chat.revisions import Revisions
from bot.chat.running import Running
from bot.chat.surfaces import Surface, surfaces
from bot.chat.tally import Tally
from bot.errors import DatabaseError, EngineClosed, Overloaded
from bot.screening.engine import Engine
from bot.screening.policy import Decision, decide
from bot.screening.presets import Presets
from bot.storage.decisions import Decisions, NewDecision, RecordedDecision
from bot.storage.servers import Servers, ServerSettings

log = logging.getLogger(__name__)

# How many messages' latest revisions are remembered, to tell an edit from an unfolded link.
_REMEMBERED_MESSAGES = 10_000
# Seconds that accepted messages get to finish when the bot stops.
_DRAIN_S = 10.0
# Messages under way at a time; beyond that they go unscreened, and the log counts them.
_MOST_MESSAGES = 5_000
# Pauses in seconds before a decision that the database refused is written again.
_RECORD_AGAIN_S = (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True)
class Screened:
    """What became of one text; handed to ``on_screened`` listeners.

    ``result`` is None where the text passed, or was flagged and acted on before.
    """

    message: discord.Message
    surface: Surface
    decision: Decision
    result: Result | None


class Screening(commands.Cog):
    """Screens every message that is posted, edited or forwarded where the bot can read."""

    def __init__(
        self,
        client: Hexward,
        engine: Engine,
        presets: Presets,
        servers: Servers,
        decisions: Decisions,
        actions: Actions,
    ) -> None:
        self._client = client
        self._engine = engine
        self._presets = presets
        self._servers = servers
        self._decisions = decisions
        self._actions = actions
        self._lookup = Lookup()
        self._running = Running("messages", _MOST_MESSAGES)
        # Revisions of one message wait for each other here, so they are decided in order.
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._revisions = Revisions(_REMEMBERED_MESSAGES)
        self._unscreened = Tally()
        client.before_close(self.drain)

    # Events. discord.py runs each listener in a task of its own, in the order of the events.

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        await self._in_turn(message.channel.id, message.id, message)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        # An event that leaves the author out says too little; the message is fetched instead.
        message = event.message if hasattr(event.message, "author") else None
        await self._in_turn(event.channel_id, event.message_id, message)

    @commands.Cog.listener()
    async def on_unparsed_message(self, channel_id: int, message_id: int) -> None:
        """An event of which only the ids could be read."""
        await self._in_turn(channel_id, message_id, None)

    async def drain(self) -> None:
        """Take no more messages and let those already accepted finish."""
        await self._running.drain(_DRAIN_S)
        self._unscreened.stop()

    async def _in_turn(
        self, channel_id: int, message_id: int, message: discord.Message | None
    ) -> None:
        """Screen a message after the earlier revisions of it; None is fetched from Discord."""
        if self._running.closing:
            return
        if self._running.full:
            self._unscreened.add(Overloaded(len(self._running)))
            return
        with self._running.counted():
            async with self._turns.setdefault(message_id, asyncio.Lock()):
                try:
                    if message is None:
                        message = await message_by_id(self._client, channel_id, message_id)
                    await self._screen(message)
                except Exception as error:
                    # What could not be dealt with is not taken as known if it comes again.
                    self._revisions.forget(message_id)
                    if not isinstance(error, EngineClosed):
                        self._unscreened.add(error)

    async def _screen(self, message: discord.Message) -> None:
        server = server_of(message, self._client)
        if server is None or message.author == self._client.user or message.is_system():
            return
        texts = surfaces(message)
        if not texts:
            return
        settings = await self._servers.get(server.id)
        if await self._is_exempt(message, server, settings):
            return
        revision = self._revisions.next(message, texts)
        if revision is None:
            return
        ends = await asyncio.gather(
            *(self._screen_text(message, server, settings, revision, text) for text in texts),
            return_exceptions=True,
        )
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _is_exempt(
        self, message: discord.Message, server: discord.Guild, settings: ServerSettings
    ) -> bool:
        """Whether the server does not want this message looked at; cheapest questions first."""
        by_app = message.author.bot or message.webhook_id is not None
        if by_app and settings.exempt_bots:
            return True
        if message.channel.id in settings.exempt_channel_ids:
            return True
        channel = await self._lookup.place(message.channel, server)
        if parent_ids(channel) & settings.exempt_channel_ids:
            return True
        if message.webhook_id is not None:
            return False
        if not (settings.exempt_moderators or settings.exempt_role_ids):
            return False
        member = await self._lookup.author(message, server)
        if member is None:
            return False
        if settings.exempt_role_ids & {role.id for role in member.roles}:
            return True
        return settings.exempt_moderators and permissions_in(channel, member).manage_messages

    async def _screen_text(
        self,
        message: discord.Message,
        server: discord.Guild,
        settings: ServerSettings,
        revision: int,
        surface: Surface,
    ) -> None:
        scores = await self._engine.score(surface.text)
        decision = decide(scores, self._presets.rules(settings.preset, settings.overrides))
        if decision.flagged:
            result = await self._act(message, server, settings, revision, surface, decision)
        else:
            self._decisions.count_passed(server.id, datetime.now(UTC))
            result = None
        self._client.dispatch("screened", Screened(message, surface, decision, result))

    async def _act(
        self,
        message: discord.Message,
        server: discord.Guild,
        settings: ServerSettings,
        revision: int,
        surface: Surface,
        decision: Decision,
    ) -> Result | None:
        """Record, then act, then settle; None if this revision was dealt with before."""
        recorded = await self._record(
            NewDecision(
                server_id=server.id,
                channel_id=message.channel.id,
                message_id=message.id,
                author_id=message.author.id,
                surface=surface.name,
                revision=revision,
                scores=decision.scores,
                thresholds=decision.thresholds,
                labels_over=decision.labels_over,
                action=decision.action.value,
                model_version=self._engine.model.version,
                message_created_at=message.created_at,
                decided_at=datetime.now(UTC),
            )
        )
        if recorded is None:
            return None
        flag = Flag(
            decision_id=recorded.id,
            decision=decision,
            surface=surface,
            message=message,
            server=server,
            log_channel_id=settings.log_channel_id,
            model_version=self._engine.model.version,
        )
        result = await self._actions.carry_out(flag)
        try:
            await self._decisions.settle(recorded.id, result.outcome, result.detail)
        except DatabaseError as error:
            log.error("Decision %d was acted on but not settled: %s", recorded.id, error)
        return result

    async def _record(self, decision: NewDecision) -> RecordedDecision | None:
        """Write a decision down, trying again while the database is busy or full."""
        for pause_s in _RECORD_AGAIN_S:
            try:
                return await self._decisions.record(decision)
            except DatabaseError:
                if self._running.closing:
                    raise
                await asyncio.sleep(pause_s)
        return await self._decisions.record(decision)
