"""Servers that are not Discord, and say the same in another form."""

from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
from aiohttp import web

from bot.chat.replies import replies_trace

USER = {"id": "5", "username": "hexward", "discriminator": "0", "avatar": None, "bot": True}
APPLICATION = {
    "id": "5",
    "name": "hexward",
    "description": "",
    "icon": None,
    "verify_key": "",
    "bot_public": True,
    "bot_require_code_grant": False,
    "owner": USER,
}


class Elsewhere:
    """A server that names a character set with every reply and, at first, asks for patience."""

    def __init__(self) -> None:
        self.busy = 0
        self.asked = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.busy:
            self.busy -= 1
            return web.json_response({"retry_after": 0.01, "global": False}, status=429)
        known: dict[str, Any] = {"/users/@me": USER, "/oauth2/applications/@me": APPLICATION}
        if request.path in known:
            return web.json_response(known[request.path])
        return web.json_response({"code": 10003, "message": "Unknown Channel"}, status=404)


@pytest.fixture
async def elsewhere(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Elsewhere]:
    server = Elsewhere()
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    monkeypatch.setattr(discord.http.Route, "BASE", f"http://{host}:{port}")
    yield server
    await runner.cleanup()


def client_of_it() -> discord.Client:
    return discord.Client(intents=discord.Intents(guilds=True), http_trace=replies_trace())


async def test_json_is_read_whatever_it_says_of_its_characters(elsewhere: Elsewhere) -> None:
    async with discord.Client(
        intents=discord.Intents(guilds=True), http_trace=replies_trace()
    ) as client:
        await client.login("token")
        assert str(client.user) == "hexward"
        with pytest.raises(discord.NotFound) as caught:
            await client.fetch_channel(7)
    assert caught.value.code == 10003


async def test_a_limit_that_no_proxy_signed_is_waited_for(elsewhere: Elsewhere) -> None:
    async with discord.Client(
        intents=discord.Intents(guilds=True), http_trace=replies_trace()
    ) as client:
        elsewhere.busy = 1
        await client.login("token")
    assert elsewhere.asked == 3  # the first once more, then the application


def test_discords_own_replies_are_left_as_they_are() -> None:
    assert not replies_trace().on_request_end
