"""Settings of servers, kept in memory and forgotten beside every write."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, select, update

from bot.storage import schema
from bot.storage.database import Database
from bot.storage.load_settings import load_settings
from bot.storage.server_settings import DEFAULT_PRESET, ServerSettings

T = TypeVar("T")


class SettingsCache:
    """The part of `Servers` that reads, and that knows how a write is made seen.

    Parameters
    ----------
    database
        Where the settings are kept.
    fresh_s
        How long, in seconds, a change made by another process may go unnoticed.
    capacity
        How many servers' settings stay in memory.
    """

    def __init__(self, database: Database, *, fresh_s: float = 60.0, capacity: int = 4096) -> None:
        self._database = database
        self._fresh_s = fresh_s
        self._capacity = capacity
        # The task, not its result: those who ask while it runs wait for the same query.
        self._cache: OrderedDict[int, tuple[asyncio.Task[ServerSettings], float]] = OrderedDict()
        self._languages: dict[int, str] = {}
        self._when_changed: Callable[[int], None] | None = None

    @property
    def languages(self) -> Mapping[int, str]:
        """The languages that servers chose, by their ids, for who cannot wait for a reading.

        Those of all servers after `load_languages`; each as new as what was last read of it.
        """
        return self._languages

    async def load_languages(self) -> None:
        """Read which servers chose a language.

        Raises
        ------
        DatabaseError
            If they could not be read.
        """
        table = schema.servers
        statement = select(table.c.server_id, table.c.language).where(table.c.language.is_not(None))
        for row in await self._database.read(lambda one: one.execute(statement).all()):
            self._languages[row.server_id] = row.language

    def when_changed(self, listener: Callable[[int], None]) -> None:
        """Have `listener` told the id of a server whose settings were written.

        It takes the place of an earlier one.
        """
        self._when_changed = listener

    async def get(self, server_id: int) -> ServerSettings:
        """The settings of a server.

        Raises
        ------
        DatabaseError
            If they could not be read; the next call tries again.
        """
        now = asyncio.get_running_loop().time()
        task, loaded_at = self._cache.get(server_id, (None, 0.0))
        if task is None or now - loaded_at > self._fresh_s:
            task = asyncio.create_task(self._load(server_id))
            task.add_done_callback(partial(self._forget_failure, server_id))
            self._cache[server_id] = task, now
            if len(self._cache) > self._capacity:
                self._cache.popitem(last=False)
        self._cache.move_to_end(server_id)
        # Shielded: one caller's cancellation is not the others'.
        return task.result() if task.done() else await asyncio.shield(task)

    async def _load(self, server_id: int) -> ServerSettings:
        settings = await self._database.read(partial(load_settings, server_id))
        self._note_language(server_id, settings.language)
        return settings

    def _note_language(self, server_id: int, language: str | None) -> None:
        if language is None:
            self._languages.pop(server_id, None)
        else:
            self._languages[server_id] = language

    async def _write(self, server_id: int, operation: Callable[[Connection], T]) -> T:
        """Write, with the server's row in place, and forget what was read before."""

        def in_place(connection: Connection) -> T:
            now = datetime.now(UTC)
            statement = schema.insert(connection, schema.servers).values(
                server_id=server_id,
                preset=DEFAULT_PRESET,
                exempt_moderators=True,
                exempt_bots=True,
                created_at=now,
                updated_at=now,
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["server_id"], set_={"updated_at": now}
                )
            )
            return operation(connection)

        # In the writer, not here: a caller that is cancelled meanwhile must not leave an old value.
        return await self._database.write(in_place, after=partial(self._written, server_id))

    def _written(self, server_id: int) -> None:
        self._forget(server_id)
        if self._when_changed is not None:
            self._when_changed(server_id)

    def _forget(self, server_id: int) -> None:
        self._cache.pop(server_id, None)

    def _forget_failure(self, server_id: int, task: asyncio.Task[ServerSettings]) -> None:
        if task.cancelled() or task.exception() is not None:
            cached, _ = self._cache.get(server_id, (None, 0.0))
            if cached is task:
                del self._cache[server_id]


def set_column(connection: Connection, server_id: int, column: str, value: object) -> None:
    """Change one of a server's plain choices; its row is there."""
    connection.execute(
        update(schema.servers)
        .where(schema.servers.c.server_id == server_id)
        .values({schema.servers.c[column]: value})
    )
