"""How many flags of each server no moderator was shown, kept until that is told.

In a raid many a second are not shown, so rows are written together, about once a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Self

from sqlalchemy import Connection, delete, select

from bot.errors import DatabaseError
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.later import Later


@dataclass(frozen=True, slots=True)
class Missing:
    """What a server's moderators were not shown.

    Attributes
    ----------
    since
        When the first of them was flagged; aware.
    flags
        How many there are.
    crowded
        How many more are told in a line that is not posted yet.
    told_at
        When whoever can mend it was told last; None: not yet.
    """

    since: datetime
    flags: int = 0
    crowded: int = 0
    told_at: datetime | None = None


class Unshown:
    """Counts in memory and writes a moment later; a crash loses the last second's.

    Make one with `open`. Only servers that miss something take room.
    """

    def __init__(self, database: Database, missing: Mapping[int, Missing]) -> None:
        self._database = database
        self._missing = dict(missing)
        self._changed: set[int] = set()
        self._later = Later(
            database,
            "Counts of flags that were not shown",
            self._write_out,
            lambda: bool(self._changed),
        )

    @classmethod
    async def open(cls, database: Database) -> Self:
        """Read what earlier runs have left.

        A line that was not posted before they ended will not be: what it was to tell counts as not
        shown.

        Raises
        ------
        DatabaseError
            If it cannot be read.
        """
        left = await database.read(_read)
        return cls(
            database,
            {
                server_id: replace(one, flags=one.flags + one.crowded, crowded=0)
                for server_id, one in left.items()
            },
        )

    def of(self, server_id: int) -> Missing | None:
        """What a server misses; None: nothing."""
        return self._missing.get(server_id)

    def add(self, server_id: int, flags: int, at: datetime) -> None:
        """Count flags that were not shown."""
        now = self._missing.get(server_id, Missing(at))
        self._put(server_id, replace(now, flags=now.flags + flags))

    def await_line(self, server_id: int, flags: int, at: datetime) -> None:
        """Say how many flags wait for a line that is not posted yet, or not up to date."""
        now = self._missing.get(server_id)
        if now is None and not flags:
            return
        now = now or Missing(at)
        if now.crowded != flags:
            self._put(server_id, replace(now, crowded=flags))

    def told(self, server_id: int, at: datetime | None) -> None:
        """Somebody who can mend it is told now; None: it was not possible after all."""
        now = self._missing.get(server_id)
        if now is not None:
            self._put(server_id, replace(now, told_at=at))

    def take(self, server_id: int) -> Missing | None:
        """What is to be told now, and from then on counts as told; None: nothing."""
        now = self._missing.get(server_id)
        if now is None or not now.flags:
            return None
        self._put(server_id, Missing(now.since, crowded=now.crowded))
        return now

    def put_back(self, server_id: int, missing: Missing) -> None:
        """It could not be told."""
        now = self._missing.get(server_id, Missing(missing.since))
        self._put(
            server_id,
            replace(
                missing,
                flags=missing.flags + now.flags,
                crowded=now.crowded,
                told_at=now.told_at or missing.told_at,
            ),
        )

    async def flush(self) -> None:
        """Write now what waits to be written.

        Raises
        ------
        DatabaseError
            If it could not be written; it is tried again a second later.
        """
        await self._later.now()

    async def _write_out(self) -> None:
        changed, self._changed = self._changed, set()
        if not changed:
            return
        rows = {server_id: self._missing.get(server_id) for server_id in changed}
        try:
            await self._database.write(partial(_write, rows))
        except DatabaseError:
            self._changed |= changed
            raise

    def _put(self, server_id: int, missing: Missing) -> None:
        if missing.flags or missing.crowded:
            self._missing[server_id] = missing
        else:
            self._missing.pop(server_id, None)
        self._changed.add(server_id)
        self._later.soon()


def _read(connection: Connection) -> dict[int, Missing]:
    table = schema.unshown
    return {
        row.server_id: Missing(row.since, row.flags, row.crowded, row.told_at)
        for row in connection.execute(select(table))
    }


def _write(rows: Mapping[int, Missing | None], connection: Connection) -> None:
    table = schema.unshown
    for server_id, one in rows.items():
        if one is None:
            connection.execute(delete(table).where(table.c.server_id == server_id))
            continue
        values = {
            "since": one.since,
            "flags": one.flags,
            "crowded": one.crowded,
            "told_at": one.told_at,
        }
        connection.execute(
            schema.insert(connection, table)
            .values(server_id=server_id, **values)
            .on_conflict_do_update(index_elements=["server_id"], set_=values)
        )
