"""The beginnings of flagged texts, for servers that want them kept for a while."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection, Select, delete, select

from bot.storage import schema
from bot.storage.database import Database
from bot.storage.privacy import chosen

MOST_CHARACTERS = 200

# What stands for the last character of a text that was cut.
_MORE = "…"
# Ids in one statement.
_AT_A_TIME = 200


class Excerpts:
    """Keeps and drops excerpts. Nothing is kept of a server that has not asked for it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, server_id: int, message_id: int, surface: str, text: str) -> bool:
        """Keep the beginning of a text that was flagged, with the latest decision about it.

        Whether the server wants that is asked in the same transaction, so nothing is kept after it
        was switched off.

        Returns
        -------
        bool
            ``False``: the server does not want it, or there is no such decision.
        """
        return await self._database.write(
            partial(_keep, server_id, message_id, surface, excerpt(text), datetime.now(UTC))
        )

    async def of(self, decision_ids: Collection[int]) -> dict[int, str]:
        """The excerpts of decisions, by the decision's id."""
        table = schema.excerpts
        statement = select(table.c.decision_id, table.c.text).where(
            table.c.decision_id.in_(decision_ids)
        )
        return await self._database.read(
            lambda connection: {row.decision_id: row.text for row in connection.execute(statement)}
        )

    async def drop_messages(self, message_ids: Collection[int]) -> int:
        """Drop the excerpts of messages that were deleted; how many there were comes back."""
        ids = list(message_ids)
        dropped = 0
        for begin in range(0, len(ids), _AT_A_TIME):
            some = ids[begin : begin + _AT_A_TIME]
            about = select(schema.decisions.c.id).where(schema.decisions.c.message_id.in_(some))
            dropped += await self._database.write(partial(_drop, about))
        return dropped

    async def drop_channel(self, server_id: int, channel_id: int) -> int:
        """Drop the excerpts of a channel that was deleted with all its messages."""
        about = select(schema.decisions.c.id).where(
            schema.decisions.c.server_id == server_id, schema.decisions.c.channel_id == channel_id
        )
        return await self._database.write(partial(_drop, about))


def excerpt(text: str) -> str:
    """The first 200 characters of a text, as both databases can store them."""
    # PostgreSQL takes no NUL, and neither database half of a surrogate pair.
    text = text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + _MORE


def _keep(
    server_id: int, message_id: int, surface: str, text: str, now: datetime, connection: Connection
) -> bool:
    if chosen(server_id, connection).excerpt_days is None:
        return False
    decisions = schema.decisions
    decision_id = connection.execute(
        select(decisions.c.id)
        .where(
            decisions.c.message_id == message_id,
            decisions.c.surface == surface,
            decisions.c.server_id == server_id,
        )
        .order_by(decisions.c.revision.desc())
        .limit(1)
    ).scalar_one_or_none()
    if decision_id is None:
        return False
    connection.execute(
        schema.insert(connection, schema.excerpts)
        .values(decision_id=decision_id, text=text, stored_at=now)
        .on_conflict_do_update(
            index_elements=["decision_id"], set_={"text": text, "stored_at": now}
        )
    )
    return True


def _drop(about: Select[int], connection: Connection) -> int:
    return connection.execute(
        delete(schema.excerpts).where(schema.excerpts.c.decision_id.in_(about))
    ).rowcount
