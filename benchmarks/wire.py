"""From an event of the gateway to a recorded decision: ``python -m benchmarks.wire``.

The real bot runs in a process of its own on the sandbox's wire, which speaks Discord's protocol; a
message counts as done when its decision is in the database, or counted as passed. First messages
are posted one by one, then with so many under way at a time that the bot is never idle, then so
again with a sampler that says which stage the time goes to. The wire takes a part of the machine
too, which real members' messages would not.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import click

from benchmarks import chat
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.figures import BenchmarkError, percentile
from benchmarks.machine import usable_cores
from benchmarks.stages import EVENT_LOOP, WORKER, Profile, Sampled
from benchmarks.table import Row, rows_of
from benchmarks.wire_side import REST, SAMPLE, SCREENED, STOP, BotSide
from benchmarks.workers import Worker
from sandbox.wire import Channel, Limit, Member, RateLimits, Wire
from training.markdown import table_of

SERVERS = 20
LONGEST = 2_000  # characters of a message by a member who does not pay
UNDER_WAY = 200  # messages at a time; far from what the bot refuses
LONE = 0.05  # share of the messages that are posted one by one
WARM = 0.1  # share of the others that come before the clock starts
STUCK_S = 30.0  # without any answer

_NAMES = {EVENT_LOOP: "event loop", WORKER: "scoring lanes"}
_ONE = {EVENT_LOOP: "the event loop", WORKER: "a scoring lane"}


@dataclass(frozen=True, slots=True)
class Whole:
    """What the whole way costs."""

    per_second: float
    lone_s: list[float]
    """From posting a lone message to its decision."""
    flagged: float
    """Share of the messages."""
    wire_s: float
    """The wire's own time on a processor, for a message."""
    sampled: int
    """Messages while the profile was taken."""
    profile: Profile
    cores: int
    """That the bot and the wire share."""

    def rows(self) -> Iterator[Row]:
        """Figures for the table."""
        yield Row(
            "the whole way, from a gateway event to a recorded decision",
            f"{self.per_second:,.0f} messages/s, {self.flagged:.1%} of them flagged",
        )
        lone_ms = [1000 * each for each in self.lone_s]
        yield Row(
            "the whole way of a lone message",
            f"p50 {percentile(lone_ms, 50):.1f} ms, p99 {percentile(lone_ms, 99):.1f} ms",
        )
        yield Row("busiest thread on the whole way", self.bottleneck())
        bot, wire = self.in_use()
        cores = f"{self.cores} core" + ("s" if self.cores > 1 else "")
        yield Row(
            "in use on the whole way", f"{bot:.0%} of {cores} by the bot, {wire:.0%} by the wire"
        )

    def stages(self) -> list[tuple[str, str, float]]:
        """Thread, stage and microseconds for a message, dearest first in each thread."""
        found: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        for thread in self.profile.threads:
            for stage, spent_s in thread.spent_s().items():
                costs = found[_NAMES.get(thread.name, "other threads")]
                costs[stage] += 1e6 * spent_s / self.sampled
        return [
            (name, stage, cost)
            for name, costs in found.items()
            for stage, cost in sorted(costs.items(), key=lambda item: -item[1])
        ]

    def bottleneck(self) -> str:
        """The busiest thread and its dearest stage, and how busy each scoring lane is.

        One thread is one thread: the lanes are not added up.
        """
        busiest = max(self.profile.threads, key=self._busy)
        stages = busiest.spent_s()
        stage = max(stages, key=stages.__getitem__)
        lanes = [f"{self._busy(each):.0%}" for each in self.profile.threads if each.name == WORKER]
        return (
            f"{_ONE.get(busiest.name, busiest.name)}, {self._busy(busiest):.0%} of the time on a "
            f"processor, most of it for “{stage}” ({stages[stage] / sum(stages.values()):.0%}); "
            f"the scoring lanes ({len(lanes)}): {', '.join(lanes)}"
        )

    def in_use(self) -> tuple[float, float]:
        """The shares of all cores that the bot's threads take, and the wire."""
        available_s = self.profile.seconds * self.cores
        bot_s = sum(thread.cpu_s for thread in self.profile.threads)
        return bot_s / available_s, self.wire_s * self.sampled / available_s

    def _busy(self, thread: Sampled) -> float:
        return thread.cpu_s / self.profile.seconds

    def sections(self) -> Iterator[str]:
        """What each stage costs."""
        rows = [(thread, stage, f"{cost:,.0f}") for thread, stage, cost in self.stages()]
        yield (
            "### The whole way\n\nProcessor time from the wire to a recorded decision, with "
            f"{UNDER_WAY} messages under way in {SERVERS} servers. The wire itself, which stands "
            f"for Discord, takes {1e6 * self.wire_s:,.0f} µs a message on the same machine.\n\n"
        ) + table_of(("thread", "stage", "µs a message"), rows)


def measure(effort: Effort, model: str | None = None) -> Whole:
    """Post messages, no two alike, and see what becomes of them."""
    return asyncio.run(_measure(effort.posts, model))


