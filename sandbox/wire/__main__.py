"""``python -m sandbox.wire``: a small demo server to point a bot at, driven from the terminal."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shlex
import signal
import sys
import threading
from typing import Any

import discord
from simcord.enums import OptionType

from . import BackendError, commands
from .actors import Member
from .commands import CannotDo
from .handles import Channel, Server
from .messages import Message
from .reply import NoReply, Reply
from .server import Wire

HELP = """\
Type as a member:   ada: hello there        (in #general)
                    ada #random: hello      (elsewhere)
Run a command:      mo: /check text=hello   (text="with spaces")
Members: ada, mo (moderator). Ctrl-C ends the wire.
"""


def demo(wire: Wire) -> Server:
    """A server with a few channels, a member and a moderator."""
    server = wire.add_server("Demo")
    for name in ("general", "random", "mod-log"):
        server.add_channel(name)
    server.add_member("ada")
    rights = discord.Permissions(manage_guild=True, manage_messages=True, moderate_members=True)
    server.add_member("mo", permissions=rights)
    return server


async def say(server: Server, line: str) -> str | None:
    """Do what a line says, and give what there is to show.

    Raises
    ------
    CannotDo
        The line names nobody, or nothing that can be done.
    """
    who, colon, text = line.partition(":")
    name, _, place = who.strip().partition(" ")
    member = server.find_member(name)
    channel = server.find_channel(place.strip().removeprefix("#") or "general")
    text = text.strip()
    if not colon or member is None or channel is None:
        raise CannotDo("write it like this:  ada: hello   or   ada #random: hello")
    if text.startswith("/"):
        return _shown(await run(member, channel, text[1:]))
    await member.post(channel, text)
    return None


async def run(member: Member, channel: Channel, text: str) -> Reply:
    """Run a typed slash command: its words, then ``name=value`` for each option."""
    words, options = _split(text)
    name = " ".join(words)
    kinds = commands.option_kinds(member, channel, name)
    values = {
        key: _typed(kinds.get(key, OptionType.STRING), value, channel.server)
        for key, value in options.items()
    }
    return await member.run(channel, name, **values)


def _split(text: str) -> tuple[list[str], dict[str, str]]:
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise CannotDo(f"that line cannot be read: {error}") from error
    words = [part for part in parts if "=" not in part]
    pairs = (part.partition("=") for part in parts if "=" in part)
    return words, {key: value for key, _, value in pairs}


def _typed(kind: int, value: str, server: Server | None) -> Any:
    found: Any = value
    if server is not None and kind == OptionType.USER:
        found = server.find_member(value.removeprefix("@"))
    elif server is not None and kind == OptionType.CHANNEL:
        found = server.find_channel(value.removeprefix("#"))
    elif kind == OptionType.BOOLEAN:
        found = {"true": True, "false": False}.get(value.lower())
    elif kind in (OptionType.INTEGER, OptionType.NUMBER):
        try:
            found = int(value) if kind == OptionType.INTEGER else float(value)
        except ValueError:
            found = None
    if found is None:
        raise CannotDo(f"{value!r} does not fit there")
    return found


def _shown(reply: Reply) -> str:
    note = " (only the member sees this)" if reply.ephemeral else ""
    return f"[reply{note}] {reply.texts or reply.kind}"


def show(message: Message, channel: Channel) -> str:
    return f"[#{channel.name}] {message.texts}"


async def watch(wire: Wire, server: Server) -> None:
    """Print what the bot posts."""
    seen: set[int] = set()

    def fresh() -> list[tuple[Channel, Message]]:
        return [
            (channel, message)
            for channel in server.channels
            for message in channel.bot_messages
            if message.id not in seen
        ]

    while True:
        with contextlib.suppress(TimeoutError):
            for channel, message in await wire.wait_until(fresh, 3600.0):
                seen.add(message.id)
                print(show(message, channel), flush=True)


def typed_lines() -> asyncio.Queue[str]:
    """What is typed, line by line.

    A thread of its own reads, on a file object of its own: a blocked read must hold up neither
    the event loop nor the interpreter's end.
    """
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(OSError, RuntimeError), open(0, closefd=False) as typed:
            for line in typed:
                loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=read, daemon=True).start()
    return lines


async def serve(port: int, token: str | None) -> None:
    task = asyncio.current_task()
    assert task is not None
    # The loop's own handler, unlike Python's, also wakes a loop that is just going to sleep.
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
    async with Wire(token, port=port) as wire:
        server = demo(wire)
        print(f"DISCORD_TOKEN={wire.token}")
        print(f"DISCORD_API_URL={wire.api_url}")
        print(f"DISCORD_GATEWAY_URL={wire.gateway_url}", flush=True)
        print(HELP, file=sys.stderr, flush=True)
        lines = typed_lines()
        watcher = asyncio.create_task(watch(wire, server))
        try:
            # After the last line the wire goes on: it may have been started in the background.
            while True:
                line = await lines.get()
                try:
                    shown = await say(server, line) if line.strip() else None
                except (CannotDo, NoReply, BackendError) as error:
                    shown = f"! {error}"
                if shown:
                    print(shown, flush=True)
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.wire", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="where to listen on 127.0.0.1")
    parser.add_argument("--token", help="the token that may log in (made up when not given)")
    options = parser.parse_args()
    if not 0 <= options.port <= 65_535:
        parser.error(f"--port {options.port} cannot be used; it must be from 0 to 65535")
    with contextlib.suppress(asyncio.CancelledError):
        try:
            asyncio.run(serve(options.port, options.token))
        except OSError as error:
            parser.error(f"--port {options.port} cannot be used ({error.strerror}); choose another")


if __name__ == "__main__":
    main()
