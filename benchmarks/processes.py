"""Whole processes: how soon the first score comes, and how much memory a running bot takes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import discord

from benchmarks import chat
from benchmarks.effort import Effort
from benchmarks.figures import BenchmarkError, Spread
from benchmarks.machine import resident_bytes
from benchmarks.table import Row, at_most
from sandbox.wire import Channel, Member, Wire

ROOT = Path(__file__).resolve().parents[1]
MESSAGES = 500  # that the bot screens before its memory is read first
LOT = 500  # messages that are posted at once; at most two lots are not screened yet
LONGEST = 2_000  # characters of a message by a member who does not pay

_FIRST_SCORE = """
import asyncio
from bot.screening.engine import Engine
from bot.screening.model import load_model

async def main():
    engine = Engine(load_model(None, 1))
    await engine.start()
    await engine.score("have a nice day")
    print("scored", flush=True)
    await engine.close()

asyncio.run(main())
"""


# A bare process: one of `benchmarks.workers` would import this program too.
_ENGINE_ALONE = """
import asyncio
import json
import sys
from benchmarks.machine import resident_bytes
from bot.screening.engine import Engine
from bot.screening.model import load_model

async def main():
    engine = Engine(load_model(None, 1))
    await engine.start()
    for text in json.load(sys.stdin):
        await engine.score(text)
    print("scored", resident_bytes()[0])
    await engine.close()

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Starts:
    """Seconds from starting a process."""

    first_score_s: list[float]
    """To the first answer of the engine."""
    check_s: list[float]
    """To the end of ``python -m bot check "…"``."""

    def rows(self) -> Iterator[Row]:
        """Figures for the table."""
        first, check = Spread.of(self.first_score_s), Spread.of(self.check_s)
        yield at_most(
            "from process start to the first score", first.median, first.text(".2f", "s"), 1.5, "s"
        )
        yield Row('`python -m bot check "…"`, start to end', check.text(".2f", "s"))


def measure_starts(effort: Effort) -> Starts:
    """Start both kinds of process in turns; the files are in the system's cache."""
    found = Starts([], [])
    _first_score_s()
    for _ in range(effort.starts):
        found.first_score_s.append(_first_score_s())
        started = perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "bot", "check", "have a nice day"],
            cwd=ROOT,
            env=_clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchmarkError(f"python -m bot check failed: {done.stderr.strip()[-300:]}")
        found.check_s.append(perf_counter() - started)
    return found


