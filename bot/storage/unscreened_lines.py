"""Lines about unscreened messages that are not final yet, so that the next run finds them again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from bot.storage import schema
from bot.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class UnscreenedLine:
    """A line, and what it tells.

    Attributes
    ----------
    channel_id
        Where the line stands.
    first_at, last_at, away, screened, gone, lost
        As in `bot.chat.spells.Spell`.
    messages
        How many went unscreened.
    place_id, places
        The channel with the most of them, and how many channels there are.
    left_out_id, left_out_places, left_out_since
        Of the channels in which more was posted than is made up for: one, how many there are, and
        since when everything is made up for.
    """

    line_id: int
    server_id: int
    channel_id: int
    first_at: datetime
    last_at: datetime
    away: bool
    messages: int
    place_id: int | None
    places: int
    left_out_id: int | None
    left_out_places: int
    left_out_since: datetime | None
    screened: int
    gone: int
    lost: int


class UnscreenedLines:
    """Writes and reads them. Everything raises `DatabaseError` if that cannot be done."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, line: UnscreenedLine) -> None:
        """Remember a line as it is now."""
        values = asdict(line)

        def write(connection: Connection) -> None:
            statement = schema.insert(connection, schema.unscreened_lines).values(values)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["line_id"], set_=values)
            )

        await self._database.write(write)

    async def drop(self, line_id: int) -> None:
        """Forget a line: it is final, or nobody looks after it any more."""
        statement = delete(schema.unscreened_lines).filter_by(line_id=line_id)
        await self._database.write(lambda connection: connection.execute(statement).close())

    async def of(self, server_id: int) -> list[UnscreenedLine]:
        """A server's lines, the oldest first."""
        table = schema.unscreened_lines
        statement = select(table).where(table.c.server_id == server_id).order_by(table.c.line_id)
        return await self._database.read(
            lambda connection: [
                UnscreenedLine(**row._mapping) for row in connection.execute(statement)
            ]
        )
