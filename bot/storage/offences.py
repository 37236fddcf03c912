"""Earlier flags of an author that count against them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, case, exists, func, or_, select

from bot.rules import Action, Mode
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.history import DeedKind, DeedResult, Verdict

# More than any step of an escalation asks for.
_MOST = 200


@dataclass(frozen=True, slots=True)
class Offence:
    """A flagged message that counts.

    Attributes
    ----------
    at
        When it was flagged.
    under_way
        Whether it counts only because it is to be deleted, which is not done yet and has not
        failed.
    """

    at: datetime
    under_way: bool = False


class Offences:
    """Reads who was flagged before, rightly as far as is known."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(
        self, server_id: int, author_id: int, since: datetime, *, but: int
    ) -> tuple[Offence, ...]:
        """An author's earlier flagged messages that count, newest first; at most 200.

        A message counts once, if a moderator upheld a flag of it, or the bot deleted it or timed
        its author out for it, or is about to. Flags that were dismissed or taken back do not
        count.

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
        acted = and_(of_this, deeds.c.kind.in_([DeedKind.DELETE.value, DeedKind.TIMEOUT.value]))
        enforced = exists().where(acted, deeds.c.result == DeedResult.DONE.value)
        failed = exists().where(acted, deeds.c.result == DeedResult.FAILED.value)
        taken_back = exists().where(of_this, deeds.c.kind == DeedKind.UNDO.value)
        judged = verdicts.c.verdict.is_not(None)
        # From when it is written down until it is settled.
        under_way = and_(
            decisions.c.outcome.is_(None),
            decisions.c.mode == Mode.ENFORCE.value,
            decisions.c.action.in_([action.value for action in Action if action.acts]),
            ~failed,
        )
        certain = or_(verdicts.c.verdict == Verdict.UPHELD.value, and_(~judged, enforced))
        statement = (
            select(
                func.max(decisions.c.decided_at),
                func.max(case((certain, 1), else_=0)),
            )
            .select_from(decisions.outerjoin(verdicts, verdicts.c.decision_id == decisions.c.id))
            .where(
                decisions.c.server_id == server_id,
                decisions.c.author_id == author_id,
                decisions.c.decided_at >= since,
                decisions.c.message_id != but,
                or_(
                    verdicts.c.verdict == Verdict.UPHELD.value,
                    and_(~judged, or_(enforced, under_way), ~taken_back),
                ),
            )
            .group_by(decisions.c.message_id)
            .order_by(func.max(decisions.c.decided_at).desc())
            .limit(_MOST)
        )

        def query(connection: Connection) -> tuple[Offence, ...]:
            return tuple(Offence(at, not sure) for at, sure in connection.execute(statement))

        return await self._database.read(query)
