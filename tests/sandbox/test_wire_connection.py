"""Logging in, staying connected, and coming back."""

from __future__ import annotations

import asyncio
import json
import zlib

import aiohttp
import discord
import pytest
from wire_client import Bot, Demo, pointed_at, running

from sandbox.wire import Wire
from tests.patience import PATIENCE_S


async def test_client_gets_ready_with_servers_and_members(wire: Wire, demo: Demo) -> None:
    bot = Bot()
    async with running(bot, wire):
        assert bot.user is not None
        assert bot.user.id == wire.bot_id
        guild = bot.get_guild(demo.server.id)
        assert guild is not None
        assert {channel.name for channel in guild.text_channels} == {"general", "random", "mod-log"}
        assert guild.get_member(demo.ada.id) is not None, "members are requested and sent in chunks"
        assert guild.me.guild_permissions.manage_messages


async def test_server_that_comes_later_and_goes(wire: Wire, bot: Bot) -> None:
    later = wire.add_server("Later")
    assert (await bot.hears("guild_join")).name == "Later"
    later.remove_bot()
    assert (await bot.hears("guild_remove")).id == later.id


async def test_wrong_token_is_refused_by_rest(wire: Wire) -> None:
    async with Bot() as bot:
        with pytest.raises(discord.LoginFailure):
            await bot.start("not.the.token")
    assert wire.requests[-1].status == 401


@pytest.mark.parametrize(
    ("identify", "code"),
    [
        ({"token": "wrong", "intents": 1}, 4004),
        ({"intents": 1, "shard": [2, 2]}, 4010),
        ({"intents": 1 << 40}, 4013),
        ({"intents": 1 << 15}, 4014),
    ],
)
async def test_identify_is_refused(wire: Wire, identify: dict[str, object], code: int) -> None:
    wire.approved_intents.message_content = False
    message = {"op": 2, "d": {"token": wire.token, **identify}}
    async with aiohttp.ClientSession() as http, http.ws_connect(wire.gateway_url) as ws:
        assert (await ws.receive_json())["op"] == 10
        await ws.send_json(message)
        assert (await ws.receive()).data == code


async def test_client_says_which_intents_are_missing(wire: Wire) -> None:
    wire.approved_intents.message_content = False
    async with Bot() as bot:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await bot.start(wire.token)


async def test_application_tells_what_the_portal_allows(wire: Wire, bot: Bot) -> None:
    flags = (await bot.application_info()).flags
    assert flags.gateway_message_content_limited
    wire.approved_intents.message_content = False
    flags = (await bot.application_info()).flags
    assert not flags.gateway_message_content_limited


@pytest.mark.parametrize(
    ("frame", "code"), [("no json", 4002), ('{"op": 99}', 4001), ('{"op": 8, "d": {}}', 4003)]
)
async def test_nonsense_from_clients_is_refused(wire: Wire, frame: str, code: int) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(wire.gateway_url) as ws:
        await ws.receive_json()
        await ws.send_str(frame)
        assert (await ws.receive()).data == code


async def test_compression_is_one_stream_of_flushed_messages(wire: Wire, demo: Demo) -> None:
    inflate = zlib.decompressobj()
    url = f"{wire.gateway_url}?v=10&encoding=json&compress=zlib-stream"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as ws:
        seen = []
        for _ in range(3):
            frame = await ws.receive_bytes()
            assert frame.endswith(b"\x00\x00\xff\xff")
            seen.append(json.loads(inflate.decompress(frame)))
            if seen[-1]["op"] == 10:
                await ws.send_json({"op": 2, "d": {"token": wire.token, "intents": 1}})
        assert [message["t"] for message in seen] == [None, "READY", "GUILD_CREATE"]
        assert [message["s"] for message in seen] == [None, 1, 2]


@pytest.mark.parametrize("query", ["", "?compress=zstd-stream"])
async def test_without_compression_messages_are_text(wire: Wire, query: str) -> None:
    url = wire.gateway_url + query
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as ws:
        hello = json.loads(await ws.receive_str())
        assert hello["d"]["heartbeat_interval"] == 41250
        await ws.send_json({"op": 1, "d": None})
        assert (await ws.receive_json())["op"] == 11


async def test_silent_client_is_sent_away() -> None:
    async with (
        Wire(heartbeat_s=0.05) as wire,
        aiohttp.ClientSession() as http,
        http.ws_connect(wire.gateway_url) as ws,
    ):
        await ws.receive_json()
        assert (await ws.receive(timeout=PATIENCE_S)).data == 4009


async def test_client_leaves_a_zombie_and_resumes() -> None:
    async with Wire(heartbeat_s=0.1) as wire, pointed_at(wire):
        bot = Bot(heartbeat_timeout=0.4)
        async with running(bot, wire):
            wire.faults.ignore_heartbeats = True
            await bot.hears("disconnect")
            wire.faults.ignore_heartbeats = False
            await bot.hears("resumed")


