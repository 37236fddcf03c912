"""Keeps a client connected: restarts what can be restarted, explains what cannot."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence

import discord

from bot.chat.intents import Privileged
from bot.errors import ConnectionRefused
from bot.logs import describe

log = logging.getLogger(__name__)

# A day allows 1,000 identifies; one every two minutes stays far below that.
LONGEST_PAUSE_S = 120.0
# A connection that held this long was healthy: its end is a new trouble, not the old one again.
HEALTHY_AFTER_S = 60.0
# Seconds that a client which was closed gets to end by itself.
END_S = 5.0

_PORTAL = "https://discord.com/developers/applications"
BAD_TOKEN = (
    "Discord does not accept the token in DISCORD_TOKEN. Open "
    f"{_PORTAL}, choose your application, Bot, Reset Token, and put the new token into .env."
)
MISSING_INTENT = (
    "The Message Content intent is off for this bot, so it could not read messages. Open "
    f"{_PORTAL}, choose your application, Bot, Privileged Gateway Intents, "
    "switch on Message Content Intent, save, and start Hexward again. Or set MESSAGE_CONTENT=auto, "
    "and it does what it can without."
)
# Close codes after which trying again with the same settings cannot work.
_FATAL_CLOSE_CODES = {
    4004: BAD_TOKEN,
    4010: "Discord refused the shard number. Report this as a fault of Hexward.",
    4011: "This bot is in too many servers for one connection: Discord asks for sharding.",
    4012: "Discord refused the gateway version. Update Hexward.",
    4013: "Discord refused the intents. Update Hexward.",
}
_DISALLOWED_INTENTS = 4014


async def _nothing(_client: discord.Client) -> Sequence[Privileged]:
    return ()


async def supervise(
    make_client: Callable[[], discord.Client],
    token: str,
    stop: asyncio.Event,
    *,
    first_pause_s: float = 1.0,
    give_up: Callable[[discord.Client], Awaitable[Sequence[Privileged]]] = _nothing,
) -> None:
    """Run clients, one after another, until `stop` is set.

    discord.py reconnects by itself after an ordinary loss of connection. What ends a client (a
    first handshake that fails, a broken stream of events) is answered with a new client after a
    pause that doubles each time.

    Parameters
    ----------
    make_client
        Makes a client that was never started; called once per attempt.
    first_pause_s
        Seconds before the second attempt.
    give_up
        Asked when Discord refuses an intent: what `make_client` does without from now on. If that
        is nothing, the refusal is final.

    Raises
    ------
    ConnectionRefused
        The token or an intent is wrong: nothing but the host can mend that.
    """
    pause_s = first_pause_s
    while not stop.is_set():
        started = time.monotonic()
        client = make_client()
        error = await _run_one(client, token, stop)
        if stop.is_set():
            return
        if lacks_intent(error) and (without := await give_up(client)):
            for intent in without:
                log.warning(
                    "Discord refuses the %s intent; going on without it. %s",
                    intent.value,
                    intent.remedy,
                )
            continue
        if reason := refusal(error):
            raise ConnectionRefused(reason) from None
        if time.monotonic() - started > HEALTHY_AFTER_S:
            pause_s = first_pause_s
        delay_s = pause_s * random.uniform(0.8, 1.2)
        cause = describe(error) if error else "closed"
        log.warning("The connection ended (%s); next attempt in %.0f s", cause, delay_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await stop.wait()
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


async def _run_one(client: discord.Client, token: str, stop: asyncio.Event) -> BaseException | None:
    """Run one client to its end or to `stop`, close it, and say what ended it."""
    running = asyncio.create_task(client.start(token), name="discord client")
    stopping = asyncio.create_task(stop.wait(), name="wait for stop")
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        try:
            await client.close()
        except Exception as error:
            log.warning("The client did not close cleanly: %s", describe(error))
        # After close() the gateway loop ends by itself; a start still in its first handshake
        # does not.
        _, unfinished = await asyncio.wait({running}, timeout=END_S)
        for task in unfinished:
            task.cancel()
            await asyncio.wait({task})
    return None if running.cancelled() else running.exception()


def lacks_intent(error: BaseException | None) -> bool:
    """Whether Discord ended a connection because of an intent that the portal does not allow."""
    return isinstance(error, discord.PrivilegedIntentsRequired) or (
        isinstance(error, discord.ConnectionClosed) and error.code == _DISALLOWED_INTENTS
    )


def refusal(error: BaseException | None) -> str | None:
    """What the host must change, if `error` is a refusal that trying again cannot mend."""
    if isinstance(error, discord.LoginFailure):
        return BAD_TOKEN
    if lacks_intent(error):
        return MISSING_INTENT
    if isinstance(error, discord.ConnectionClosed):
        return _FATAL_CLOSE_CODES.get(error.code)
    return None
