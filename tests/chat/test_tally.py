"""What the tally keeps; what moderators read is tried over the wire."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import cast

import discord
import pytest

from bot.chat import tally as module
from bot.chat.tally import Settled, Tally
from bot.errors import Overloaded
from bot.storage.servers import Servers
from bot.storage.unscreened_lines import UnscreenedLines


@pytest.fixture
def tally() -> Tally:
    # A client that knows no server, so none is ever asked for its settings.
    client = discord.Client(intents=discord.Intents.none())
    return Tally(client, cast(Servers, None), cast(UnscreenedLines, None), catching_up=True)


async def test_a_message_after_the_stop_does_no_harm_however_much_is_untold(tally: Tally) -> None:
    for number in range(module._MOST_SPELLS):
        tally.add_away(1, [(10, number, datetime.now(UTC))], {})
    await asyncio.sleep(0)  # each spell's task runs
    await tally.stop()
    for number in range(3):
        tally.add(1, 10, 100 + number, Overloaded(1))


async def test_what_is_settled_while_it_is_listed_is_not_waited_for(tally: Tally) -> None:
    now = datetime.now(UTC)
    tally.note(1)
    # Listed meanwhile: 101 to 104. Screened, lost or put down again before the list is there:
    tally.settle(1, 101, Settled.SCREENED)
    tally.settle(1, 103, Settled.SCREENED)
    tally.lose([102, 999])
    tally.add(1, 10, 103, Overloaded(1))
    tally.add_away(1, [(10, number, now) for number in (101, 102, 103, 104)], {})
    live, away = tally._spells[1]
    assert live.waiting == {103}
    assert away.waiting == {104}
    assert (away.messages, away.screened, away.lost) == (3, 1, 1)
    tally.settle(1, 101, Settled.SCREENED)  # of which there is nothing to tell any more
    assert (away.messages, away.screened) == (3, 1)
    await tally.stop()
