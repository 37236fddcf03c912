"""The sandbox in the terminal: the script, then what is typed, each with the bot's decision."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TextIO

from sandbox.stage import Posted, Refused, Stage

#: Prints what a member did and what the bot made of it.
Report = Callable[[Posted], Awaitable[None]]


_ENDED = "The input has ended, and the sandbox with it."


async def run_terminal(
    stage: Stage,
    report: Report,
    *,
    say: Callable[[str], None] = print,
    stdin: TextIO | None = None,
    pace_s: float = 0.5,
) -> None:
    """Play the script, then post every typed line as a member's message; report each.

    Returns at the end of the input; with no input that is when the script has been played. May
    be cancelled at any time.

    Parameters
    ----------
    report
        Awaited after each act, when the bot has dealt with it.
    say
        Prints what the terminal itself has to say.
    stdin
        Where lines are typed; ``sys.stdin`` when not given.
    pace_s
        The pause after a line of the script, where a person at a terminal watches.
    """
    source = stdin or sys.stdin
    descriptor = _descriptor(source)
    person = descriptor is not None and os.isatty(descriptor)
    async for posted in stage.play_script():
        await report(posted)
        if person:
            await asyncio.sleep(pace_s)
    if descriptor is None:
        say(_ENDED)
        return
    if person:
        say("Type a message and press Enter: Ada posts it in #general. Ctrl-C ends the sandbox.")
    async for line in _lines(descriptor, source.encoding):
        if not line.strip():
            continue
        if line.startswith("/"):
            say("Commands are used on the page: choose Mo, and type / in a channel.")
            continue
        try:
            await report(await stage.post(line))
        except Refused as refusal:
            say(str(refusal))
    say(_ENDED)


def _descriptor(source: TextIO | None) -> int | None:
    """The descriptor to read, or ``None`` when there is none (``<&-``, a window without one)."""
    try:
        return None if source is None else source.fileno()
    except (OSError, ValueError):
        return None


async def _lines(descriptor: int, encoding: str) -> AsyncIterator[str]:
    """Yield the lines of a terminal, a pipe or a file as they arrive."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    rest = ""
    while chunk := await _read(descriptor):
        *whole, rest = (rest + decoder.decode(chunk)).split("\n")
        for line in whole:
            yield line
    if rest:
        yield rest


async def _read(descriptor: int) -> bytes:
    """Read what there is, without blocking the loop; empty at the end of the input.

    Not every loop can wait for every kind of input, so a thread waits: a daemon, since nothing
    wakes it when the sandbox ends first. It reads the descriptor and not ``sys.stdin``, whose
    lock it would still hold while the interpreter ends.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[bytes] = loop.create_future()

    def arrive(chunk: bytes) -> None:
        if not arrived.done():
            arrived.set_result(chunk)

    def wait() -> None:
        try:
            chunk = os.read(descriptor, 1 << 16)
        except OSError:
            chunk = b""
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(arrive, chunk)

    threading.Thread(target=wait, name="sandbox-stdin", daemon=True).start()
    return await arrived
