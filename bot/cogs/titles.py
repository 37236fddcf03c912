"""Screens the titles of threads and forum posts, when they are opened and when they change."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import discord
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.exemptions import is_exempt_member, is_exempt_place
from bot.chat.lone_texts import LoneText, LoneTexts
from bot.chat.lookup import Lookup
from bot.chat.revisions import AS_POSTED, milliseconds
from bot.chat.running import Running
from bot.chat.seen import Seen
from bot.chat.surfaces import TITLE, Surface
from bot.errors import EngineClosed
from bot.logs import describe
from bot.storage.servers import Servers

log = logging.getLogger(__name__)

_REMEMBERED = 5_000
_MOST_AT_ONCE = 500
# Seconds that titles under way get to finish when the bot stops.
_DRAIN_S = 5.0


class Titles(commands.Cog):
    """A title is a text of whoever opened the thread, in messages' stead."""

    def __init__(self, client: Hexward, servers: Servers, texts: LoneTexts) -> None:
        self._client = client
        self._servers = servers
        self._texts = texts
        self._lookup = Lookup()
        self._seen = Seen(_REMEMBERED)
        self._running = Running("titles", _MOST_AT_ONCE)
        client.before_close(self.drain)

    async def drain(self) -> None:
        """Take no more titles and let those already accepted finish."""
        await self._running.drain(_DRAIN_S)

    @commands.Cog.listener()
    async def on_thread_create(self, thread: discord.Thread) -> None:
        await self._screen(thread, AS_POSTED)

    @commands.Cog.listener()
    async def on_thread_update(self, before: discord.Thread, after: discord.Thread) -> None:
        if before.name != after.name:
            await self._screen(after, milliseconds(datetime.now(UTC)))

    @commands.Cog.listener()
    async def on_raw_thread_update(self, event: discord.RawThreadUpdateEvent) -> None:
        """A thread that was archived comes back, maybe under another title."""
        server = self._client.get_guild(event.guild_id)
        if event.thread is None and server is not None:
            thread = server.get_thread(event.thread_id)
            if thread is not None:
                await self._screen(thread, milliseconds(datetime.now(UTC)))

    async def _screen(self, thread: discord.Thread, revision: int) -> None:
        if self._running.closing or self._running.full or not thread.name.strip():
            return
        server, thing = thread.guild, (thread.guild.id, thread.id)
        if not self._seen.note(thing, thread.name):
            return
        with self._running.counted():
            try:
                settings = await self._servers.get(server.id)
                if not settings.screen_titles or is_exempt_place(thread, settings):
                    return
                owner_id = thread.owner_id
                if self._client.user is not None and owner_id == self._client.user.id:
                    return
                owner = await self._lookup.member(owner_id, server)
                if owner is not None and is_exempt_member(owner, settings, thread):
                    return
                text = LoneText(
                    server=server,
                    surface=Surface(TITLE, thread.name),
                    subject_id=thread.id,
                    channel_id=thread.id,
                    author_id=owner_id,
                    revision=revision,
                    at=thread.created_at or datetime.now(UTC),
                    place=thread,
                )
                await self._texts.screen(text, settings)
            except EngineClosed:
                return
            except Exception as error:
                self._seen.forget(thing)
                log.warning("Server %d: a title went unscreened: %s", server.id, describe(error))
