"""simcord's world, running in real time around a live client.

simcord is made for tests: it owns the event loop, virtualises every timer of the bot and, after
each act, waits until *all* the bot's work has come to rest. A bot with a worker thread, a queue
and background tasks never comes to rest, and a person at a page wants real seconds. So this
module keeps simcord's model of Discord (permissions, commands, interactions, its REST routes and
gateway events) and replaces the part that runs it. This module and `view` reach into simcord's
inside, which is why its minor version is pinned.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import discord
from simcord import _dpy_internals as seams
from simcord._clock import Clock
from simcord.backend import Backend, serializers
from simcord.env import Env
from simcord.gateway import ShardRouter
from simcord.http import FakeHTTPClient, FakeWebhookAdapter
from simcord.preview import Preview

from sandbox.locales import ENGLISH

#: How long an act waits for the bot before it returns all the same: what Discord gives a bot
#: to answer an interaction. What the bot does later still shows.
PATIENCE_S = 3.0

#: How long the client waits for yet another server before it is ready; on Discord two seconds.
_LAST_SERVER_S = 0.05

#: The tasks in which discord.py runs a bot's reaction to one event, by their names.
_HANDLERS = ("discord.py: ", "CommandTree-invoker", "discord-ui-")


@dataclass(slots=True)
class Wait:
    """How long an act waits for the bot, and whether the bot was done by then."""

    patience_s: float
    in_time: bool = True


_wait: ContextVar[Wait | None] = ContextVar("sandbox_wait", default=None)


class _WallClock(Clock):
    """Real UTC time, so that ids, ages and deadlines in the world are those of the day."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Real time passes by itself."""


class _Bell(list[Any]):
    """Takes the place of simcord's records of traffic: counts them, and keeps nothing.

    The records would grow for as long as the sandbox runs.
    """

    rung = 0

    def append(self, item: Any, /) -> None:
        self.rung += 1


class World(Env):
    """A simulated Discord to which one real discord.py client is attached.

    Parameters
    ----------
    client
        A client that has not logged in.
    bot_name
        The bot account's name in the world.
    """

    def __init__(self, client: discord.Client, *, bot_name: str) -> None:
        sharded = isinstance(client, discord.AutoShardedClient) and client.shard_count is None
        super().__init__(client, check_errors=False, shard_count=1 if sharded else None)
        self.backend = Backend(clock=_WallClock())
        self.backend.bot_user.name = bot_name
        self.backend.transcript = self._bell = _Bell()
        self.backend.http_requests = _Bell()
        self.views: Sequence[Preview] = ()
        #: The locale that a person has set, by the person's id; who has set none speaks English.
        self.locales: dict[int, str] = {}
        self._outlasted: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()

    @property
    def changes(self) -> int:
        """A number that grows with everything that happens."""
        return self._bell.rung

    def locale_of(self, user_id: int) -> str:
        """The locale that a person has set in Discord."""
        return self.locales.get(user_id, ENGLISH)

    # ------------------------------------------------------------------ life

    async def start(self) -> None:
        """Log the client in, make it ready, and deliver the servers that exist."""
        loop = self._loop = asyncio.get_running_loop()
        self._started = True
        self._generation = 1
        client, backend = self.bot, self.backend
        seams.install_http(client, FakeHTTPClient(backend, loop))
        seams.set_guild_ready_timeout(client, _LAST_SERVER_S)
        self._webhook_adapter = FakeWebhookAdapter(backend)
        state = seams.get_state(client)
        self._message_states.add(state)
        state.shard_count = self._shard_count
        state.shard_ids = list(self._shard_ids)
        router = ShardRouter(backend, state, client.dispatch, self._shard_count, self._shard_ids)

        def feed(event: str, payload: Any) -> None:
            # Tasks that an event starts inherit this scope, and with it the way in which
            # discord.py answers interactions.
            with self._bot_scope():
                router.feed(event, self._localized(payload, event))

        self._gateway_feed = feed
        if not isinstance(client, discord.AutoShardedClient):
            seams.install_websocket(client, router.websockets[0])
        with self._bot_scope():
            await client.login("sandbox")
            if isinstance(client, discord.AutoShardedClient):
                client.shard_count = self._shard_count
                seams.install_shards(client, router.shards)
            for shard_id in self._shard_ids:
                router.identify(shard_id)
            for guild in backend.guilds.values():
                router.feed("GUILD_CREATE", serializers.guild_create_payload(backend, guild))
        backend.subscribers.append(feed)
        await client.wait_until_ready()

    def _localized(self, payload: Mapping[str, Any], event: str) -> Mapping[str, Any]:
        """An event as Discord sends it: who clicks or types a command brings a language along."""
        if event != "INTERACTION_CREATE":
            return payload
        user = payload["member"]["user"] if "member" in payload else payload["user"]
        said = {**payload, "locale": self.locale_of(int(user["id"]))}
        if "guild_id" in payload:
            said["guild_locale"] = self.backend.get_guild(int(payload["guild_id"])).preferred_locale
        return said

    async def shutdown(self) -> None:
        """Stop delivering events; what the bot has begun it may finish."""
        if self._gateway_feed in self.backend.subscribers:
            self.backend.subscribers.remove(self._gateway_feed)
        self._started = False

    # --------------------------------------------------------------- waiting

    def _handling(self) -> set[asyncio.Task[Any]]:
        return {task for task in asyncio.all_tasks() if task.get_name().startswith(_HANDLERS)}

    async def settled(self, patience_s: float, *, all_of_them: bool = False) -> bool:
        """Wait until the bot has dealt with every event it has been given.

        A handler that outlasted an earlier wait is left alone, unless `all_of_them` is set: it
        waits for a person, or hangs, and would hold up every act that follows.

        Returns
        -------
        bool
            Whether it has; ``False`` when it took longer than `patience_s`.
        """
        deadline = time.monotonic() + patience_s
        left_alone = set() if all_of_them else set(self._outlasted)
        while handling := self._handling() - left_alone:
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                self._outlasted.update(handling)
                return False
            await asyncio.wait(handling, timeout=remaining_s)
        return True

    @contextmanager
    def patience(self, patience_s: float) -> Iterator[Wait]:
        """Let the acts of the body wait for the bot for up to `patience_s`."""
        wait = Wait(patience_s)
        token = _wait.set(wait)
        try:
            yield wait
        finally:
            _wait.reset(token)

    async def _settle_internal(self, **_: Any) -> None:
        """simcord calls this at the end of every act."""
        wait = _wait.get() or Wait(PATIENCE_S)
        wait.in_time = await self.settled(wait.patience_s)

    # simcord lets one operation run at a time, because each moves the one virtual clock. Here
    # nothing is virtual, and people at several pages and the terminal act side by side.

    def _begin_operation(self, label: str) -> None:
        pass

    def _end_operation(self) -> None:
        pass

    # simcord allows one preview for each world; here every channel has its own.

    @property
    def _preview(self) -> None:
        return None

    @_preview.setter
    def _preview(self, _: Any) -> None:
        pass

    def _mark_mutation(self) -> None:
        for view in self.views:
            view._mark_action_dispatched()
