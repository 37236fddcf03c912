"""Picks up decisions that were written down but not acted on before the bot went away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import discord
from discord.ext import commands

from bot.chat.actions import Actions, Flag, Late, Result
from bot.chat.client import Hexward
from bot.chat.cut_off import CutOff
from bot.chat.deeds import timeout
from bot.chat.exemptions import is_exempt_author, is_exempt_message
from bot.chat.languages import speaking_to
from bot.chat.lone_texts import LoneTexts
from bot.chat.lookup import Lookup, messages_by_id
from bot.chat.revisions import AS_POSTED, milliseconds
from bot.chat.surfaces import parts, stands_alone
from bot.errors import DatabaseError
from bot.logs import describe
from bot.rules import Action, Mode
from bot.screening.policy import Decision
from bot.storage.decisions import Decisions, Outcome, RecordedDecision
from bot.storage.server_settings import ServerSettings
from bot.storage.servers import Servers

log = logging.getLogger(__name__)

# Older flags are history: an alert about them would only confuse.
_OLDEST = timedelta(hours=24)
_PAGE = 200

Found = dict[int, discord.Message | Result]


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
        cut_off: CutOff,
    ) -> None:
        self._client = client
        self._servers = servers
        self._decisions = decisions
        self._actions = actions
        self._lone_texts = lone_texts
        self._cut_off = cut_off
        self._made_at = datetime.now(UTC)
        self._lookup = Lookup()
        self._task: asyncio.Task[None] | None = None
        self._looking: set[asyncio.Task[None]] = set()
        # Servers with something unsettled that were not there when it was looked for.
        self._absent: set[int] = set()
        client.before_close(self.stop)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._recover(), name="recover decisions")

    @commands.Cog.listener()
    async def on_guild_available(self, server: discord.Guild) -> None:
        """See to a server that Discord named after the others, or that had an outage."""
        if server.id in self._absent:
            self._absent.discard(server.id)
            before = self._task
            self._task = asyncio.create_task(
                self._recover(server.id, after=before), name="recover decisions"
            )

    async def stop(self) -> None:
        """Leave the rest for the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        for task in self._looking:
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)

    async def _recover(
        self, server_id: int | None = None, *, after: asyncio.Task[None] | None = None
    ) -> None:
        """Take up everything at once: deletions share requests, and nobody waits for a card.

        Parameters
        ----------
        server_id
            Only what is of this server.
        after
            What has to end first.
        """
        if after is not None:
            await after
        ends: list[Exception | None] = []
        async with asyncio.TaskGroup() as group:
            try:
                async for page in self._unsettled():
                    ours = [one for one in page if server_id in (None, one.server_id)]
                    for (server, channel_id), some in self._by_channel(ours).items():
                        await self._take_up(group, server, channel_id, some, ends)
            except DatabaseError as error:
                log.error("Unsettled decisions could not be looked up: %s", error)
        left = [error for error in ends if error is not None]
        if settled := len(ends) - len(left):
            log.info("Picked up decisions that the last run left unsettled: %d", settled)
        if left:
            log.error(
                "Decisions that stay unsettled until the next start: %d; the first because: %s",
                len(left),
                describe(left[0]),
            )
        # Of what was settled without going on with it, too. Apart: Discord may have to be asked for
        # minutes, and what is next is not to wait for that.
        looking = asyncio.create_task(
            self._cut_off.look_into(self._client, self._made_at, self._absent, server_id),
            name="recover decisions: those in the middle",
        )
        self._looking.add(looking)
        looking.add_done_callback(self._looking.discard)

    async def _unsettled(self) -> AsyncIterator[list[RecordedDecision]]:
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
            seen.update(recorded.id for recorded in page)
            yield page
            after = page[-1].decided_at

    def _by_channel(
        self, page: list[RecordedDecision]
    ) -> dict[tuple[discord.Guild, int], list[RecordedDecision]]:
        places: dict[tuple[discord.Guild, int], list[RecordedDecision]] = {}
        for recorded in page:
            # Another process may share the database; its servers are its own business.
            server = self._client.get_guild(recorded.server_id)
            if server is None or server.unavailable:
                self._absent.add(recorded.server_id)
            else:
                places.setdefault((server, recorded.channel_id), []).append(recorded)
        return places

    async def _take_up(
        self,
        group: asyncio.TaskGroup,
        server: discord.Guild,
        channel_id: int,
        decisions: list[RecordedDecision],
        ends: list[Exception | None],
    ) -> None:
        """Begin to finish what is left of a channel."""
        ids = [one.message_id for one in decisions if self._needs_message(one)]
        messages = await self._fetched(server, channel_id, ids) if ids else {}
        with speaking_to(server):
            for recorded in decisions:
                group.create_task(
                    self._settle(recorded, server, messages.get(recorded.message_id), ends),
                    name="recover a decision",
                )

    async def _settle(
        self,
        recorded: RecordedDecision,
        server: discord.Guild,
        message: discord.Message | Result | None,
        ends: list[Exception | None],
    ) -> None:
        """Finish a decision; one that cannot be keeps no other from being finished."""
        try:
            result = await self._finish(recorded, server, message)
            if result is not None:
                await self._decisions.settle(recorded.id, result.outcome, result.detail)
            ends.append(None)
        except Exception as error:
            ends.append(error)

    def _needs_message(self, recorded: RecordedDecision) -> bool:
        return not stands_alone(recorded.surface) and not self._is_old(recorded)

    def _is_old(self, recorded: RecordedDecision) -> bool:
        return recorded.decided_at < self._made_at - _OLDEST

    async def _fetched(
        self, server: discord.Guild, channel_id: int, message_ids: list[int]
    ) -> Found:
        """The messages that still stand, or why they cannot be read, by id."""
        try:
            found = await messages_by_id(self._client, server, channel_id, message_ids)
        except discord.NotFound:
            return {}
        except Exception as error:  # also an answer that discord.py cannot parse
            if len(message_ids) == 1 or isinstance(error, discord.Forbidden):
                return dict.fromkeys(message_ids, _unreadable(error))
            alone = [await self._fetched(server, channel_id, [one]) for one in message_ids]
            return {key: value for one in alone for key, value in one.items()}
        return dict(found)

    async def _finish(
        self,
        recorded: RecordedDecision,
        server: discord.Guild,
        message: discord.Message | Result | None,
    ) -> Result | None:
        """Act on a decision; None if it takes long and is settled later."""
        if self._is_old(recorded):
            return Result(Outcome.TOO_LATE)
        settings = await self._servers.get(server.id)
        if stands_alone(recorded.surface):
            return await self._lone_texts.finish(recorded, server, settings)
        if isinstance(message, Result):
            return message
        if message is None:
            late = await self._late(recorded, server, settings)
            return await self._actions.finish_without(recorded, server, late)
        if await is_exempt_message(message, server, settings, self._lookup):
            # Since it was decided, or the author moderates by now.
            return Result(Outcome.EXEMPT)
        edited = message.edited_at
        if (AS_POSTED if edited is None else milliseconds(edited)) != recorded.revision:
            return Result(Outcome.MESSAGE_GONE, "edited since")
        part = next((text for text in parts(message) if text.name == recorded.surface), None)
        try:
            surface = None if part is None else await part.read()
        except Exception as error:
            return _unreadable(error)
        if surface is None:
            return Result(Outcome.MESSAGE_GONE, "its text is gone")
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

    async def _late(
        self, recorded: RecordedDecision, server: discord.Guild, settings: ServerSettings
    ) -> Late:
        """What may be done although the message is gone, perhaps by our own hand."""
        enforced = recorded.mode is Mode.ENFORCE and settings.mode is Mode.ENFORCE
        young = recorded.decided_at >= self._made_at - timeout.LATEST
        may_time_out = enforced and young and recorded.timeout is not None
        if may_time_out and await is_exempt_author(
            recorded.author_id, recorded.channel_id, server, settings, self._lookup
        ):
            may_time_out = False
        return Late(settings.log_channel_id, may_time_out)


def _unreadable(error: Exception) -> Result:
    if isinstance(error, discord.Forbidden):
        return Result(Outcome.MISSING_PERMISSION, "the message can no longer be read")
    return Result(Outcome.FAILED, describe(error)[:200])
