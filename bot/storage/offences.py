"""Earlier flags of an author that count against them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, exists, func, or_, select

from bot.storage import schema
from bot.storage.database import Database
from bot.storage.history import DeedKind, DeedResult, Verdict

# More than any step of an escalation asks for.
_MOST = 200


class Offences:
    """Reads who was flagged before, rightly as far as is known."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(
        self, server_id: int, author_id: int, since: datetime, *, but: int
    ) -> tuple[datetime, ...]:
        """When an author's earlier messages were flagged that count, newest first; at most 200.

        A message counts once, if a moderator upheld a flag of it, or the bot deleted it or timed
        its author out for it. Flags that were dismissed or taken back do not count.

        Parameters
        ----------
        but
            The id of the message in question, which does not count against itself.

        Raises
        ------
        DatabaseError
            If it could not be read.
        """
        decisions, verdicts, deeds = schema.decisions, schema.verdicts, schema.deeds
        of_this = deeds.c.decision_id == decisions.c.id
        enforced = exists().where(
            of_this,
            deeds.c.kind.in_([DeedKind.DELETE.value, DeedKind.TIMEOUT.value]),
            deeds.c.result == DeedResult.DONE.value,
        )
        taken_back = exists().where(of_this, deeds.c.kind == DeedKind.UNDO.value)
        statement = (
            select(func.max(decisions.c.decided_at))
            .select_from(decisions.outerjoin(verdicts, verdicts.c.decision_id == decisions.c.id))
            .where(
                decisions.c.server_id == server_id,
                decisions.c.author_id == author_id,
                decisions.c.decided_at >= since,
                decisions.c.message_id != but,
                or_(
                    verdicts.c.verdict == Verdict.UPHELD.value,
                    and_(verdicts.c.verdict.is_(None), enforced, ~taken_back),
                ),
            )
            .group_by(decisions.c.message_id)
            .order_by(func.max(decisions.c.decided_at).desc())
            .limit(_MOST)
        )

        def query(connection: Connection) -> tuple[datetime, ...]:
            return tuple(connection.execute(statement).scalars())

        return await self._database.read(query)
