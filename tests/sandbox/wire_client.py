"""Real discord.py clients that are pointed at a wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import discord
import yarl
from discord import app_commands
from discord.asset import Asset
from discord.gateway import DiscordWebSocket
from discord.http import Route

from sandbox.wire import Channel, Member, Server, Wire
from tests.patience import PATIENCE_S


class Bot(discord.Client):
    """A discord.py client that remembers what it was told."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("intents", discord.Intents.all())
        # discord.py waits this long for more servers before it is ready.
        options.setdefault("guild_ready_timeout", 0.05)
        super().__init__(**options)
        self.tree = app_commands.CommandTree(self)
        self.heard: list[tuple[str, Any]] = []
        self.errors: list[str] = []

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        self.heard.append((event, args[0] if len(args) == 1 else args))
        super().dispatch(event, *args, **kwargs)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Do not wait five seconds before identifying again."""

    async def on_error(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        self.errors.append(event)

    def of(self, event: str) -> list[Any]:
        return [what for name, what in self.heard if name == event]

    async def hears(self, event: str, count: int = 1, timeout_s: float = PATIENCE_S) -> Any:
        """Wait for the ``count``-th event of a kind, counted from the start."""
        async with asyncio.timeout(timeout_s):
            while len(self.of(event)) < count:  # noqa: ASYNC110  (events have no future)
                await asyncio.sleep(0.01)
        return self.of(event)[count - 1]


@asynccontextmanager
async def pointed_at(wire: Wire) -> AsyncIterator[None]:
    """Point discord.py at the wire, and back afterwards."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, Asset.BASE
    Route.BASE = wire.api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(wire.gateway_url)
    Asset.BASE = wire.cdn_url
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, Asset.BASE = before


@asynccontextmanager
async def running(client: Bot, wire: Wire) -> AsyncIterator[asyncio.Task[None]]:
    """Log the client in and wait until it is ready; its task is given."""
    task = asyncio.create_task(client.start(wire.token))
    try:
        waiting = asyncio.create_task(client.hears("ready"))
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            waiting.cancel()
            task.result()
        await waiting
        yield task
    finally:
        await client.close()
        await asyncio.gather(task, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Demo:
    """A server with three channels, a member and a moderator."""

    server: Server
    general: Channel
    random: Channel
    mods: Channel
    ada: Member
    mo: Member
