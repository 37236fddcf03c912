"""A wire, a demo server on it, and a running client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import discord
import pytest
from wire_client import Bot, Demo, pointed_at, running

from sandbox.wire import Wire
from tests.patience import PATIENCE_S


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with Wire(patience_s=PATIENCE_S) as wire, pointed_at(wire):
        yield wire


@pytest.fixture
def demo(wire: Wire) -> Demo:
    server = wire.add_server("Demo")
    rights = discord.Permissions(manage_messages=True, manage_guild=True)
    return Demo(
        server,
        server.add_channel("general"),
        server.add_channel("random"),
        server.add_channel("mod-log"),
        server.add_member("ada"),
        server.add_member("mo", permissions=rights),
    )


@pytest.fixture
async def bot(wire: Wire, demo: Demo) -> AsyncIterator[Bot]:
    """A running client with every intent, in the demo server."""
    bot = Bot()
    async with running(bot, wire):
        yield bot
