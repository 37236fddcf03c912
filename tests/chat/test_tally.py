"""Bounds of what the tally keeps; what moderators read is tried over the wire."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import cast

import discord
import pytest

from bot.chat import tally as module
from bot.chat.tally import Tally
from bot.errors import Overloaded
from bot.storage.servers import Servers


@pytest.fixture
def tally() -> Tally:
    # A client that knows no server, so none is ever asked for its settings.
    client = discord.Client(intents=discord.Intents.none())
    return Tally(client, cast(Servers, None), catching_up=True)


async def test_a_message_after_the_stop_does_no_harm_however_much_is_untold(tally: Tally) -> None:
    for number in range(module._MOST_SPELLS):
        tally.add_away(1, [(10, number, datetime.now(UTC))], {})
    await asyncio.sleep(0)  # each spell's task runs
    await tally.stop()
    for number in range(3):
        tally.add(1, 10, 100 + number, Overloaded(1))
