"""What goes wrong on request, and what a real client makes of it."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import discord
import pytest
from wire_client import Bot, Demo, pointed_at, running

from sandbox.wire import Limit, RateLimits, Wire
from tests.patience import PATIENCE_S, until

SEND = ("POST", "/channels/*/messages")


def mods_of(bot: Bot, demo: Demo) -> discord.PartialMessageable:
    return bot.get_partial_messageable(demo.mods.id)


def sent(wire: Wire) -> list[int | None]:
    return [request.status for request in wire.requests if request.path.endswith("/messages")]


@pytest.mark.parametrize("is_global", [False, True])
async def test_client_waits_out_a_rate_limit(
    wire: Wire, demo: Demo, bot: Bot, is_global: bool
) -> None:
    wire.faults.rate_limit(*SEND, retry_after_s=0.3, is_global=is_global)
    began = time.monotonic()
    await mods_of(bot, demo).send("alert")
    assert time.monotonic() - began >= 0.3
    assert sent(wire) == [429, 200]
    assert wire.requests[-2].answer == {
        "message": "You are being rate limited.",
        "retry_after": 0.3,
        "global": is_global,
        "code": 0,
    }


async def test_client_keeps_to_a_bucket(wire: Wire, demo: Demo, bot: Bot) -> None:
    wire.limits.set(*SEND, Limit(2, 0.5))
    began = time.monotonic()
    for number in range(5):
        await mods_of(bot, demo).send(f"{number}")
    assert time.monotonic() - began >= 0.9, "two windows had to pass"
    assert [m.content for m in demo.mods.bot_messages] == ["0", "1", "2", "3", "4"]
    assert 429 not in sent(wire), "the headers told the client when to wait"


async def test_limit_is_enforced_on_who_ignores_the_headers(wire: Wire, demo: Demo) -> None:
    wire.limits.set("GET", "/users/@me", Limit(2, 30.0))
    wire.limits.set("GET", "/channels/*", Limit(2, 30.0))
    headers = {"Authorization": f"Bot {wire.token}"}
    async with aiohttp.ClientSession(headers=headers) as http:

        async def get(path: str) -> aiohttp.ClientResponse:
            return await http.get(f"{wire.api_url}{path}")

        answers = [await get("/users/@me") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        remaining = [answer.headers["X-RateLimit-Remaining"] for answer in answers]
        assert remaining == ["1", "0", "0"]
        assert float(answers[2].headers["X-RateLimit-Reset-After"]) > 20
        assert answers[2].headers["Via"]
        assert len({answer.headers["X-RateLimit-Bucket"] for answer in answers}) == 1
        paths = [f"/channels/{demo.general.id}", f"/channels/{demo.mods.id}"]
        one, other = [await get(path) for path in paths]
        bucket = "X-RateLimit-Bucket"
        assert one.headers[bucket] == other.headers[bucket]
        assert one.headers["X-RateLimit-Remaining"] == "1"
        assert other.headers["X-RateLimit-Remaining"] == "1", "each channel counts for itself"


async def test_overall_limit() -> None:
    limits = RateLimits(overall=Limit(3, 30.0))
    async with Wire(limits=limits) as wire:
        headers = {"Authorization": f"Bot {wire.token}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            for _ in range(3):
                assert (await http.get(f"{wire.api_url}/users/@me")).status == 200
            answer = await http.get(f"{wire.api_url}/gateway/bot")
            assert answer.status == 429
            assert answer.headers["X-RateLimit-Scope"] == "global"
            assert (await answer.json())["global"] is True


async def test_client_tries_again_after_a_server_error(wire: Wire, demo: Demo, bot: Bot) -> None:
    wire.faults.server_error(*SEND, status=502)
    await mods_of(bot, demo).send("alert")
    assert sent(wire) == [502, 200]


async def test_lost_answer_and_an_enforced_nonce(wire: Wire, demo: Demo, bot: Bot) -> None:
    wire.faults.server_error(*SEND, status=500, after=True)
    await mods_of(bot, demo).send("alert", nonce="decision-7")
    assert sent(wire) == [500, 200]
    assert len(demo.mods.bot_messages) == 1, "the nonce kept the second try from posting again"


async def test_refusal(wire: Wire, demo: Demo, bot: Bot) -> None:
    fault = wire.faults.refuse(*SEND, code=50013, times=None)
    for _ in range(2):
        with pytest.raises(discord.Forbidden):
            await mods_of(bot, demo).send("alert")
    wire.faults.remove(fault)
    await mods_of(bot, demo).send("alert")
    assert fault.hits == 2


async def test_dropped_request(wire: Wire, demo: Demo, bot: Bot) -> None:
    wire.faults.drop(*SEND)
    wire.faults.drop(*SEND, after=True)
    for _ in range(2):
        with pytest.raises((aiohttp.ClientError, OSError)):
            await mods_of(bot, demo).send("alert")
    assert sent(wire) == [None, None]
    assert len(demo.mods.bot_messages) == 1, "the second was carried out before the line was cut"


async def test_slow_answer(wire: Wire, demo: Demo, bot: Bot) -> None:
    wire.faults.slow(0.3, *SEND)
    began = time.monotonic()
    await mods_of(bot, demo).send("alert")
    assert time.monotonic() - began >= 0.3


async def test_what_has_arrived_is_carried_out_although_its_sender_hangs_up(
    wire: Wire, demo: Demo, bot: Bot
) -> None:
    slow = wire.faults.slow(0.3, *SEND)
    sending = asyncio.create_task(mods_of(bot, demo).send("alert"))
    await until(lambda: slow.hits)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await wire.wait_until(lambda: demo.mods.bot_messages, what="what it asked for")
    assert [message.content for message in demo.mods.bot_messages] == ["alert"]


async def test_faults_are_forgotten(wire: Wire, demo: Demo, bot: Bot) -> None:
    wire.faults.refuse(*SEND)
    wire.faults.clear()
    await mods_of(bot, demo).send("alert")
    assert sent(wire) == [200]


async def test_event_that_cannot_be_parsed_ends_a_client() -> None:
    async with Wire() as wire, pointed_at(wire):
        wire.add_server("Demo")
        async with running(Bot(), wire) as client:
            wire.send_event("MESSAGE_CREATE", {"nonsense": True})
            with pytest.raises(KeyError):
                await asyncio.wait_for(client, PATIENCE_S)


async def test_unknown_event_is_harmless(wire: Wire, demo: Demo, bot: Bot) -> None:
    wire.send_event("SOMETHING_NEW", {"nonsense": True})
    await demo.ada.post(demo.general, "still here?")
    assert (await bot.hears("message")).content == "still here?"


@pytest.mark.parametrize("raw", ["no json", b"no compressed bytes\x00\x00\xff\xff"])
async def test_bytes_that_are_no_event_end_a_client(raw: str | bytes) -> None:
    async with Wire() as wire, pointed_at(wire), running(Bot(), wire) as client:
        wire.send_raw(raw)
        with pytest.raises(Exception, match=r"(?i)json|char|header|decompress"):
            await asyncio.wait_for(client, PATIENCE_S)


async def test_malformed_requests(wire: Wire, demo: Demo) -> None:
    headers = {"Authorization": f"Bot {wire.token}", "Content-Type": "application/json"}
    url = f"{wire.api_url}/channels/{demo.general.id}/messages"
    async with aiohttp.ClientSession(headers=headers) as http:
        answer = await http.post(url, data=b"{no json")
        assert (answer.status, (await answer.json())["code"]) == (400, 50109)
        answer = await http.post(url, json={})
        assert (answer.status, (await answer.json())["code"]) == (400, 50035)
        answer = await http.get(f"{wire.api_url}/channels/1/messages")
        assert (answer.status, (await answer.json())["code"]) == (404, 10003)
    assert wire.gaps == []


async def test_what_the_wire_cannot_do_is_said(wire: Wire) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {wire.token}"}) as http:
        assert (await http.get(f"{wire.api_url}/lobbies/1")).status == 501
    assert wire.gaps[0].startswith("GET /lobbies/1")


async def test_waiting_for_quiet(wire: Wire, demo: Demo, bot: Bot) -> None:
    ticks = 0

    async def stir() -> None:
        nonlocal ticks
        while ticks < 20:
            ticks += 1
            await demo.ada.post(demo.general, "and another")
            await asyncio.sleep(0.01)

    stirring = asyncio.create_task(stir())
    await wire.quiet(0.5)
    assert ticks == 20
    await stirring
