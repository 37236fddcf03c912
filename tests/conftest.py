"""The real bot on the real wire: what most tests of behaviour start from."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import hypothesis
import pytest
from discord.state import ConnectionState

from bot.app import serve
from bot.charts.drawing import Charts
from bot.chat import client
from bot.chat.client import Hexward
from bot.settings import Settings
from bot.storage.migrate import upgrade
from sandbox.wire import Wire
from tests.patience import PATIENCE_S, PatientWire
from tests.tiny_model import write_tiny_model

# How long an example takes says more about the machine than about the bot.
hypothesis.settings.register_profile(
    "steady",
    deadline=None,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("steady")

# Files that train, and those that start other interpreters, take longest: the end of the tests is
# not to wait for one of them.
_TESTS = Path(__file__).parent
_LONGEST = (_TESTS / "training", _TESTS / "benchmarks", _TESTS)


# The libraries of the trainer are a million objects that stay: no garbage is looked for among them,
# neither while they are loaded nor in the tests.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        folder = item.path.parent
        return _LONGEST.index(folder) if folder in _LONGEST else len(_LONGEST)

    items.sort(key=place)


Running = Callable[[], AbstractAsyncContextManager[None]]

MODERATOR = discord.Permissions(
    manage_guild=True, manage_messages=True, view_channel=True, send_messages=True
)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory whose scores follow the words in `tests.tiny_model.WORDS`."""
    return write_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with every table, to be copied: to make one takes far longer."""
    path = tmp_path_factory.mktemp("database") / "hexward.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings of whoever runs it, or leaves files where it was started."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def clean_logging() -> Iterator[None]:
    """A test that sets logging up, as the doctor does, takes it from no other test's caplog."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers.copy()
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def addresses() -> Iterator[None]:
    """Put discord.py's addresses back after a test that pointed them elsewhere."""
    before = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    yield
    discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = before


@dataclass(slots=True)
class Scene:
    """A server with a member, a moderator and a log channel, and the bot to run in it."""

    wire: Wire
    server: Any
    general: Any
    log: Any
    ada: Any
    mo: Any
    settings: Settings
    database: Path

    @contextlib.asynccontextmanager
    async def bot(self, *, log_channel: bool = True) -> AsyncIterator[asyncio.Task[None]]:
        """Run the bot; on leaving, stop it as Ctrl-C would and see that it ends well."""
        stop = asyncio.Event()
        running = asyncio.create_task(serve(self.settings, stop))
        try:
            connected = asyncio.create_task(self.wire.wait_connected())
            await asyncio.wait({running, connected}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                connected.cancel()
                await running
            if log_channel:
                await self.mo.run(self.general, "logchannel set", channel=self.log)
            yield running
        finally:
            stop.set()
            async with asyncio.timeout(PATIENCE_S):
                await running

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database as anybody could, with plain sqlite3."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(query).fetchall()

    def change(self, statement: str) -> None:
        """Change the database behind the bot's back; only while it is stopped."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(statement)


@pytest.fixture
def prompt_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that is ready at once: it need not spare Discord."""

    async def at_once(self: discord.Client, shard_id: int | None, *, initial: bool = False) -> None:
        """Do not wait five seconds before identifying again."""

    monkeypatch.setattr(client, "READY_AFTER_S", 0.1)
    monkeypatch.setattr(discord.Client, "before_identify_hook", at_once)


@pytest.fixture
def patient_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, pictures are waited for."""
    monkeypatch.setitem(Charts.__init__.__kwdefaults__, "deadline_s", PATIENCE_S)


@pytest.fixture
async def scene(
    tmp_path: Path,
    tiny_model: Path,
    migrated: Path,
    addresses: None,
    prompt_client: None,
    patient_charts: None,
) -> AsyncIterator[Scene]:
    async with PatientWire() as wire:
        server = wire.add_server("Demo")
        # One that was joined just now would be greeted.
        joined = wire.world.backend.get_member(server.id, wire.bot_id)
        joined.joined_at = "2020-01-01T00:00:00+00:00"
        database = Path(shutil.copy(migrated, tmp_path))
        yield Scene(
            wire=wire,
            server=server,
            general=server.add_channel("general"),
            log=server.add_channel("mod-log"),
            ada=server.add_member("ada"),
            mo=server.add_member("mo", permissions=MODERATOR),
            settings=Settings(
                _env_file=None,  # type: ignore[call-arg]
                discord_token=wire.token,
                discord_api_url=wire.api_url,
                discord_gateway_url=wire.gateway_url,
                database_url=f"sqlite:///{database}",
                model=str(tiny_model),
            ),
            database=database,
        )
        # A request that the wire does not know would make a test mean less than it says.
        assert not wire.gaps


@pytest.fixture
def running(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Running:
    """Run the bot, and go on once it is ready: what it finds at its start it has found by then."""
    ready = asyncio.Event()

    async def on_ready(_client: Hexward) -> None:
        ready.set()

    # discord.py waits for two seconds after the last server, and keeps the time in its state.
    shortly = property(lambda _state: 0.05, lambda _state, _seconds: None)
    monkeypatch.setattr(ConnectionState, "guild_ready_timeout", shortly, raising=False)
    monkeypatch.setattr(Hexward, "on_ready", on_ready)

    @contextlib.asynccontextmanager
    async def run() -> AsyncIterator[None]:
        ready.clear()
        async with scene.bot(log_channel=False):
            await ready.wait()
            yield

    return run