async def test_dropped_socket_is_resumed_with_what_was_missed(
    wire: Wire, demo: Demo, bot: Bot
) -> None:
    await wire.drop_sockets()
    for number in range(3):
        await demo.ada.post(demo.general, f"missed {number}")
    await bot.hears("resumed")
    await bot.hears("message", 3)
    assert [m.content for m in bot.of("message")] == ["missed 0", "missed 1", "missed 2"]
    assert len(bot.of("ready")) == 1


async def test_nothing_is_replayed_twice(wire: Wire, demo: Demo, bot: Bot) -> None:
    await demo.ada.post(demo.general, "before")
    await bot.hears("message")
    await wire.drop_sockets(code=4000)
    await bot.hears("resumed")
    await demo.ada.post(demo.general, "after")
    await bot.hears("message", 2)
    assert [m.content for m in bot.of("message")] == ["before", "after"]


async def test_reconnect_request_is_followed_by_a_resume(wire: Wire, demo: Demo, bot: Bot) -> None:
    await wire.reconnect()
    await bot.hears("resumed")
    await demo.ada.post(demo.general, "hello again")
    assert (await bot.hears("message")).content == "hello again"


async def test_invalid_session_that_can_be_resumed(wire: Wire, bot: Bot) -> None:
    await wire.invalidate_sessions(resumable=True)
    await bot.hears("resumed")


async def test_invalid_session_is_followed_by_a_new_one(wire: Wire, demo: Demo, bot: Bot) -> None:
    await wire.invalidate_sessions(resumable=False)
    await bot.hears("ready", 2)
    assert bot.of("resumed") == []
    await demo.ada.post(demo.general, "hello again")
    await bot.hears("message")
    assert len(bot.of("message")) == 1, "the old session is not heard any more"


async def test_session_is_forgotten_after_a_while() -> None:
    async with Wire(resume_window_s=0.0) as wire, pointed_at(wire):
        bot = Bot()
        async with running(bot, wire):
            await wire.drop_sockets()
            await bot.hears("ready", 2)
            assert bot.of("resumed") == []


async def test_first_handshake_that_fails(wire: Wire) -> None:
    wire.faults.refuse_handshakes = 1
    async with Bot() as bot:
        # What discord.py makes of it, and why bots have to supervise it.
        with pytest.raises(AttributeError, match="sequence"):
            await bot.start(wire.token)
    async with running(Bot(), wire):
        assert wire.connections == 1


class Sharded(Bot, discord.AutoShardedClient):
    """The same client on several shards."""


async def test_shards_hear_only_their_own_servers() -> None:
    async with Wire(shards=2) as wire, pointed_at(wire):
        servers = [wire.add_server(f"S{number}", shard=(number, 2)) for number in range(2)]
        channels = [server.add_channel("general") for server in servers]
        members = [server.add_member("ada") for server in servers]
        bot = Sharded()
        async with running(bot, wire):
            await wire.wait_connected(shards=2)
            assert bot.shard_count == 2, "as GET /gateway/bot recommends"
            assert {guild.id: guild.shard_id for guild in bot.guilds} == {
                servers[0].id: 0,
                servers[1].id: 1,
            }
            for channel, member in zip(channels, members, strict=True):
                await member.post(channel, channel.server.name)  # type: ignore[union-attr]
            await bot.hears("message", 2)
            await members[0].dm("direct messages go to shard 0")
            assert (await bot.hears("message", 3)).guild is None
            await wire.drop_sockets()
            await bot.hears("shard_resumed", 2)


async def test_members_are_requested(wire: Wire, demo: Demo) -> None:
    intents = discord.Intents.all()
    intents.presences = False
    bot = Bot(chunk_guilds_at_startup=False, intents=intents)
    async with running(bot, wire):
        guild = bot.get_guild(demo.server.id)
        assert guild is not None
        assert guild.get_member(demo.ada.id) is None
        (found,) = await guild.query_members("AD", limit=5)
        assert found.id == demo.ada.id
        (found,) = await guild.query_members(user_ids=[demo.mo.id, 1], limit=5)
        assert found.id == demo.mo.id
        assert demo.ada.id in {member.id for member in await guild.chunk()}


async def test_leaving_says_goodbye(wire: Wire) -> None:
    async with running(Bot(), wire):
        assert wire.connections == 1
    await wire.wait_until(lambda: wire.connections == 0)


async def test_wires_stand_side_by_side() -> None:
    async with Wire() as one, Wire() as other:
        assert one.port != other.port
        assert one.token != other.token
        await asyncio.sleep(0)
