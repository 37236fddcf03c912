"""The bot class: what it asks of Discord, and how it starts, goes on and stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from copy import copy
from typing import Any

import discord
import yarl
from discord.ext import commands

from bot.chat.commands import HexwardTree
from bot.chat.heartbeats import Heartbeats
from bot.chat.intents import Asked
from bot.chat.languages import CommandTexts, locale_of_event
from bot.chat.left_out import fill_in, fill_in_roles
from bot.chat.questions import ClosedQuestion, Questions
from bot.chat.replies import replies_trace
from bot.language import speaking
from bot.logs import describe

log = logging.getLogger(__name__)

# Seconds that the connection waits for the commands to be registered, before it opens all the same.
_REGISTER_S = 5.0
# Seconds after the last server that Discord names until the bot counts as ready.
READY_AFTER_S = 2.0
# Seconds that commands under way get to answer when the client closes.
_COMMANDS_S = 5.0

_CHANGED = "GUILD_MEMBER_UPDATE"
# Events of which discord.py reads a part only after it has parsed them.
_READ_LATER = frozenset({"INTERACTION_CREATE", _CHANGED})

# Hexward never speaks in voice channels; discord.py need not warn that it could not.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
# There is no public way to have a connection use another one.
discord.gateway.KeepAliveHandler = Heartbeats  # type: ignore[misc]


def point_at(api_url: str | None, gateway_url: str | None) -> None:
    """Make every client in this process talk to another Discord-compatible server.

    discord.py keeps both addresses in class attributes, so this is set once, before the first
    client connects. None leaves Discord's own.
    """
    if api_url is not None:
        discord.http.Route.BASE = api_url
    if gateway_url is not None:
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


class Hexward(commands.Bot):
    """A connection to Discord and the cogs on it.

    One instance lives for one connection: after a fatal error the supervisor makes a new one.

    Parameters
    ----------
    add_cogs
        Called once before the connection opens, to add what the bot can do.
    asked
        Which privileged intents it asks for.
    """

    def __init__(
        self, add_cogs: Callable[[Hexward], Awaitable[None]], asked: Asked | None = None
    ) -> None:
        self.asked = Asked() if asked is None else asked
        super().__init__(
            command_prefix=(),
            help_command=None,
            intents=self.asked.intents(),
            tree_cls=HexwardTree,
            # No message is kept for longer than it takes to deal with it.
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            guild_ready_timeout=READY_AFTER_S,
            # Nobody needs a list of all members, not even where the bot could have it.
            chunk_guilds_at_startup=False,
            allowed_mentions=discord.AllowedMentions.none(),
            http_trace=replies_trace(),
        )
        self.questions = Questions()
        self.add_dynamic_items(ClosedQuestion)
        self._add_cogs = add_cogs
        self._before_close: list[Callable[[], Awaitable[None]]] = []

    def before_close(self, step: Callable[[], Awaitable[None]]) -> None:
        """Have `step` awaited when the client closes, while requests can still be made."""
        self._before_close.append(step)

    async def setup_hook(self) -> None:
        self._guard_parsers()
        await self._add_cogs(self)
        self.before_close(self._stop_commands)
        # Screening does not need the commands, so a registration that fails or hangs must not keep
        # it waiting.
        self._registering = asyncio.create_task(self._register_commands(), name="register commands")
        await asyncio.wait({self._registering}, timeout=_REGISTER_S)

    async def _register_commands(self) -> None:
        try:
            await self.tree.set_translator(CommandTexts())
            await self.tree.sync()
        except Exception as error:  # also an answer that discord.py cannot parse
            log.error("Commands could not be registered: %s", describe(error))

    async def _stop_commands(self) -> None:
        self._registering.cancel()
        tree = self.tree
        if isinstance(tree, HexwardTree):
            await tree.running.drain(_COMMANDS_S)

    async def on_message(self, message: discord.Message, /) -> None:
        """Nothing: there are no prefix commands; screening has a listener of its own."""

    async def on_ready(self) -> None:
        log.info("Connected as %s; servers: %d", self.user, len(self.guilds))

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        log.exception("%s failed", event_method)

    async def close(self) -> None:
        steps, self._before_close = self._before_close, []
        try:
            for step in steps:
                await step()
        finally:
            await super().close()

    def dispatch(self, event_name: str, /, *args: Any, **kwargs: Any) -> None:
        """Tell the listeners of an event, unless the client is closed.

        What discord.py still waits for at the close, the last server of a session for one, it would
        tell without a loop to run the listeners on.

        discord.py changes a thread in place, perhaps before a listener has begun to look at it, so
        they get it as it was when the event came.
        """
        if self.is_closed():
            return
        if event_name.startswith("thread_"):
            args = tuple(copy(one) if isinstance(one, discord.Thread) else one for one in args)
        super().dispatch(event_name, *args, **kwargs)

    def _guard_parsers(self) -> None:
        """Let one event that cannot be parsed fail alone, and give each its language.

        discord.py lets such an exception end the connection, and with it everything sent while the
        next one is built. There is no public hook, hence the private attribute. Every command,
        click and listener runs in a task that begins inside its event's parser, and so inherits the
        language that is set around it.
        """
        parsers = self._connection.parsers
        for event, parser in list(parsers.items()):
            parsers[event] = self._guarded(event, parser)

    def _guarded(self, event: str, parser: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def parse(payload: Any) -> Any:
            with speaking(locale_of_event(self, event, payload)):
                return parse_alone(payload)

        def parse_alone(payload: Any) -> Any:
            try:
                return parse_whole(payload)
            except Exception as error:
                log.warning("A %s event could not be parsed: %s", event, describe(error))
                if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
                    self._dispatch_unparsed_message(payload)
                return None

        def parse_whole(payload: Any) -> Any:
            # Who has lost all roles is exempt no more, and a bot without them may do nothing.
            whole = event != _CHANGED or fill_in_roles(payload, self._member_of(payload))
            if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
                # discord.py makes a message without its author rather than to fail.
                fill_in(payload.get("author"))
            elif event in _READ_LATER:
                fill_in(payload)
            try:
                parsed = parser(payload)
            except Exception:
                if not fill_in(payload):
                    raise
                parsed = parser(payload)
            if event == _CHANGED:
                self._dispatch_member_update(payload, whole=whole)
            return parsed

        return parse

    def _member_of(self, payload: Any) -> discord.Member | None:
        """Whom an event about a member names, as far as they are in memory."""
        server = self.get_guild(int(payload["guild_id"]))
        return None if server is None else server.get_member(int(payload["user"]["id"]))

    def _dispatch_member_update(self, payload: Any, *, whole: bool) -> None:
        """Tell of a changed member; discord.py does so only of those that it keeps in memory.

        Of one that the event does not tell enough of, only the id is told.
        """
        server = self.get_guild(int(payload["guild_id"]))
        if server is not None and whole:
            member = discord.Member(data=payload, guild=server, state=self._connection)
            self.dispatch("uncached_member_update", member)
        elif server is not None:
            self.dispatch("unparsed_member", server, int(payload["user"]["id"]))

    def _dispatch_unparsed_message(self, payload: Any) -> None:
        """Name the message, so that screening can fetch it instead of missing it."""
        try:
            channel_id, message_id = int(payload["channel_id"]), int(payload["id"])
        except (KeyError, TypeError, ValueError):
            return
        self.dispatch("unparsed_message", channel_id, message_id)
