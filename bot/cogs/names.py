"""Screens the names under which a server sees its members, on joining and when they change.

Discord tells of neither without the Server Members intent.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import discord
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.exemptions import is_exempt_member
from bot.chat.lone_texts import LoneText, LoneTexts, shown_name
from bot.chat.revisions import milliseconds
from bot.chat.running import Running
from bot.chat.seen import Seen
from bot.errors import EngineClosed
from bot.logs import describe
from bot.storage.servers import Servers

log = logging.getLogger(__name__)

# Members whose present name is remembered: an event comes also when their roles change.
_REMEMBERED = 50_000
_MOST_AT_ONCE = 1_000
_DRAIN_S = 5.0


class Names(commands.Cog):
    """Only the name that is shown in the server is looked at, not those that it hides."""

    def __init__(self, client: Hexward, servers: Servers, texts: LoneTexts) -> None:
        self._client = client
        self._servers = servers
        self._texts = texts
        self._seen = Seen(_REMEMBERED)
        self._running = Running("names", _MOST_AT_ONCE)
        self._latest = 0
        client.before_close(self.drain)

    async def drain(self) -> None:
        """Take no more names and let those already accepted finish."""
        await self._running.drain(_DRAIN_S)

    @commands.Cog.listener()
    async def on_member_join(self, member: discord.Member) -> None:
        await self._screen(member.guild, member.id, member)

    @commands.Cog.listener()
    async def on_uncached_member_update(self, member: discord.Member) -> None:
        await self._screen(member.guild, member.id, member)

    @commands.Cog.listener()
    async def on_unparsed_member(self, server: discord.Guild, member_id: int) -> None:
        """An event that does not tell by which roles a member may be exempt."""
        await self._screen(server, member_id, None)

    async def _screen(
        self, server: discord.Guild, member_id: int, member: discord.Member | None
    ) -> None:
        """Screen the name of a member; None is fetched from Discord."""
        thing, me = (server.id, member_id), self._client.user
        if self._running.closing or self._running.full or (me is not None and member_id == me.id):
            return
        with self._running.counted():
            try:
                settings = await self._servers.get(server.id)
                if not settings.screen_names:
                    return
                if member is None:
                    member = await server.fetch_member(member_id)
                if is_exempt_member(member, settings):
                    return
                name = shown_name(member)
                if not name.text.strip() or not self._seen.note(thing, name.text):
                    return
                now = datetime.now(UTC)
                text = LoneText(
                    server=server,
                    surface=name,
                    subject_id=member.id,
                    channel_id=server.id,
                    author_id=member.id,
                    revision=self._revision(now),
                    at=now,
                )
                await self._texts.screen(text, settings)
            except (EngineClosed, discord.NotFound):  # the latter: they have left
                return
            except Exception as error:
                self._seen.forget(thing)
                log.warning("Server %d: a name went unscreened: %s", server.id, describe(error))

    def _revision(self, now: datetime) -> int:
        """A number that no other change of a name has, in whatever server it is."""
        self._latest = max(milliseconds(now), self._latest + 1)
        return self._latest
