"""Moderators' verdicts and deeds on flags.

Two moderators may click at once, with two processes behind them, or again after a restart. Who was
first is decided here: every change first locks its decision's row (SQLite lets one connection write
anyway), and what may stand only once is unique in the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, delete, func, insert, select, update

from bot.storage import schema
from bot.storage.database import Database
from bot.storage.deed_claims import (
    DETAIL_LENGTH,
    claim_lifting,
    end_deed,
    lay_claim,
    lock,
    take_over,
)
from bot.storage.history import DeedKind, DeedResult, History, RecordedDeed, Verdict
from bot.storage.history_rows import history_of


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What an undoing has taken back, and the timeout that is now to be lifted, if there is one."""

    verdict: Verdict | None
    timeout: RecordedDeed | None


class Verdicts:
    """Writes and reads what came of flags."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # All that is written here raises DatabaseError if it could not be.

    async def give(self, decision_id: int, verdict: Verdict, moderator_id: int) -> bool:
        """Judge a flag.

        Returns
        -------
        bool
            False: it has a verdict already, which stands.
        """
        return await self._database.write(partial(_give, decision_id, verdict, moderator_id))

    async def begin(
        self,
        decision_id: int,
        kind: DeedKind,
        moderator_id: int | None,
        duration: timedelta | None = None,
    ) -> int | None:
        """Lay claim to a deed before it is done.

        Parameters
        ----------
        moderator_id
            None: the bot does it by the server's rules.

        Returns
        -------
        int or None
            The deed's id, for `finish`. None: it is done or under way, or the flag was dismissed.
        """
        return await self._database.write(
            partial(lay_claim, decision_id, kind, moderator_id, duration)
        )

    async def take_over(self, decision_id: int, kind: DeedKind) -> RecordedDeed | None:
        """Lay claim to a deed that the bot had begun when it stopped, however long ago.

        Returns
        -------
        RecordedDeed or None
            None: there is none, or the flag was dismissed.
        """
        return await self._database.write(partial(take_over, decision_id, kind))

    async def finish(
        self,
        deed_id: int,
        *,
        done: bool,
        detail: str | None = None,
        judges: bool = True,
        at: datetime | None = None,
    ) -> None:
        """Write down how a deed ended.

        Parameters
        ----------
        detail
            Why it was not done, in a sentence; cut to 200 characters.
        judges
            Whether a moderator who did it has upheld the flag by that.
        at
            When that was; None: now.
        """
        at = at or datetime.now(UTC)
        await self._database.write(partial(_finish, deed_id, done, detail, judges, at))

    async def take_back(self, decision_id: int, moderator_id: int) -> TakenBack | None:
        """Take the verdict back, and lay claim to lifting the timeout that still runs.

        Returns
        -------
        TakenBack or None
            None: there is nothing to take back, or somebody is at it.
        """
        return await self._database.write(partial(_take_back, decision_id, moderator_id))

    async def claim_lifting(self, decision_id: int) -> RecordedDeed | None:
        """Lay claim to lifting the timeout that still runs; None if there is none."""
        return await self._database.write(partial(claim_lifting, decision_id))

    async def lifted(
        self,
        deed_id: int,
        *,
        done: bool,
        detail: str | None = None,
        at: datetime | None = None,
        claimed_at: datetime | None = None,
    ) -> None:
        """Write down whether a timeout was lifted.

        Parameters
        ----------
        done
            Whether it is over.
        detail
            What ended it, if it was not lifted, or what lifting it was cut short by; cut to 200
            characters.
        at
            When its state last changed; None: now.
        claimed_at
            Which claim ended: somebody else may lift it by now. None: the one that stands.
        """
        table = schema.deeds
        ours = [] if claimed_at is None else [table.c.changed_at == claimed_at]
        statement = (
            update(table)
            .where(table.c.id == deed_id, table.c.result == DeedResult.LIFTING.value, *ours)
            .values(
                result=(DeedResult.UNDONE if done else DeedResult.DONE).value,
                changed_at=at or datetime.now(UTC),
                detail=None if detail is None else detail[:DETAIL_LENGTH],
            )
        )
        await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def history(self, decision_id: int) -> History | None:
        """A decision with everything that came of it; None if there is no such decision."""
        return await self._database.read(partial(history_of, decision_id))

    async def upheld(self, server_id: int, author_id: int, since: datetime) -> int:
        """How many of an author's flags in a server, decided since then, moderators upheld."""
        decisions, verdicts = schema.decisions, schema.verdicts
        statement = (
            select(func.count())
            .select_from(verdicts.join(decisions, verdicts.c.decision_id == decisions.c.id))
            .where(
                decisions.c.server_id == server_id,
                decisions.c.author_id == author_id,
                decisions.c.decided_at >= since,
                verdicts.c.verdict == Verdict.UPHELD.value,
            )
        )
        return await self._database.read(
            lambda connection: int(connection.execute(statement).scalar_one())
        )


def _give(
    decision_id: int,
    verdict: Verdict,
    moderator_id: int,
    connection: Connection,
    at: datetime | None = None,
) -> bool:
    if not lock(connection, decision_id):
        return False
    statement = schema.insert(connection, schema.verdicts).values(
        decision_id=decision_id,
        verdict=verdict.value,
        moderator_id=moderator_id,
        at=at or datetime.now(UTC),
    )
    return connection.execute(statement.on_conflict_do_nothing()).rowcount > 0


def _finish(
    deed_id: int,
    done: bool,
    detail: str | None,
    judges: bool,
    at: datetime,
    connection: Connection,
) -> None:
    ended = end_deed(deed_id, done, detail, at, connection)
    if ended is not None and done and judges and ended.moderator_id is not None:
        _give(ended.decision_id, Verdict.UPHELD, ended.moderator_id, connection, at)


def _take_back(decision_id: int, moderator_id: int, connection: Connection) -> TakenBack | None:
    if not lock(connection, decision_id):
        return None
    table, now = schema.verdicts, datetime.now(UTC)
    verdict = connection.execute(
        delete(table).where(table.c.decision_id == decision_id).returning(table.c.verdict)
    ).scalar_one_or_none()
    timeout = claim_lifting(decision_id, connection)
    if verdict is None and timeout is None:
        return None
    connection.execute(
        insert(schema.deeds).values(
            decision_id=decision_id,
            kind=DeedKind.UNDO.value,
            moderator_id=moderator_id,
            at=now,
            result=DeedResult.DONE.value,
            changed_at=now,
            detail=verdict,
        )
    )
    return TakenBack(None if verdict is None else Verdict(verdict), timeout)
