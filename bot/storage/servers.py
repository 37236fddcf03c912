"""What each server chose: preset, own thresholds, log channel, exemptions."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from sqlalchemy import Connection, delete, select, update

from bot.labels import Label
from bot.storage import schema
from bot.storage.database import Database

T = TypeVar("T")

DEFAULT_PRESET = "balanced"


class ExemptionKind(StrEnum):
    """What an exemption points at."""

    ROLE = "role"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """A server's settings. One that has chosen nothing yet has the defaults.

    Attributes
    ----------
    preset
        The name of the model's preset in use.
    overrides
        The server's own thresholds, over the preset's.
    log_channel_id
        Where alerts go; ``None``: nowhere yet.
    exempt_moderators, exempt_bots
        Whether members who can manage messages, and other bots and webhooks, are left alone.
    exempt_role_ids, exempt_channel_ids
        Roles whose members are left alone, channels that are.
    """

    server_id: int
    preset: str = DEFAULT_PRESET
    overrides: Mapping[Label, float] = field(default_factory=lambda: MappingProxyType({}))
    log_channel_id: int | None = None
    exempt_moderators: bool = True
    exempt_bots: bool = True
    exempt_role_ids: frozenset[int] = frozenset()
    exempt_channel_ids: frozenset[int] = frozenset()


class Servers:
    """Reads and writes servers' settings; reading is from memory after the first time.

    Every change made through this object is seen by every `get` that begins after it.

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
            task = asyncio.create_task(self._database.read(partial(_load, server_id)))
            task.add_done_callback(partial(self._forget_failure, server_id))
            self._cache[server_id] = task, now
            if len(self._cache) > self._capacity:
                self._cache.popitem(last=False)
        self._cache.move_to_end(server_id)
        # Shielded: one caller's cancellation is not the others'.
        return task.result() if task.done() else await asyncio.shield(task)

    async def set_threshold(self, server_id: int, label: Label, value: float) -> None:
        """Give a label its own threshold in this server.

        Raises
        ------
        ValueError
            If `value` is not a number from 0 to 1.
        """
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"threshold {value!r}: a number from 0 to 1 is needed")

        def operation(connection: Connection) -> None:
            statement = schema.insert(connection, schema.thresholds).values(
                server_id=server_id, label=label.value, value=float(value)
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["server_id", "label"], set_={"value": statement.excluded.value}
                )
            )

        await self._write(server_id, operation)

    async def reset_threshold(self, server_id: int, label: Label | None = None) -> None:
        """Go back to the preset's threshold for one label, or for all six."""
        statement = delete(schema.thresholds).where(schema.thresholds.c.server_id == server_id)
        if label is not None:
            statement = statement.where(schema.thresholds.c.label == label.value)
        await self._write(server_id, lambda connection: connection.execute(statement).close())

    async def set_preset(self, server_id: int, name: str) -> None:
        """Use a preset as it is: the server's own thresholds are dropped.

        Raises
        ------
        ValueError
            If `name` is empty or longer than 64 characters. Whether the model has a preset of that
            name is for the caller to know.
        """
        if not 0 < len(name) <= 64:
            raise ValueError("a preset's name has 1 to 64 characters")

        def operation(connection: Connection) -> None:
            connection.execute(
                delete(schema.thresholds).where(schema.thresholds.c.server_id == server_id)
            )
            _set(connection, server_id, "preset", name)

        await self._write(server_id, operation)

    async def set_log_channel(self, server_id: int, channel_id: int | None) -> None:
        """Choose where alerts go; ``None``: nowhere."""
        await self._write(
            server_id, lambda connection: _set(connection, server_id, "log_channel_id", channel_id)
        )

    async def set_exempt_moderators(self, server_id: int, exempt: bool) -> None:
        """Choose whether members who can manage messages are left alone."""
        await self._write(
            server_id, lambda connection: _set(connection, server_id, "exempt_moderators", exempt)
        )

    async def set_exempt_bots(self, server_id: int, exempt: bool) -> None:
        """Choose whether other bots and webhooks are left alone."""
        await self._write(
            server_id, lambda connection: _set(connection, server_id, "exempt_bots", exempt)
        )

    async def add_exemption(self, server_id: int, kind: ExemptionKind, target_id: int) -> bool:
        """Leave a role's members or a channel alone; ``False``: it was so already."""

        def operation(connection: Connection) -> bool:
            statement = schema.insert(connection, schema.exemptions).values(
                server_id=server_id, kind=kind.value, target_id=target_id
            )
            return connection.execute(statement.on_conflict_do_nothing()).rowcount > 0

        return await self._write(server_id, operation)

    async def remove_exemption(self, server_id: int, kind: ExemptionKind, target_id: int) -> bool:
        """Screen a role's members or a channel again; ``False``: there was no exemption."""
        statement = delete(schema.exemptions).filter_by(
            server_id=server_id, kind=kind.value, target_id=target_id
        )
        return await self._write(
            server_id, lambda connection: connection.execute(statement).rowcount > 0
        )

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
        return await self._database.write(in_place, after=partial(self._forget, server_id))

    def _forget(self, server_id: int) -> None:
        self._cache.pop(server_id, None)

    def _forget_failure(self, server_id: int, task: asyncio.Task[ServerSettings]) -> None:
        if task.cancelled() or task.exception() is not None:
            cached, _ = self._cache.get(server_id, (None, 0.0))
            if cached is task:
                del self._cache[server_id]


def _set(connection: Connection, server_id: int, column: str, value: object) -> None:
    connection.execute(
        update(schema.servers)
        .where(schema.servers.c.server_id == server_id)
        .values({schema.servers.c[column]: value})
    )


def _load(server_id: int, connection: Connection) -> ServerSettings:
    row = connection.execute(
        select(schema.servers).where(schema.servers.c.server_id == server_id)
    ).one_or_none()
    if row is None:
        return ServerSettings(server_id)
    own = connection.execute(
        select(schema.thresholds.c.label, schema.thresholds.c.value).where(
            schema.thresholds.c.server_id == server_id
        )
    )
    overrides = {Label(label): value for label, value in own}
    exempt: dict[str, set[int]] = {kind: set() for kind in ExemptionKind}
    for kind, target_id in connection.execute(
        select(schema.exemptions.c.kind, schema.exemptions.c.target_id).where(
            schema.exemptions.c.server_id == server_id
        )
    ):
        exempt[kind].add(target_id)
    return ServerSettings(
        server_id=server_id,
        preset=row.preset,
        overrides=MappingProxyType(
            {label: overrides[label] for label in Label if label in overrides}
        ),
        log_channel_id=row.log_channel_id,
        exempt_moderators=row.exempt_moderators,
        exempt_bots=row.exempt_bots,
        exempt_role_ids=frozenset(exempt[ExemptionKind.ROLE]),
        exempt_channel_ids=frozenset(exempt[ExemptionKind.CHANNEL]),
    )
