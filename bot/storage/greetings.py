"""Which joining of each server was greeted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from bot.storage import schema
from bot.storage.database import Database


class Greetings:
    """Keeps which servers were greeted, and for which joining.

    A server that is left and joined again, even while the bot is off, has another time of joining.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, server_id: int, joined_at: datetime) -> bool:
        """Put down that a joining is being greeted.

        Parameters
        ----------
        joined_at
            When the bot joined, aware, as Discord tells it.

        Returns
        -------
        bool
            False: it was greeted before or is just now, or the server was there before greetings
            were put down.

        Raises
        ------
        DatabaseError
            If it could not be written.
        """

        def operation(connection: Connection) -> bool:
            table = schema.greetings
            statement = schema.insert(connection, table).values(
                server_id=server_id, joined_at=joined_at
            )
            # Where the time is not known, the comparison is neither true nor false.
            taken = connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["server_id"],
                    set_={"joined_at": joined_at},
                    where=table.c.joined_at < joined_at,
                )
            ).rowcount
            if not taken:
                connection.execute(
                    update(table)
                    .where(table.c.server_id == server_id, table.c.joined_at.is_(None))
                    .values(joined_at=joined_at)
                )
            return taken > 0

        return await self._database.write(operation)

    async def take_back(self, server_id: int) -> None:
        """The greeting could not be posted: it is due again.

        Raises
        ------
        DatabaseError
            If it could not be written.
        """
        statement = delete(schema.greetings).filter_by(server_id=server_id)
        await self._database.write(lambda connection: connection.execute(statement))

    async def greeted(self) -> Mapping[int, datetime | None]:
        """The servers that were greeted, and for which joining; None: it is not known which.

        Raises
        ------
        DatabaseError
            If it could not be read.
        """
        statement = select(schema.greetings.c.server_id, schema.greetings.c.joined_at)
        return await self._database.read(
            lambda connection: {
                row.server_id: row.joined_at for row in connection.execute(statement)
            }
        )
