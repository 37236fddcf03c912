"""Makes up for what went unscreened: in a rush, while the bot was away, or at a stop.

Messages that were missed are first put down like those that came in a rush. Whatever is put down is
then fetched again at leisure, servers in turn and each one's oldest first, and goes the way of
every message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import discord
from discord.ext import commands

from bot.chat.backlog import Backlog
from bot.chat.client import Hexward
from bot.chat.faults import DISCORD_FAULTS
from bot.chat.languages import speaking_to
from bot.chat.lookup import channel_by_id, message_by_id, missing_permissions
from bot.chat.missed import READ_PERMISSIONS, Missed, find_missed
from bot.chat.spells import came_at
from bot.chat.tally import Settled
from bot.cogs.screening import Screening
from bot.complaint import Complaint
from bot.errors import DatabaseError, EngineClosed, Overloaded
from bot.logs import describe
from bot.screening.engine import Engine
from bot.storage.decisions import Decisions
from bot.storage.servers import Servers
from bot.storage.unscreened import UnscreenedMessage

log = logging.getLogger(__name__)

# Messages of a channel that are made up for after the bot was away, the newest.
MOST_IN_CHANNEL = 500
# Seconds between two requests for messages; Discord allows the bot 50 requests a second.
_PAUSE_S = 0.25
# Seconds until something that failed is tried again.
RETRY_S = 30.0
# What Discord gives in one request.
_PAGE = 100
# Texts of others that may wait while the engine counts as quiet. It is looked at so often, and then
# caught up nevertheless: the engine lets live messages go first.
_QUIET_TEXTS = 32
_LOOK_S = 0.5
_LOOKS = 120


class CatchUp(commands.Cog):
    """Finds what was missed and screens what was put down.

    Parameters
    ----------
    back
        How far back messages are asked for that were posted while the bot was away.
    """

    def __init__(
        self,
        client: Hexward,
        engine: Engine,
        servers: Servers,
        screening: Screening,
        backlog: Backlog,
        decisions: Decisions,
        *,
        back: timedelta,
    ) -> None:
        self._client = client
        self._engine = engine
        self._servers = servers
        self._screening = screening
        self._backlog = backlog
        self._decisions = decisions
        self._back = back
        # Servers whose absence is to be looked into; each at most once.
        self._arrived: dict[int, None] = {}
        self._arrival = asyncio.Event()
        # By server: what an earlier run has left, read once; empty when it is told.
        self._left: dict[int, list[UnscreenedMessage]] = {}
        # How often something may have been missed so far.
        self._breaks = 0
        self._complaint = Complaint(
            log,
            "Unscreened messages are not caught up with yet",
            "Unscreened messages are caught up with again",
        )
        self._tasks: list[asyncio.Task[None]] = []
        client.before_close(self.stop)

    async def cog_load(self) -> None:
        loops: tuple[tuple[str, Coroutine[Any, Any, None]], ...] = (
            ("find missed messages", self._find()),
            ("catch up", self._catch_up()),
        )
        self._tasks = [asyncio.create_task(loop, name=name) for name, loop in loops]

    async def stop(self) -> None:
        """Leave the rest for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Events. A new session means that something may have been missed; a resumed one does not.

    @commands.Cog.listener()
    async def on_connect(self) -> None:
        self._breaks += 1
        self._backlog.marks.hold()

    @commands.Cog.listener()
    async def on_guild_unavailable(self, server: discord.Guild) -> None:
        self._breaks += 1
        self._backlog.marks.hold(server.id)

    @commands.Cog.listener()
    async def on_guild_available(self, server: discord.Guild) -> None:
        self._look_into(server.id)

    @commands.Cog.listener()
    async def on_guild_join(self, server: discord.Guild) -> None:
        self._look_into(server.id)

    def _look_into(self, server_id: int) -> None:
        self._arrived[server_id] = None
        self._arrival.set()

    # Finding what was missed.

    async def _find(self) -> None:
        while True:
            await self._arrival.wait()
            self._arrival.clear()
            while self._arrived:
                server_id = next(iter(self._arrived))
                del self._arrived[server_id]
                try:
                    await self._find_in(server_id)
                except Exception as error:  # also an answer that discord.py cannot parse
                    log.warning(
                        "Server %d: what was posted while away is not known yet: %s",
                        server_id,
                        describe(error),
                    )
                    asyncio.get_running_loop().call_later(RETRY_S, self._look_into, server_id)
                # What an earlier run has left does not wait for what was missed.
                self._backlog.stirred.set()

    async def _find_in(self, server_id: int) -> None:
        server = self._client.get_guild(server_id)
        marks, unscreened = self._backlog.marks, self._backlog.unscreened
        if server is None or server.unavailable or not marks.is_held(server_id):
            return
        breaks = self._breaks
        if server_id not in self._left:
            self._backlog.tally.note(server_id)
            left = await unscreened.in_server(server_id)
            told = await self._backlog.tally.resume(server_id, left)
            self._left[server_id] = [row for row in left if row.message_id not in told]
        now = datetime.now(UTC)
        mark = await unscreened.mark_of(server_id)
        if mark is None:  # a server that is new: nothing before this moment was missed
            missed = Missed(newest=discord.utils.time_snowflake(now))
        else:
            missed = await find_missed(
                server,
                await self._servers.get(server_id),
                after=max(mark, discord.utils.time_snowflake(now - self._back)),
                most=MOST_IN_CHANNEL,
                has_seen=lambda message_id: self._screening.has_seen(server_id, message_id),
                pause_s=_PAUSE_S,
            )
        self._backlog.put_down_missed(server_id, missed)
        leftover = [(row.channel_id, row.message_id, came_at(row)) for row in self._left[server_id]]
        away = list({one[1]: one for one in [*missed.messages, *leftover]}.values())
        # What a stop cut short after it was decided did not go unscreened.
        decided = await self._decisions.known([message_id for _, message_id, _ in away])
        self._left[server_id] = []
        self._backlog.tally.add_away(
            server_id, [one for one in away if one[1] not in decided], missed.left_out
        )
        if breaks == self._breaks:
            marks.release(server_id, max(mark or 0, missed.newest))
        else:  # what was missed since may not be among it
            self._look_into(server_id)

    # Screening what was put down.

    async def _catch_up(self) -> None:
        stirred = self._backlog.stirred
        while True:
            await stirred.wait()
            stirred.clear()
            try:
                through = await self._work_off()
            except DatabaseError as error:
                self._complaint.failed(error)
                through = False
            else:
                self._complaint.worked()
            if not through:
                asyncio.get_running_loop().call_later(RETRY_S, stirred.set)

    async def _work_off(self) -> bool:
        """Screen whatever was put down; False if some of it has to be tried again later."""
        left_alone: set[int] = set()
        absent: set[int] = set()
        while await self._work_off_round(left_alone, absent):
            pass
        return not left_alone

    async def _work_off_round(self, left_alone: set[int], absent: set[int]) -> bool:
        """Screen a page of each server's oldest messages; False if no server had any.

        Parameters
        ----------
        left_alone
            Channels to leave out; gets those that have to be tried again later.
        absent
            Servers to leave out; gets those that are not here. They come back and stir, or belong
            to another process, or have thrown us out.
        """
        worked = False
        oldest = self._backlog.unscreened.oldest
        had_turn: set[int] = set()
        while row := await oldest(not_in=left_alone, not_of=had_turn | absent):
            server = self._client.get_guild(row.server_id)
            if server is None or server.unavailable:
                absent.add(row.server_id)
                continue
            had_turn.add(row.server_id)
            worked = True
            await self._until_quiet()
            try:
                done = await self._work_off_page(server, row.channel_id)
            except DatabaseError:
                raise
            except Exception as error:  # also an answer that discord.py cannot parse
                log.warning(
                    "Server %d: unscreened messages could not be fetched: %s",
                    server.id,
                    describe(error),
                )
                done = False
            if not done:
                left_alone.add(row.channel_id)
            await asyncio.sleep(_PAUSE_S)
        return worked

    async def _until_quiet(self) -> None:
        """Let live messages go first, but not for ever."""
        for _ in range(_LOOKS):
            if self._engine.waiting <= _QUIET_TEXTS:
                return
            await asyncio.sleep(_LOOK_S)

    async def _work_off_page(self, server: discord.Guild, channel_id: int) -> bool:
        """Screen a channel's oldest messages; False if one has to be tried again later.

        Raises
        ------
        Exception
            If Discord fails.
        """
        oldest = datetime.now(UTC) - self._backlog.unscreened.keep
        rows = await self._backlog.unscreened.in_channel(server.id, channel_id, _PAGE)
        for row in rows:
            if row.at < oldest:
                self._settle(row, Settled.LOST)
        rows = [row for row in rows if row.at >= oldest]
        if not rows:
            return True
        messages: dict[int, discord.Message | None] | None = None
        try:
            channel = await channel_by_id(server, channel_id)
            if not missing_permissions(channel, READ_PERMISSIONS):
                messages = await self._fetch(channel, rows)
        except discord.NotFound:
            messages = {row.message_id: None for row in rows}
        except discord.Forbidden:
            pass
        if messages is None:
            for row in rows:
                self._settle(row, Settled.LOST)
            return True
        done = await asyncio.gather(
            *(
                self._screen(server, row, messages[row.message_id])
                for row in rows
                if row.message_id in messages
            )
        )
        return all(done)

    async def _fetch(
        self, channel: discord.abc.GuildChannel | discord.Thread, rows: Sequence[UnscreenedMessage]
    ) -> dict[int, discord.Message | None]:
        """The messages as they stand now, None for one that is gone; as far as a page reaches."""
        if not isinstance(channel, discord.abc.Messageable):
            return {row.message_id: None for row in rows}
        before_first = discord.Object(rows[0].message_id - 1)
        try:
            page = [
                message
                async for message in channel.history(
                    limit=_PAGE, after=before_first, oldest_first=True
                )
            ]
        except DISCORD_FAULTS:
            raise
        except Exception:  # one message of the page cannot be parsed; the others are not to suffer
            return await self._fetch_each(rows)
        there = {message.id: message for message in page}
        reach = page[-1].id if len(page) == _PAGE else rows[-1].message_id
        return {
            row.message_id: there.get(row.message_id) for row in rows if row.message_id <= reach
        }

    async def _fetch_each(
        self, rows: Sequence[UnscreenedMessage]
    ) -> dict[int, discord.Message | None]:
        found: dict[int, discord.Message | None] = {}
        for row in rows:
            try:
                found[row.message_id] = await message_by_id(
                    self._client, row.channel_id, row.message_id
                )
            except discord.NotFound:
                found[row.message_id] = None
            except DISCORD_FAULTS:
                raise
            except Exception as error:
                log.warning("A message cannot be read and stays unscreened: %s", describe(error))
                self._settle(row, Settled.LOST)
            await asyncio.sleep(_PAUSE_S)
        return found

    async def _screen(
        self, server: discord.Guild, row: UnscreenedMessage, message: discord.Message | None
    ) -> bool:
        """Screen one message; False if it has to be tried again later."""
        if message is None:
            self._settle(row, Settled.GONE)
            return True
        try:
            with speaking_to(server):
                await self._when_there_is_room(message)
        except (Overloaded, DatabaseError, EngineClosed):
            return False
        except Exception as error:
            log.warning("A message could not be caught up with: %s", describe(error))
            if _may_pass(error):
                return False
            self._settle(row, Settled.LOST)
            return True
        self._settle(row, Settled.SCREENED)
        return True

    async def _when_there_is_room(self, message: discord.Message) -> None:
        for _ in range(_LOOKS):
            try:
                return await self._screening.screen_late(message)
            except Overloaded:
                await asyncio.sleep(_LOOK_S)
        return await self._screening.screen_late(message)

    def _settle(self, row: UnscreenedMessage, how: Settled) -> None:
        self._backlog.unscreened.settle(row.message_id)
        self._backlog.tally.settle(row.server_id, row.message_id, how)


def _may_pass(error: Exception) -> bool:
    """Whether it is Discord or the network that failed, which a later try may find mended."""
    if isinstance(error, discord.HTTPException):
        return error.status >= 500
    return isinstance(error, aiohttp.ClientError | OSError | TimeoutError)
