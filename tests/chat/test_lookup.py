"""Looking things up while Discord or the line to it fails."""

from __future__ import annotations

from typing import cast

import aiohttp
import discord
import pytest

from bot.chat.lookup import Lookup


class Server:
    """A server of which nothing is in memory, and whose answers are an error."""

    id = 1

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_channel_or_thread(self, _channel_id: int) -> None:
        return None

    def get_member(self, _user_id: int) -> None:
        return None

    async def fetch_channel(self, _channel_id: int) -> None:
        raise self._error

    async def fetch_member(self, _user_id: int) -> None:
        raise self._error


@pytest.mark.parametrize(
    "error",
    [discord.InvalidData("odd"), aiohttp.ServerDisconnectedError(), OSError(), TimeoutError()],
    ids=lambda error: type(error).__name__,
)
async def test_what_discord_does_not_tell_is_not_known(error: Exception) -> None:
    server = cast(discord.Guild, Server(error))
    assert await Lookup().place(discord.Object(2), server) is None
    assert await Lookup().member(3, server) is None