def _first_score_s() -> float:
    started = perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", _FIRST_SCORE],
        cwd=ROOT,
        env=_clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        line = process.stdout.readline()
        seconds = perf_counter() - started
    if line.strip() != "scored":
        raise BenchmarkError("A process that only scores one text failed; see above.")
    return seconds


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes, shared libraries and mapped files counted.

    Attributes
    ----------
    early, bot, bot_peak
        Of a bot after the first messages, after all of them, and at its peak.
    engine
        Of a process with nothing but the engine, after the first messages.
    first, messages
        How many the first are, and all.
    """

    early: int
    bot: int
    bot_peak: int
    engine: int
    first: int
    messages: int

    def rows(self) -> Iterator[Row]:
        """Figures for the table."""
        bot = self.bot / 1e6
        yield at_most(
            "resident memory of the running bot with the shipped model",
            bot,
            f"{bot:.0f} MB after {self.messages:,} messages, no two alike, "
            f"{self.early / 1e6:.0f} MB after the first {self.first:,}, "
            f"{self.bot_peak / 1e6:.0f} MB at its peak",
            250,
            "MB",
        )
        yield Row(
            "resident memory of a process with the engine alone", f"{self.engine / 1e6:.0f} MB"
        )


def measure_memory(texts: Sequence[str], effort: Effort) -> Memory:
    """Read the memory of a bot whose caches are full, and of a process with the engine alone."""
    first = texts[:MESSAGES]
    # short, so that they are soon screened: what a cache holds of a text does not grow with it
    others = [f"{chat.talk(3, number)} {number}" for number in range(effort.fill)]
    early, bot, peak = asyncio.run(_bot_memory(first, others))
    engine = _engine_memory(first)
    return Memory(early, bot, peak, engine, len(first), len(first) + len(others))


def _engine_memory(texts: Sequence[str]) -> int:
    with tempfile.TemporaryFile("w+") as source:
        json.dump(list(texts), source)
        source.seek(0)
        with subprocess.Popen(
            [sys.executable, "-c", _ENGINE_ALONE],
            cwd=ROOT,
            env=_clean_environment(),
            stdin=source,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout
            word, _, found = process.stdout.readline().partition(" ")
    if word != "scored":
        raise BenchmarkError("A process with the engine alone failed; see above.")
    return int(found)


async def _bot_memory(first: Sequence[str], others: Sequence[str]) -> tuple[int, int, int]:
    """A bot's resident bytes after the first messages and after the others, and the most."""
    async with Wire() as wire:
        general, ada, mo = populate(wire)
        async with running_bot(wire) as (process, database):
            log = general.server.add_channel("mod-log") if general.server else general
            await mo.run(general, "logchannel set", channel=log)
            posted = 0

            async def post(texts: Sequence[str]) -> int:
                nonlocal posted
                for text in texts:
                    if posted % LOT == 0:
                        await _counted(database, posted - LOT)
                    await ada.post(general, text[:LONGEST])
                    posted += 1
                await _counted(database, posted)
                return resident_bytes(process.pid)[0]

            early = await post(first)
            return early, await post(others), resident_bytes(process.pid)[1]


def populate(wire: Wire) -> tuple[Channel, Member, Member]:
    """A server with a channel, somebody who talks there and a moderator."""
    server = wire.add_server("Demo")
    rights = discord.Permissions(
        manage_guild=True, manage_messages=True, view_channel=True, send_messages=True
    )
    return (
        server.add_channel("general"),
        server.add_member("ada"),
        server.add_member("mo", permissions=rights),
    )


@contextlib.asynccontextmanager
async def running_bot(wire: Wire) -> AsyncIterator[tuple[asyncio.subprocess.Process, Path]]:
    """``python -m bot run`` on the wire, in a process of its own; it and its database."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "bot.db"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "run",
            cwd=folder,
            stdin=subprocess.DEVNULL,
            env=_clean_environment()
            | {
                "PYTHONPATH": str(ROOT),
                "DISCORD_TOKEN": wire.token,
                "DISCORD_API_URL": wire.api_url,
                "DISCORD_GATEWAY_URL": wire.gateway_url,
                "DATABASE_URL": f"sqlite:///{database}",
                "LOG_LEVEL": "ERROR",
            },
        )
        try:
            ended = asyncio.create_task(process.wait())
            connected = asyncio.create_task(wire.wait_connected(timeout_s=30.0))
            await asyncio.wait({ended, connected}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                connected.cancel()
                raise BenchmarkError(
                    f"python -m bot run ended with status {process.returncode} before it was "
                    "connected; what it wrote above says why."
                )
            await connected
            yield process, database
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _counted(database: Path, messages: int, patience_s: float = 60.0) -> None:
    """Wait until the bot's database counts so many messages, passed or flagged."""
    async with asyncio.timeout(patience_s):
        while True:
            with contextlib.closing(
                sqlite3.connect(f"file:{database}?mode=ro", uri=True)
            ) as connection:
                query = "SELECT coalesce(sum(passed + flagged), 0) FROM daily_counts"
                (found,) = connection.execute(query).fetchone()
            if found >= messages:
                return
            await asyncio.sleep(0.2)


def _clean_environment() -> dict[str, str]:
    """The environment without this program's settings."""
    from bot.settings import Settings

    names = {name.upper() for name in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name.upper() not in names}
