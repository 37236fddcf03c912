"""What is asked for before Discord has told of the server."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from bot.chat import clicks, commands
from bot.chat.acquainted import acquainted
from tests.conftest import Scene


class Named:
    """A server that is known by its id, and after a while by its roles."""

    id = 7

    def __init__(self) -> None:
        self.roles: dict[int, str] = {}

    def get_role(self, role_id: int) -> str | None:
        return self.roles.get(role_id)


def asked_in(server: Named | None) -> Any:
    return SimpleNamespace(guild=server)


async def test_it_is_waited_for() -> None:
    server = Named()
    waiting = asyncio.create_task(acquainted(asked_in(server), 60.0))
    await asyncio.sleep(0)
    assert not waiting.done()
    server.roles[7] = "@everyone"
    assert await waiting


async def test_one_that_was_just_joined_is_another_object_then() -> None:
    asked, server = asked_in(Named()), Named()
    waiting = asyncio.create_task(acquainted(asked, 60.0))
    await asyncio.sleep(0)
    server.roles[7] = "@everyone"
    asked.guild = server
    assert await waiting


async def test_not_for_ever() -> None:
    assert not await acquainted(asked_in(Named()), 0.0)


async def test_outside_of_servers_there_is_nothing_to_wait_for() -> None:
    assert await acquainted(asked_in(None), 0.0)


async def test_commands_and_clicks_say_that_the_bot_knows_too_little(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> bool:
        return False

    async with scene.bot():
        await scene.ada.post(scene.general, "idiot")
        card = await scene.wire.wait_for_message(scene.log)
        for module in (clicks, commands):
            monkeypatch.setattr(module, "acquainted", never)
        assert "only just started" in (await scene.mo.run(scene.general, "mode show")).texts
        reply = await scene.mo.click(card, "Uphold")
        assert "only just started" in (await reply.followup()).texts
    assert scene.rows("SELECT verdict FROM verdicts") == []
