"""The wire: a Discord-compatible server on a loopback port."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import discord
from aiohttp import web
from simcord.backend import serializers

from .faults import Faults
from .gateway import Gateway
from .handles import Channel, Server
from .limits import RateLimits
from .messages import Message
from .rest import Rest
from .world import Request, World

T = TypeVar("T")


class Wire:
    """Discord's REST and gateway protocol for one bot, with a world to drive.

    Use it as an asynchronous context manager; inside, it listens.

    Parameters
    ----------
    token
        The one token that may log in; made up (in a real token's shape) when not given.
    port
        Where to listen on 127.0.0.1; 0 picks a free port.
    bot_name
        The bot's user name.
    reply_deadline_s
        How long interactions wait for their first answer (Discord: 3 s).
    heartbeat_s
        The heartbeat interval that clients are told (Discord: about 41 s).
    patience_s
        How long the ``wait_…`` methods and replies wait where they are not told how long.
    resume_window_s
        How long a lost connection's session can be resumed.
    shards
        How many shards ``GET /gateway/bot`` recommends.
    limits
        The rate limits; Discord's 50 requests a second when not given.

    Attributes
    ----------
    faults
        Add faults here.
    world
        What the handles stand on; :attr:`World.backend` is simcord's.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        port: int = 0,
        bot_name: str = "Hexward",
        reply_deadline_s: float = 3.0,
        heartbeat_s: float = 41.25,
        patience_s: float = 10.0,
        resume_window_s: float = 120.0,
        shards: int = 1,
        limits: RateLimits | None = None,
    ) -> None:
        self.world = World.create(
            token, bot_name=bot_name, reply_deadline_s=reply_deadline_s, patience_s=patience_s
        )
        self.faults = Faults()
        self.limits = limits or RateLimits()
        self._rest = Rest(self.world, self.faults, self.limits)
        self._rest.shards = shards
        self._gateway = Gateway(
            self.world, self.faults, heartbeat_s=heartbeat_s, resume_window_s=resume_window_s
        )
        self._port = port
        self._runner: web.AppRunner | None = None
        self._handed_out: set[int] = set()

    # -- listening

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=32 * 2**20)
        app.router.add_get("/", self._gateway.handle)
        app.router.add_get("/cdn/{path:.*}", self._rest.file)
        app.router.add_route("*", "/api/v10/{path:.*}", self._rest.handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self._rest.gateway_url = self._gateway.url = self.gateway_url
        self._rest.cdn_url = self._gateway.cdn_url = self.cdn_url
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._gateway.shut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def api_url(self) -> str:
        """For ``DISCORD_API_URL``, and discord.py's ``Route.BASE``."""
        return f"http://127.0.0.1:{self._port}/api/v10"

    @property
    def gateway_url(self) -> str:
        """For ``DISCORD_GATEWAY_URL``, and discord.py's ``DEFAULT_GATEWAY``."""
        return f"ws://127.0.0.1:{self._port}/"

    @property
    def cdn_url(self) -> str:
        """For discord.py's ``Asset.BASE``."""
        return f"http://127.0.0.1:{self._port}/cdn"

    @property
    def token(self) -> str:
        return self.world.token

    # -- the world

    @property
    def bot_id(self) -> int:
        return self.world.bot_id

    @property
    def approved_intents(self) -> discord.Intents:
        """The privileged intents that the developer portal allows; change it in place."""
        return self.world.approved_intents

    @property
    def servers(self) -> list[Server]:
        return [Server(self.world, guild_id) for guild_id in self.world.backend.guilds]

    def add_server(self, name: str, *, shard: tuple[int, int] | None = None) -> Server:
        """A new server with the bot in it.

        Parameters
        ----------
        shard
            (number, count): give it an id that falls to that shard.
        """
        number, count = shard or (None, 1)
        guild = self.world.backend.create_guild(name, shard_id=number, shard_count=count)
        return Server(self.world, guild.id)

    @contextlib.contextmanager
    def invitation(self, name: str, *, as_back: bool = False) -> Iterator[Server]:
        """A server that the bot joins when the block ends; of what is made before, it hears then.

        With `as_back` it is told like the end of an outage, as servers other than Discord may.

        >>> with wire.invitation("New") as server:
        ...     server.add_channel("general")
        """
        self.world.muted = True
        try:
            server = self.add_server(name)
            yield server
        finally:
            self.world.muted = False
        self.announce(server, as_back=as_back)

    def announce(self, server: Server, *, as_back: bool = False) -> None:
        """Tell the bot of a server as of one that it has just joined, or that is back."""
        backend = self.world.backend
        guild = backend.get_guild(server.id)
        payload = dict(serializers.guild_create_payload(backend, guild))
        if as_back:
            for session in self._gateway.sessions:
                session.tell_of(payload)
            self.world.pulse.beat()
        else:
            backend.emit("GUILD_CREATE", payload)

    def advance(self, seconds: float) -> None:
        """Move the world's clock on; timeouts end and interactions expire."""
        self.world.backend.advance_clock(seconds)

    # -- what the bot did

    @property
    def requests(self) -> list[Request]:
        """Every REST request of the bot, oldest first."""
        return self.world.requests

    @property
    def gaps(self) -> list[str]:
        """Requests that the wire could not carry out (answered 501)."""
        return self.world.gaps

    @property
    def connections(self) -> int:
        """How many shards are connected and identified."""
        return len(self._gateway.sessions.connected())

    async def wait_connected(self, shards: int = 1, timeout_s: float | None = None) -> None:
        """Wait until that many shards are identified or resumed.

        Raises
        ------
        TimeoutError
        """
        what = f"{shards} connected shard(s)"
        await self._until(lambda: self.connections >= shards, timeout_s, what)

    async def wait_until(
        self,
        condition: Callable[[], Any],
        timeout_s: float | None = None,
        what: str = "the condition",
    ) -> Any:
        """Wait until ``condition()``, looked at after every request and event, is true.

        Raises
        ------
        TimeoutError
        """
        return await self._until(condition, timeout_s, what)

    async def wait_for_message(
        self,
        channel: Channel,
        timeout_s: float | None = None,
        *,
        where: Callable[[Message], bool] = lambda message: True,
    ) -> Message:
        """The bot's next message in a channel; each is handed out once.

        Replies to interactions are left out; they are in the :class:`Reply`.

        Raises
        ------
        TimeoutError
        """

        def found() -> Message | None:
            for message in channel.bot_messages:
                if message.id not in self._handed_out and where(message):
                    return message
            return None

        message = await self._until(found, timeout_s, f"a message of the bot in #{channel.name}")
        self._handed_out.add(message.id)
        return message

    async def wait_for_request(
        self,
        method: str,
        ending: str,
        timeout_s: float | None = None,
        *,
        since: int = 0,
    ) -> Request:
        """The first answered request, after the first ``since``, whose path ends in ``ending``.

        Raises
        ------
        TimeoutError
        """

        def found() -> Request | None:
            for request in self.requests[since:]:
                if request.method == method and request.path.endswith(ending):
                    return request
            return None

        return await self._until(found, timeout_s, f"{method} …{ending}")

    async def quiet(self, for_s: float = 0.3) -> None:
        """Wait until neither side has done anything for ``for_s`` seconds."""
        await self.world.pulse.quiet(for_s)

    # -- what goes wrong on the gateway

    async def drop_sockets(self, code: int | None = None) -> None:
        """Cut every gateway connection, or close it with a code; sessions can be resumed."""
        self._gateway.drop(code)
        await self._gone()

    async def reconnect(self) -> None:
        """Ask clients to reconnect and resume (op 7)."""
        self._gateway.send_reconnect()
        await self._gone()

    async def invalidate_sessions(self, *, resumable: bool = False) -> None:
        """Tell clients that their session is invalid (op 9)."""
        self._gateway.invalidate(resumable=resumable)
        await self._gone()

    def send_event(self, event: str, payload: Any) -> None:
        """Send an event as it is, malformed or not, to every session."""
        for session in self._gateway.sessions:
            session.dispatch(event, payload)

    def send_raw(self, raw: str | bytes) -> None:
        """Send text that need not be JSON (compressed as usual), or a binary frame as it is."""
        for connection in self._gateway.connections:
            if isinstance(raw, bytes):
                connection.send_bytes(raw)
            else:
                connection.send(raw)

    async def _gone(self) -> None:
        """Wait until the present connections have ended."""
        before = set(self._gateway.connections)
        await self._until(
            lambda: not before & self._gateway.connections, None, "the end of the connections"
        )

    async def _until(self, found: Callable[[], T | None], timeout_s: float | None, what: str) -> T:
        patience_s = self.world.patience_s if timeout_s is None else timeout_s
        return await self.world.pulse.until(found, patience_s, what)
