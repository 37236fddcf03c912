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
from bot.chat.lookup import author_as_member, message_by_id, place
from bot.chat.revisions import Revisions
from bot.chat.surfaces import Surface, surfaces
from bot.errors import DatabaseError, EngineClosed, ScoringError
from bot.logs import describe
from bot.screening.engine import Engine
from bot.screening.policy import Decision, decide
from bot.screening.presets import Presets
from bot.storage.decisions import Decisions, NewDecision
from bot.storage.servers import Servers, ServerSettings

log = logging.getLogger(__name__)

# How many messages' latest revisions are remembered, to tell an edit from an unfolded link.
_REMEMBERED_MESSAGES = 10_000
# Seconds that accepted messages get to finish when the bot stops.
_DRAIN_S = 10.0
# Unscreened messages are reported in one line per this many seconds.
_TALLY_S = 60.0


@dataclass(frozen=True, slots=True)
class Screened:
    """What became of one text; handed to ``on_screened`` listeners.

    ``result`` is None where the text passed.
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
        self._closing = False
        self._running: set[asyncio.Task[object]] = set()
        # Revisions of one message wait for each other here, so they are decided in order.
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._revisions = Revisions(_REMEMBERED_MESSAGES)
        self._unscreened = _UnscreenedTally()
        client.before_close(self.drain)

    # Events. discord.py runs each listener in a task of its own, in the order of the events.

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        await self._in_turn(message)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        await self._in_turn(event.message)

    @commands.Cog.listener()
    async def on_unparsed_message(self, channel_id: int, message_id: int) -> None:
        """An event of which only the ids could be read: ask Discord for the message itself."""
        try:
            message = await message_by_id(self._client, channel_id, message_id)
        except discord.HTTPException as error:
            log.warning("Message %d could not be fetched: %s", message_id, describe(error))
            return
        await self._in_turn(message)

    async def drain(self) -> None:
        """Take no more messages and let those already accepted finish."""
        self._closing = True
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=_DRAIN_S)
            for task in late:
                task.cancel()
            if late:
                log.warning("%d messages were not finished before the stop", len(late))
                await asyncio.wait(late)
        self._unscreened.report()

    async def _in_turn(self, message: discord.Message) -> None:
        task = asyncio.current_task()
        if self._closing or task is None:
            return
        self._running.add(task)
        try:
            async with self._turns.setdefault(message.id, asyncio.Lock()):
                await self._screen(message)
        except DatabaseError as error:
            log.error("Message %d is not logged: %s", message.id, error)
        finally:
            self._running.discard(task)

    async def _screen(self, message: discord.Message) -> None:
        server = message.guild
        if server is None or message.author == self._client.user or message.is_system():
            return
        texts = surfaces(message)
        if not texts:
            return
        settings = await self._servers.get(server.id)
        if await _is_exempt(message, server, settings):
            return
        revision = self._revisions.next(message, texts)
        if revision is None:
            return
        await asyncio.gather(
            *(self._screen_text(message, server, settings, revision, text) for text in texts)
        )

    async def _screen_text(
        self,
        message: discord.Message,
        server: discord.Guild,
        settings: ServerSettings,
        revision: int,
        surface: Surface,
    ) -> None:
        try:
            scores = await self._engine.score(surface.text)
        except EngineClosed:
            return
        except ScoringError as error:
            self._unscreened.add(error)
            return
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
        recorded = await self._decisions.record(
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
        await self._decisions.settle(recorded.id, result.outcome, result.detail)
        return result


async def _is_exempt(
    message: discord.Message, server: discord.Guild, settings: ServerSettings
) -> bool:
    """Whether the server does not want this message looked at; cheapest questions first."""
    if settings.exempt_bots and (message.author.bot or message.webhook_id is not None):
        return True
    if {message.channel.id} & settings.exempt_channel_ids:
        return True
    channel = await place(message.channel, server)
    parents = {getattr(channel, "parent_id", None), getattr(channel, "category_id", None)}
    if parents & settings.exempt_channel_ids:
        return True
    if message.webhook_id is not None:
        return False
    if not (settings.exempt_moderators or settings.exempt_role_ids):
        return False
    member = await author_as_member(message, server)
    if member is None:
        return False
    if settings.exempt_role_ids & {role.id for role in member.roles}:
        return True
    return settings.exempt_moderators and _moderates(member, channel)


def _moderates(member: discord.Member, channel: object) -> bool:
    if member.guild_permissions.manage_messages:
        return True
    if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return channel.permissions_for(member).manage_messages
    return False


class _UnscreenedTally:
    """Counts texts that could not be scored and logs them in one line per minute."""

    def __init__(self) -> None:
        self._count = 0
        self._last = ""
        self._timer: asyncio.TimerHandle | None = None

    def add(self, error: ScoringError) -> None:
        self._count += 1
        self._last = describe(error)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TALLY_S, self.report)

    def report(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._count:
            log.warning("%d texts went unscreened; the last because: %s", self._count, self._last)
            self._count = 0
