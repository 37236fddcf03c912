"""What each server was told once and need not hear again."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import delete

from bot.storage import schema
from bot.storage.database import Database


class Announcement(StrEnum):
    """What a server is told once."""

    REDUCED = "reduced"


class Announcements:
    """Keeps which server was told what."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, server_id: int, kind: Announcement) -> bool:
        """Put down that a server is being told; False: it was told before, or is just now.

        Raises
        ------
        DatabaseError
            If it could not be written.
        """
        return await self._database.write(
            lambda connection: (
                connection.execute(
                    schema.insert(connection, schema.announcements)
                    .values(server_id=server_id, kind=kind.value)
                    .on_conflict_do_nothing()
                ).rowcount
                > 0
            )
        )

    async def remove(self, server_id: int, kind: Announcement) -> bool:
        """It is to be told again: it could not be posted, or is no longer so.

        Returns
        -------
        bool
            False: the server was not told.

        Raises
        ------
        DatabaseError
            If it could not be written.
        """
        statement = delete(schema.announcements).filter_by(server_id=server_id, kind=kind.value)
        return await self._database.write(
            lambda connection: connection.execute(statement).rowcount > 0
        )
