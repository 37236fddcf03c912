"""The bot class: what it asks of Discord, and how it starts, goes on and stops."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import discord
import yarl
from discord.ext import commands

from bot.chat.commands import HexwardTree
from bot.logs import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

# Hexward never speaks in voice channels; discord.py need not warn that it could not.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False


def point_at(api_url: str | None, gateway_url: str | None) -> None:
    """Make every client in this process talk to another Discord-compatible server.

    discord.py keeps both addresses in class attributes, so this is set once, before the first
    client connects. None leaves Discord's own.
    """
    if api_url is not None:
        discord.http.Route.BASE = api_url
    if gateway_url is not None:
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


def needed_intents() -> discord.Intents:
    """Servers, their messages, and what the messages say; nothing about members or presence."""
    intents = discord.Intents.none()
    intents.guilds = True
    intents.guild_messages = True
    intents.message_content = True
    return intents


class Hexward(commands.Bot):
    """A connection to Discord and the cogs on it.

    One instance lives for one connection: after a fatal error the supervisor makes a new one.

    Parameters
    ----------
    add_cogs
        Called once before the connection opens, to add what the bot can do.
    """

    def __init__(self, add_cogs: Callable[[Hexward], Awaitable[None]]) -> None:
        super().__init__(
            command_prefix=(),
            help_command=None,
            intents=needed_intents(),
            tree_cls=HexwardTree,
            # Message text lives in memory only while it is scored, so no message is cached.
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self._add_cogs = add_cogs
        self._before_close: list[Callable[[], Awaitable[None]]] = []

    def before_close(self, step: Callable[[], Awaitable[None]]) -> None:
        """Have `step` awaited when the client closes, while requests can still be made."""
        self._before_close.append(step)

    async def setup_hook(self) -> None:
        self._guard_parsers()
        await self._add_cogs(self)
        try:
            await self.tree.sync()
        except discord.HTTPException as error:
            # Screening does not need the commands; a refused registration must not stop it.
            log.error("Commands could not be registered: %s", describe(error))

    async def on_message(self, message: discord.Message, /) -> None:
        """Nothing: there are no prefix commands; screening has a listener of its own."""

    async def on_ready(self) -> None:
        log.info("Connected as %s; servers: %d", self.user, len(self.guilds))

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        log.exception("%s failed", event_method)

    async def close(self) -> None:
        for step in self._before_close:
            await step()
        self._before_close.clear()
        await super().close()
        # discord.py waits two seconds for servers before it is ready, and goes on waiting after a
        # close, only to fail then.
        if self._connection._ready_task is not None:
            self._connection._ready_task.cancel()

    def _guard_parsers(self) -> None:
        """Let one event that cannot be parsed fail alone.

        discord.py lets such an exception end the connection, and with it everything sent while the
        next one is built. There is no public hook, hence the private attribute.
        """
        parsers = self._connection.parsers
        for event, parser in list(parsers.items()):
            parsers[event] = self._guarded(event, parser)

    def _guarded(self, event: str, parser: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def parse(payload: Any) -> Any:
            try:
                return parser(payload)
            except Exception as error:
                log.warning("A %s event could not be parsed: %s", event, describe(error))
                if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
                    self._dispatch_unparsed_message(payload)
                return None

        return parse

    def _dispatch_unparsed_message(self, payload: Any) -> None:
        """Name the message, so that screening can fetch it instead of missing it."""
        try:
            channel_id, message_id = int(payload["channel_id"]), int(payload["id"])
        except (KeyError, TypeError, ValueError):
            return
        self.dispatch("unparsed_message", channel_id, message_id)


def missing_permissions(
    channel: discord.abc.GuildChannel | discord.Thread, needed: Sequence[str]
) -> list[str]:
    """The permissions out of `needed` that the bot lacks in a channel, in Discord's words."""
    me = channel.guild.me
    if me is None:  # a server that did not say who we are there: let the request itself tell
        return []
    granted = channel.permissions_for(me)
    names = list(needed)
    if isinstance(channel, discord.Thread):
        names = ["send_messages_in_threads" if n == "send_messages" else n for n in names]
    return [name.replace("_", " ").title() for name in names if not getattr(granted, name)]
