"""Keeps what is stored within its time: the daily purge, and what Discord says is gone."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime

import discord
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.lookup import server_of
from bot.cogs.screening import Screened
from bot.errors import DatabaseError
from bot.storage.excerpts import Excerpts
from bot.storage.privacy import Privacy
from bot.storage.retention import Retention

log = logging.getLogger(__name__)

# Seconds between two purges, and until one that failed is tried again.
EVERY_S = 24 * 3_600.0
RETRY_S = 600.0
# Deleted messages that are remembered, since an excerpt may be about to be kept of one.
_REMEMBERED = 10_000


class Purging(commands.Cog):
    """Purges at the start and once a day, and notices servers that the bot has left.

    A server that is merely unavailable is still in the client's list, so it does not count as left.
    """

    def __init__(
        self, client: Hexward, privacy: Privacy, retention: Retention, excerpts: Excerpts
    ) -> None:
        self._client = client
        self._privacy = privacy
        self._retention = retention
        self._excerpts = excerpts
        self._deleted: OrderedDict[int, None] = OrderedDict()
        self._ready = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        client.before_close(self.stop)

    async def cog_load(self) -> None:
        self._tasks = [
            asyncio.create_task(self._daily(self._purge), name="purge"),
            asyncio.create_task(self._look_daily(), name="look for left servers"),
        ]

    async def stop(self) -> None:
        """Leave the rest for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # What is too old.

    async def _daily(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
                pause_s = EVERY_S
            except DatabaseError as error:
                log.warning("What is too old is not deleted yet: %s", error)
                pause_s = RETRY_S
            await asyncio.sleep(pause_s)

    async def _purge(self) -> None:
        purged = await self._retention.purge()
        if purged.rows or purged.forgotten:
            log.info(
                "Deleted %d rows that were too old, and forgot %d entries as members had asked",
                purged.rows,
                purged.forgotten,
            )

    # Servers that the bot has left.

    async def _look_daily(self) -> None:
        # Until Discord has said which servers there are, any of them would look as though left.
        await self._ready.wait()
        await self._daily(self._look)

    async def _look(self) -> None:
        if not self._client.is_ready():
            return  # in the middle of a new session; tomorrow is another day
        present = {server.id for server in self._client.guilds}
        await self._privacy.mark_present(present)
        known = await self._privacy.known_servers()
        absent = {server_id for server_id in known - present if self._is_ours(server_id)}
        await self._privacy.mark_left(absent, datetime.now(UTC))
        deleted = await self._retention.delete_left(absent)
        if deleted:
            log.info("Deleted what was stored of servers that the bot has left: %d", len(deleted))

    def _is_ours(self, server_id: int) -> bool:
        """Whether this process would be in the server; another shard's is not its business."""
        count = self._client.shard_count
        return not count or (server_id >> 22) % count == (self._client.shard_id or 0)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        self._ready.set()

    @commands.Cog.listener()
    async def on_guild_join(self, server: discord.Guild) -> None:
        await self._noted(self._privacy.mark_present([server.id]))

    @commands.Cog.listener()
    async def on_guild_remove(self, server: discord.Guild) -> None:
        await self._noted(self._privacy.mark_left([server.id], datetime.now(UTC)))

    # Excerpts.

    @commands.Cog.listener()
    async def on_screened(self, screened: Screened) -> None:
        """Keep an excerpt of what was newly flagged, where the server wants that."""
        message, surface = screened.message, screened.surface
        if screened.result is None or message.id in self._deleted:
            return
        server = server_of(message, self._client)
        if server is not None:
            await self._noted(
                self._excerpts.keep(server.id, message.id, surface.name, surface.text)
            )

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        await self._drop({event.message_id})

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        await self._drop(event.message_ids)

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self._noted(self._excerpts.drop_channel(channel.guild.id, channel.id))

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        await self._noted(self._excerpts.drop_channel(event.guild_id, event.thread_id))

    async def _drop(self, message_ids: Collection[int]) -> None:
        self._deleted.update(dict.fromkeys(message_ids))
        while len(self._deleted) > _REMEMBERED:
            self._deleted.popitem(last=False)
        await self._noted(self._excerpts.drop_messages(message_ids))

    async def _noted(self, writing: Awaitable[object]) -> None:
        try:
            await writing
        except DatabaseError as error:
            log.warning("What is stored does not follow Discord at once: %s", error)
