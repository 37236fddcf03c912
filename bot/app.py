"""The composition root: settings → storage → engine → client.

The only module that knows every part, and the only one that knows the sandbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections import OrderedDict
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from bot.chat.actions import Actions
from bot.chat.client import Hexward, point_at
from bot.chat.supervision import supervise
from bot.cogs.check import CheckCommands
from bot.cogs.exempt import ExemptCommands
from bot.cogs.log_channel import LogChannelCommands
from bot.cogs.recovery import Recovery
from bot.cogs.screening import Screened, Screening
from bot.cogs.thresholds import ThresholdCommands
from bot.errors import MissingExtraError, SettingsError
from bot.logs import describe
from bot.screening.engine import Engine
from bot.screening.model import Model, load_model
from bot.screening.presets import Presets
from bot.settings import DEFAULT_DATABASE_URL, SANDBOX_DATABASE_URL, Settings
from bot.storage.database import Database
from bot.storage.decisions import Decisions
from bot.storage.servers import Servers
from bot.transcript import transcript

log = logging.getLogger(__name__)

_REMEMBERED_POSTS = 256


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that outlives a single connection to Discord."""

    engine: Engine
    presets: Presets
    servers: Servers
    decisions: Decisions
    actions: Actions

    def make_client(self) -> Hexward:
        """A client that was never connected, with all that the bot can do."""
        return Hexward(self._add_cogs)

    async def _add_cogs(self, client: Hexward) -> None:
        for cog in (
            Screening(
                client, self.engine, self.presets, self.servers, self.decisions, self.actions
            ),
            Recovery(client, self.servers, self.decisions, self.actions),
            CheckCommands(client, self.engine, self.presets, self.servers),
            ThresholdCommands(self.presets, self.servers),
            LogChannelCommands(self.servers),
            ExemptCommands(self.servers),
        ):
            await client.add_cog(cog)
        client.before_close(self.actions.drain)


@contextlib.asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Open the database (migrated), load the model, start the engine; close them in reverse.

    Raises
    ------
    DatabaseError, ArtifactError, MissingExtraError
        In words for the host.
    """
    async with contextlib.AsyncExitStack() as stack:
        database = await stack.enter_async_context(await Database.open(settings.database_url))
        model = await load(settings)
        engine = await stack.enter_async_context(running_engine(model, settings))
        log.info("Model %s is ready", model.version)
        yield Parts(
            engine=engine,
            presets=Presets(model.presets),
            servers=Servers(database),
            decisions=Decisions(database),
            actions=Actions(),
        )


async def load(settings: Settings) -> Model:
    """The model the settings name, loaded off the event loop.

    Raises
    ------
    ArtifactError, MissingExtraError
        In words for the host.
    """
    return await asyncio.to_thread(load_model, settings.model, settings.model_threads)


@contextlib.asynccontextmanager
async def running_engine(model: Model, settings: Settings) -> AsyncIterator[Engine]:
    """An engine that is started, and closed with everything accepted answered."""
    engine = Engine(model, max_waiting=settings.queue_messages)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


async def run(settings: Settings) -> None:
    """Run the bot until a signal tells it to stop."""
    with stop_on_signals() as stop:
        await serve(settings, stop)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run the bot until `stop` is set: on Discord, or on the sandbox without a token.

    Raises
    ------
    HexwardError
        What only the host can mend, in one sentence.
    """
    if settings.token is None and settings.database_url == DEFAULT_DATABASE_URL:
        # What is tried out must not end up among a real server's decisions.
        settings = settings.model_copy(update={"database_url": SANDBOX_DATABASE_URL})
    asyncio.get_running_loop().set_exception_handler(_log_stray_error)
    async with open_parts(settings) as parts:
        if settings.token is None:
            await _run_on_sandbox(settings, parts, stop)
        else:
            point_at(settings.discord_api_url, settings.discord_gateway_url)
            await supervise(parts.make_client, settings.token, stop)
    log.info("Stopped")


def _log_stray_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """One line for an error nobody awaited; asyncio's own words would quote the exception's."""
    error = context.get("exception")
    what = describe(error) if isinstance(error, BaseException) else "no exception"
    log.error("%s: %s", context.get("message", "Unhandled error"), what)


async def _run_on_sandbox(settings: Settings, parts: Parts, stop: asyncio.Event) -> None:
    """Run the real client in a world of its own, with a page and this terminal to try it in."""
    try:
        from sandbox.stage import PortTaken, Posted, Stage
        from sandbox.terminal import run_terminal
    except ImportError:
        raise MissingExtraError("The sandbox", "sandbox") from None

    async def choose_log_channel(stage: Stage) -> None:
        await parts.servers.set_log_channel(stage.server_id, stage.moderation_channel_id)

    seen: OrderedDict[int, list[Screened]] = OrderedDict()

    async def remember(screened: Screened) -> None:
        seen.setdefault(screened.message.id, []).append(screened)
        if len(seen) > _REMEMBERED_POSTS:  # posted on the page: nobody asks for them here
            seen.popitem(last=False)

    async def report(posted: Posted) -> None:
        who = posted.author if posted.kind == "message" else f"{posted.author} ({posted.kind})"
        print(transcript(who, posted.channel, posted.text, seen.pop(posted.message_id, [])))

    client = parts.make_client()
    client.add_listener(remember, "on_screened")
    try:
        async with Stage.open(
            client, port=settings.sandbox_port, before_login=choose_log_channel
        ) as stage:
            print(
                "DISCORD_TOKEN is not set, so Hexward runs on its sandbox: a server of its own.\n"
                f"Open {stage.url} to post and moderate there, or type a message here.\n"
            )
            await _unless_stopped(run_terminal(stage, report), stop)
    except PortTaken:
        raise SettingsError(
            f"SANDBOX_PORT: another program uses port {settings.sandbox_port}; "
            "choose another, or 0 for a free one"
        ) from None
    finally:
        await client.close()


async def _unless_stopped(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Run `work` to its end, or cancel it as soon as `stop` is set."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done():
        working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working


@contextlib.contextmanager
def stop_on_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT (Ctrl-C) and SIGTERM set; a second signal ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def on_signal(received: signal.Signals) -> None:
        log.info("Stopping on %s: finishing what was accepted", received.name)
        stop.set()
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
