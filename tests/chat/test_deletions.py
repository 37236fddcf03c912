"""Deletions that wait when the bot stops."""

from __future__ import annotations

import asyncio
from typing import cast

import discord
import pytest

from bot.chat.audit import Ground
from bot.chat.deletions import Deletions
from bot.labels import Label, Scores

GROUND = Ground(1, (Label.INSULT,), Scores.from_sequence([0.0] * 6))


class Server:
    """Only its id is asked for before the first request."""

    id = 1


@pytest.mark.parametrize("moments", range(3))
async def test_a_stop_ends_what_waits_however_early_it_comes(moments: int) -> None:
    deletions, server = Deletions(), cast(discord.Guild, Server())
    waiting = asyncio.create_task(deletions.delete(server, 2, 3, GROUND))
    for _ in range(moments):
        await asyncio.sleep(0)
    stopping = asyncio.create_task(deletions.stop())
    done, _ = await asyncio.wait({waiting, stopping}, timeout=10)
    assert done == {waiting, stopping}