async def _measure(posts: int, model: str | None) -> Whole:
    lone, warm = max(int(posts * LONE), 2), max(int(posts * WARM), 1)
    texts = [text[:LONGEST] for text in chat.messages(lone + warm + 2 * posts)]
    # Whatever Discord's limits do to alerts is not the bot's cost.
    limits = RateLimits(default=Limit(100_000, 1.0), overall=None)
    async with Wire(limits=limits) as wire:
        places = [_place(wire, number) for number in range(SERVERS)]
        async with _bot(wire, places, model) as (poster, running):
            await poster.post(texts, lone, under_way=1)
            lone_s = poster.latencies_s[1:]
            await poster.post(texts, warm, UNDER_WAY)
            wire_cpu, started = time.process_time(), time.monotonic()
            await poster.post(texts, posts, UNDER_WAY)
            seconds, wire_cpu = time.monotonic() - started, time.process_time() - wire_cpu
            poster.control.send_bytes(SAMPLE)
            await poster.post(texts, posts, UNDER_WAY)
            poster.control.send_bytes(REST)
            poster.control.send_bytes(STOP)
            profile = await running
    return Whole(
        per_second=posts / seconds,
        lone_s=lone_s,
        flagged=poster.flagged / poster.done,
        wire_s=wire_cpu / posts,
        sampled=posts,
        profile=profile,
        cores=len(usable_cores()),
    )


def _place(wire: Wire, number: int) -> tuple[Member, Channel, Channel]:
    server = wire.add_server(f"Server {number}")
    return (
        server.add_member(f"ada{number}"),
        server.add_channel("general"),
        server.add_channel("mod-log"),
    )


class _Poster:
    """Posts messages, and hears from the bot what became of them."""

    def __init__(
        self, places: Sequence[tuple[Member, Channel, Channel]], control: Connection
    ) -> None:
        self.control = control
        self.latencies_s: list[float] = []
        self.done = self.flagged = self.posted = 0
        self._places = places
        self._posted_at: dict[int, float] = {}
        self._changed = asyncio.Event()

    def hear(self) -> None:
        """Take what the bot has told."""
        while self.control.poll():
            try:
                message_id, at, flagged = SCREENED.unpack(self.control.recv_bytes())
            except EOFError:
                asyncio.get_running_loop().remove_reader(self.control.fileno())
                return
            posted_at = self._posted_at.pop(message_id, None)
            if posted_at is not None:
                self.latencies_s.append(at - posted_at)
                self.done += 1
                self.flagged += flagged
        self._changed.set()

    async def post(self, texts: Sequence[str], count: int, under_way: int) -> None:
        """Post so many messages, so many of them under way at a time, and wait for all."""
        for _ in range(count):
            await self._until(lambda: len(self._posted_at) < under_way)
            member, channel, _log = self._places[self.posted % len(self._places)]
            at = time.monotonic()
            message = await member.post(channel, texts[self.posted % len(texts)])
            self._posted_at[message.id] = at
            self.posted += 1
        await self._until(lambda: not self._posted_at)

    async def _until(self, done: object) -> None:
        assert callable(done)
        while not done():
            self._changed.clear()
            try:
                async with asyncio.timeout(STUCK_S):
                    await self._changed.wait()
            except TimeoutError:
                raise BenchmarkError(
                    f"The bot has left {len(self._posted_at)} messages without an answer for "
                    f"{STUCK_S:g} s."
                ) from None


@asynccontextmanager
async def _bot(
    wire: Wire, places: Sequence[tuple[Member, Channel, Channel]], model: str | None
) -> AsyncIterator[tuple[_Poster, asyncio.Task[Profile]]]:
    control, theirs = multiprocessing.get_context("spawn").Pipe()
    log_channels = [
        (channel.server.id, log.id) for _, channel, log in places if channel.server is not None
    ]
    loop = asyncio.get_running_loop()
    poster = _Poster(places, control)
    with tempfile.TemporaryDirectory() as folder, Worker(BotSide, theirs) as worker:
        addresses = {
            "discord_token": wire.token,
            "discord_api_url": wire.api_url,
            "discord_gateway_url": wire.gateway_url,
            "database_url": f"sqlite:///{Path(folder) / 'bot.db'}",
        } | ({"model": model} if model else {})
        running = asyncio.create_task(
            asyncio.to_thread(worker.ask, BotSide.run, addresses, log_channels)
        )
        try:
            connected = asyncio.create_task(wire.wait_connected(timeout_s=STUCK_S))
            await asyncio.wait({running, connected}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                connected.cancel()
                await running
            await connected
            loop.add_reader(control.fileno(), poster.hear)
            yield poster, running
        finally:
            loop.remove_reader(control.fileno())
            control.close()
            await asyncio.gather(running, return_exceptions=True)


@click.command()
@click.option("--quick", is_flag=True, help="Fewer messages.")
@click.option("--json", "record", type=click.Path(path_type=Path), help="Also write this file.")
def main(quick: bool, record: Path | None) -> None:
    """Measure messages a second from gateway to recorded decision, and what each stage costs."""
    effort = QUICK if quick else FULL
    try:
        whole = measure(effort)
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from None
    click.echo(rows_of(whole.rows()))
    for section in whole.sections():
        click.echo(f"\n{section}")
    if record is not None:
        record.write_text(json.dumps(asdict(whole), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.wire")
