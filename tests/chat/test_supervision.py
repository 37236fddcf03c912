"""The supervisor's own promises; what a real connection does to it is in tests/test_wire.py."""

import asyncio
import logging
from collections.abc import Sequence

import aiohttp
import discord
import pytest

from bot.chat import supervision
from bot.chat.intents import Privileged
from bot.chat.supervision import supervise
from bot.errors import ConnectionRefused
from tests.patience import PATIENCE_S

TOKEN = "a-token"


class Client:
    """Starts as it is told: with an error, or until it is closed."""

    def __init__(self, ending: BaseException | None) -> None:
        self.ending = ending
        self.closed = asyncio.Event()

    async def start(self, token: str) -> None:
        assert token == TOKEN
        if self.ending is not None:
            raise self.ending
        await self.closed.wait()

    async def close(self) -> None:
        self.closed.set()


class Connections:
    """Makes the clients of a test and sets `stop` when the last one runs."""

    def __init__(self, endings: Sequence[BaseException | None]) -> None:
        self.endings = list(endings)
        self.made: list[Client] = []
        self.stop = asyncio.Event()

    def make(self) -> Client:
        client = Client(self.endings[len(self.made)])
        self.made.append(client)
        if client.ending is None:
            asyncio.get_running_loop().call_later(0.05, self.stop.set)
        return client

    async def supervise(self) -> None:
        await supervise(self.make, TOKEN, self.stop, first_pause_s=0.001)  # type: ignore[arg-type]


def closed(code: int) -> discord.ConnectionClosed:
    class Socket:
        close_code = code

    return discord.ConnectionClosed(Socket(), shard_id=None, code=code)  # type: ignore[arg-type]


async def test_whatever_ends_a_client_is_answered_with_a_new_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    endings = [
        AttributeError("'NoneType' object has no attribute 'sequence'"),  # a first handshake failed
        aiohttp.ClientConnectionError("no route"),
        KeyError("a broken event"),
        closed(4000),
        None,
    ]
    connections = Connections(endings)
    await connections.supervise()
    assert len(connections.made) == 5
    assert all(client.closed.is_set() for client in connections.made)
    assert len([r for r in caplog.records if "next attempt" in r.getMessage()]) == 4


@pytest.mark.parametrize(
    ("ending", "named"),
    [
        (discord.LoginFailure("Improper token has been passed."), "DISCORD_TOKEN"),
        (discord.PrivilegedIntentsRequired(None), "Message Content Intent"),
        (closed(4004), "DISCORD_TOKEN"),
        (closed(4014), "Message Content Intent"),
        (closed(4011), "sharding"),
    ],
)
async def test_what_only_the_host_can_mend_ends_with_one_sentence(
    ending: BaseException, named: str
) -> None:
    connections = Connections([ending])
    with pytest.raises(ConnectionRefused) as caught:
        await connections.supervise()
    assert named in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert connections.made[0].closed.is_set()


async def test_what_can_be_done_without_is_given_up_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connections = Connections([closed(4014), discord.PrivilegedIntentsRequired(None), None])
    answers = [(Privileged.MEMBERS,), (Privileged.MESSAGE_CONTENT,)]
    asked: list[discord.Client] = []

    async def give_up(client: discord.Client) -> Sequence[Privileged]:
        asked.append(client)
        return answers[len(asked) - 1]

    async with asyncio.timeout(PATIENCE_S / 2):
        await supervise(
            connections.make,  # type: ignore[arg-type]
            TOKEN,
            connections.stop,
            first_pause_s=2 * PATIENCE_S,
            give_up=give_up,
        )
    assert asked == connections.made[:2]
    assert "Server Members" in caplog.text
    assert "Message Content" in caplog.text


async def test_stopping_does_not_wait_for_the_pause() -> None:
    connections = Connections([OSError("down"), OSError("down")])
    asyncio.get_running_loop().call_later(0.05, connections.stop.set)
    async with asyncio.timeout(PATIENCE_S / 2):
        await supervise(
            connections.make,  # type: ignore[arg-type]
            TOKEN,
            connections.stop,
            first_pause_s=2 * PATIENCE_S,
        )
    assert len(connections.made) == 1


async def test_a_client_that_hangs_in_its_handshake_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervision, "END_S", 0.05)

    class Hanging(Client):
        async def start(self, token: str) -> None:
            await asyncio.Event().wait()

    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, stop.set)
    async with asyncio.timeout(PATIENCE_S):
        await supervise(lambda: Hanging(None), TOKEN, stop)  # type: ignore[arg-type,return-value]
