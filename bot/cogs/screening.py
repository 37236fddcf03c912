"""The way of a message: from a gateway event to a settled decision, in one direction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from weakref import WeakValueDictionary

import discord
from discord.ext import commands

from bot.chat.actions import Actions, Flag, Result
from bot.chat.backlog import Backlog
from bot.chat.client import Hexward
from bot.chat.exemptions import is_exempt_message
from bot.chat.lookup import Lookup, message_by_id, server_of
from bot.chat.passages import read_through
from bot.chat.passed import Passed
from bot.chat.revisions import Revisions
from bot.chat.ruling import rules_at
from bot.chat.running import Running, UnderWay
from bot.chat.surfaces import Part, Surface, is_system, parts
from bot.chat.weighing import Weighing
from bot.errors import DatabaseError, EngineClosed, TooManyUnderWay
from bot.labels import Scores
from bot.screening.engine import Engine, Priority
from bot.screening.policy import Decision, decide
from bot.screening.presets import Presets
from bot.storage.decisions import Decisions, NewDecision, RecordedDecision
from bot.storage.offences import Offences
from bot.storage.servers import Servers, ServerSettings

log = logging.getLogger(__name__)

# How many messages' latest revisions are remembered, to tell an edit from an unfolded link.
_REMEMBERED_MESSAGES = 10_000
# Seconds that accepted messages get to finish when the bot stops.
_DRAIN_S = 10.0
# Messages under way that do not wait for the engine, which has bounds of its own: for Discord, the
# database, an earlier revision. Beyond that, those of servers with more than their share go
# unscreened.
_MOST_MESSAGES = 5_000
# Seconds for which an edit waits for what is done about the revision before it, so that its card
# can name that one's. Discord may hold a card back for minutes.
_EARLIER_FIRST_S = 1.0
# Pauses in seconds before a decision that the database refused is written again.
_RECORD_AGAIN_S = (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True)
class Screened:
    """What became of one text; handed to ``on_screened`` listeners.

    Attributes
    ----------
    result
        None where the text passed, was flagged and acted on before, or where acting on it takes
        long.
    priority
        `Priority.BULK` where the message is caught up with.
    scoring_s
        How long its scores took, waiting included.
    """

    message: discord.Message
    surface: Surface
    decision: Decision
    result: Result | None
    priority: Priority
    scoring_s: float


@dataclass(frozen=True, slots=True)
class _Flagged:
    """A text that was flagged; without a `flag` this revision of it was dealt with before."""

    screened: Screened
    flag: Flag | None


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
        offences: Offences,
        backlog: Backlog,
        passed: Passed,
    ) -> None:
        self._client = client
        self._engine = engine
        self._presets = presets
        self._servers = servers
        self._decisions = decisions
        self._actions = actions
        self._weighing = Weighing(offences)
        self._lookup = Lookup()
        self._running = Running("messages", _MOST_MESSAGES)
        # Revisions of one message wait for each other here, so they are decided in order.
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._revisions = Revisions(_REMEMBERED_MESSAGES)
        self._backlog = backlog
        self._passed = passed
        client.before_close(self.drain)

    # Events. discord.py runs each listener in a task of its own, in the order of the events.

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        server = server_of(message, self._client)
        if server is None or self._running.closing:
            return  # at a stop: it is posted after the server's mark, so the next start asks for it
        marks = self._backlog.marks
        marks.begin(server.id, message.id)
        try:
            if message.author != self._client.user and not is_system(message):
                await self._screen_now(server.id, message.channel.id, message.id, message)
        finally:
            marks.end(server.id, message.id)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        # An event that leaves the author out says too little; the message is fetched instead.
        message = event.message if hasattr(event.message, "author") else None
        await self._screen_now(event.guild_id, event.channel_id, event.message_id, message)

    @commands.Cog.listener()
    async def on_unparsed_message(self, channel_id: int, message_id: int) -> None:
        """An event of which only the ids could be read."""
        server = getattr(self._client.get_channel(channel_id), "guild", None)
        await self._screen_now(server and server.id, channel_id, message_id, None)

    async def screen_late(self, message: discord.Message) -> None:
        """Screen a message that went unscreened when it was posted; the others go first.

        Raises
        ------
        Exception
            What kept it from being screened, `EngineClosed` if the bot is about to stop.
        """
        if self._running.closing:
            raise EngineClosed
        server_id = message.guild.id if message.guild else None
        await self._in_turn(server_id, message.channel.id, message.id, message, Priority.BULK)

    def has_seen(self, server_id: int, message_id: int) -> bool:
        """Whether a message is being screened or was screened lately."""
        return self._backlog.marks.is_under_way(server_id, message_id) or (
            message_id in self._revisions
        )

    async def drain(self) -> None:
        """Take no more messages and let those already accepted finish."""
        await self._running.drain(_DRAIN_S)

    async def _screen_now(
        self,
        server_id: int | None,
        channel_id: int,
        message_id: int,
        message: discord.Message | None,
    ) -> None:
        """Screen a message of an event, or put it down as unscreened."""
        try:
            if self._running.closing:
                # The next start asks for what is posted now, but not for what is edited.
                if message is None or self._is_news(message):
                    raise EngineClosed
                return
            if self._running.full_for(server_id):
                raise TooManyUnderWay(server_id)
            await self._in_turn(server_id, channel_id, message_id, message, Priority.LIVE)
        except discord.NotFound:
            return  # it was deleted before it could be fetched
        except (Exception, asyncio.CancelledError) as error:
            self._backlog.put_down(server_id, channel_id, message_id, error)
            if isinstance(error, asyncio.CancelledError):
                raise

    async def _in_turn(
        self,
        server_id: int | None,
        channel_id: int,
        message_id: int,
        message: discord.Message | None,
        priority: Priority,
    ) -> None:
        """Screen a message after the earlier revisions of it; None is fetched from Discord."""
        with self._running.counted(server_id) as under_way:
            doing: list[asyncio.Task[None]] = []
            try:
                async with self._turns.setdefault(message_id, asyncio.Lock()):
                    try:
                        if message is None:
                            message = await message_by_id(self._client, channel_id, message_id)
                        await self._screen(message, priority, under_way, doing)
                    except BaseException:
                        # What could not be dealt with is not taken as known if it comes again.
                        self._revisions.forget(message_id)
                        raise
                    finally:
                        if doing:
                            await asyncio.wait(doing, timeout=_EARLIER_FIRST_S)
            except asyncio.CancelledError:
                for task in doing:
                    task.cancel()
                raise
            finally:
                await asyncio.gather(*doing)

    async def _screen(
        self,
        message: discord.Message,
        priority: Priority,
        under_way: UnderWay,
        doing: list[asyncio.Task[None]],
    ) -> None:
        """Decide on what is new in a message, and begin to act on what was flagged.

        Parameters
        ----------
        doing
            Gets what was begun, also where some other text cannot be screened.
        """
        server = server_of(message, self._client)
        texts = self._texts(message)
        if server is None or not texts:
            return
        settings = await self._servers.get(server.id)
        if await is_exempt_message(message, server, settings, self._lookup):
            return
        revision = self._revisions.next(message, texts)
        if revision is None:
            return
        ends = await asyncio.gather(
            *(
                self._screen_text(
                    message, server, settings, revision.number, part, priority, under_way
                )
                for part in revision.parts
            ),
            return_exceptions=True,
        )
        flagged = [end for end in ends if isinstance(end, _Flagged)]
        doing += [asyncio.create_task(self._act(one), name="act on a flag") for one in flagged]
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        # Only now: a message of which one text could not be screened comes again as a whole.
        if passed := [end for end in ends if isinstance(end, Scores)]:
            place = await self._lookup.place(message.channel, server)
            self._passed.note(server.id, passed, author_id=message.author.id, channel=place)

    def _texts(self, message: discord.Message) -> Sequence[Part]:
        """The texts of a message; none of our own and of Discord's."""
        if message.author == self._client.user or is_system(message):
            return ()
        return parts(message)

    def _is_news(self, message: discord.Message) -> bool:
        """Whether a message that comes again has a new text: no pin, for example."""
        texts = self._texts(message)
        return bool(texts) and self._revisions.is_news(message, texts)

    async def _screen_text(
        self,
        message: discord.Message,
        server: discord.Guild,
        settings: ServerSettings,
        revision: int,
        part: Part,
        priority: Priority,
        under_way: UnderWay,
    ) -> Scores | _Flagged | None:
        """Score one text and decide; its scores if it passed."""
        surface = await part.read()
        if surface is None:
            return None
        clock = asyncio.get_running_loop().time
        started = clock()
        score = partial(self._engine.score, server_id=server.id, priority=priority)
        with under_way.elsewhere():
            reading = await read_through(surface.text, score)
        scoring_s = clock() - started
        # A thread or category has choices of its own only where there are any at all.
        place = await self._lookup.place(message.channel, server) if settings.places else None
        rules = rules_at(self._presets, settings, place)
        decision = decide(reading.scores, rules, settings.mode)
        if decision.flagged:
            surface = Surface(surface.name, reading.quote(decision))
        screened = Screened(message, surface, decision, None, priority, scoring_s)
        if not decision.flagged:
            self._client.dispatch("screened", screened)
            return decision.scores
        flag = await self._flag(message, server, settings, revision, surface, decision)
        return _Flagged(screened, flag)

    async def _flag(
        self,
        message: discord.Message,
        server: discord.Guild,
        settings: ServerSettings,
        revision: int,
        surface: Surface,
        decision: Decision,
    ) -> Flag | None:
        """Write a decision down; None if this revision was dealt with before."""
        now = datetime.now(UTC)
        async with self._weighing.weighed(decision, message, settings, now) as weighed:
            decision = weighed.decision
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
                    decided_at=now,
                    mode=decision.mode,
                    timeout=decision.timeout,
                )
            )
        if recorded is None:
            return None
        return Flag(
            decision_id=recorded.id,
            decision=decision,
            surface=surface,
            message=message,
            server=server,
            log_channel_id=settings.log_channel_id,
            model_version=self._engine.model.version,
            before=weighed.before,
            earlier=weighed.earlier,
            notice=settings.notice,
        )

    async def _act(self, flagged: _Flagged) -> None:
        """Act on what is written down, then settle it."""
        screened, flag = flagged.screened, flagged.flag
        result = None if flag is None else await self._actions.carry_out(flag)
        # Without a result it is settled once everything is done.
        if flag is not None and result is not None:
            try:
                await self._decisions.settle(flag.decision_id, result.outcome, result.detail)
            except DatabaseError as error:
                log.error("Decision %d was acted on but not settled: %s", flag.decision_id, error)
        self._client.dispatch("screened", replace(screened, result=result))

    async def _record(self, decision: NewDecision) -> RecordedDecision | None:
        """Write a decision down, trying again while the database is busy or full."""
        try:
            return await self._decisions.record(decision)
        except DatabaseError:
            if self._running.closing:
                raise
        with self._decisions.holding_up(decision.server_id):
            for pause_s in _RECORD_AGAIN_S[:-1]:
                await asyncio.sleep(pause_s)
                try:
                    return await self._decisions.record(decision)
                except DatabaseError:
                    if self._running.closing:
                        raise
            await asyncio.sleep(_RECORD_AGAIN_S[-1])
            return await self._decisions.record(decision)
