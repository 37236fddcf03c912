"""The log of decisions: those that flag as rows, those that pass as counts."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, select, update

from bot.errors import DatabaseError
from bot.labels import LABELS, Label, Scores, Thresholds
from bot.rules import Mode
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.later import Later

_DETAIL_LENGTH = 200
# Databases bound how many values a statement may have.
_IDS_AT_ONCE = 500
_SURFACE = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")


class Outcome(StrEnum):
    """What came of acting on a decision."""

    LOGGED = "logged"
    ALERTED = "alerted"
    DELETED = "deleted"
    TIMED_OUT = "timed_out"
    NO_LOG_CHANNEL = "no_log_channel"
    LOG_CHANNEL_GONE = "log_channel_gone"
    MISSING_PERMISSION = "missing_permission"
    CROWDED_OUT = "crowded_out"
    MESSAGE_GONE = "message_gone"
    TOO_LATE = "too_late"
    EXEMPT = "exempt"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDecision:
    """A decision that flags, as it is known before anything is done about it.

    Attributes
    ----------
    surface
        Which text of the message, as an identifier such as ``content``; never the text itself.
    revision
        0 as posted; for an edit its time in Unix milliseconds, so that the same revision is
        recognised when it is delivered again.
    action
        What the server's rules ask for.
    mode
        Whether it is to be carried out, or only told.
    timeout
        How long the author is to be kept quiet, in whole seconds; None for other actions.
    message_created_at, decided_at
        Aware times.
    """

    server_id: int
    channel_id: int
    message_id: int
    author_id: int
    surface: str
    revision: int
    scores: Scores
    thresholds: Thresholds
    labels_over: tuple[Label, ...]
    action: str
    model_version: str
    message_created_at: datetime
    decided_at: datetime
    mode: Mode = Mode.OBSERVE
    timeout: timedelta | None = None

    def __post_init__(self) -> None:
        # The value is not named here: what does not fit might be a message's text.
        if not _SURFACE.fullmatch(self.surface):
            raise ValueError(
                "surface: an identifier of 1 to 64 letters, digits and _ . : / - is needed, "
                f"not {len(self.surface)} characters of something else"
            )
        if not self.labels_over:
            raise ValueError("labels_over is empty; decisions that pass are counted, not recorded")
        for name in ("message_created_at", "decided_at"):
            if getattr(self, name).tzinfo is None:
                raise ValueError(f"{name} has no time zone; an aware time is needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision(NewDecision):
    """A decision in the log.

    Attributes
    ----------
    id
        Never given to another decision.
    outcome
        ``None`` until `Decisions.settle`.
    """

    id: int
    outcome: Outcome | None = None
    outcome_detail: str | None = None
    settled_at: datetime | None = None


class Decisions:
    """Writes and reads the log. What `record` has returned survives the process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._passed: Counter[tuple[int, datetime]] = Counter()
        self._held_up: Counter[int] = Counter()
        self._later = Later(
            database, "Counts of passed messages", self._write_out, lambda: bool(self._passed)
        )

    async def record(self, decision: NewDecision) -> RecordedDecision | None:
        """Put a decision into the log, before it is acted on.

        Returns
        -------
        RecordedDecision or None
            ``None``: this revision of this text is in the log already, so somebody else acts on it.

        Raises
        ------
        DatabaseError
            If it could not be written.
        """
        return await self._database.write(partial(_record, decision))

    @contextlib.contextmanager
    def holding_up(self, server_id: int) -> Iterator[None]:
        """Count a decision as one that the database did not take yet, while the block runs."""
        self._held_up[server_id] += 1
        try:
            yield
        finally:
            self._held_up[server_id] -= 1
            if not self._held_up[server_id]:
                del self._held_up[server_id]

    def held_up(self, server_id: int) -> int:
        """How many decisions of a server wait for the database to take them."""
        return self._held_up[server_id]

    async def settle(self, decision_id: int, outcome: Outcome, detail: str | None = None) -> bool:
        """Write down what the action led to. The first outcome stays.

        Parameters
        ----------
        detail
            One line for the host, never a message's text; cut to 200 characters.

        Returns
        -------
        bool
            ``False``: there is no such decision, or it was settled before.
        """
        statement = (
            update(schema.decisions)
            .where(schema.decisions.c.id == decision_id, schema.decisions.c.outcome.is_(None))
            .values(
                outcome=outcome.value,
                outcome_detail=None if detail is None else detail[:_DETAIL_LENGTH],
                settled_at=datetime.now(UTC),
            )
        )
        return await self._database.write(
            lambda connection: connection.execute(statement).rowcount > 0
        )

    async def unsettled(
        self,
        *,
        decided_after: datetime | None = None,
        decided_before: datetime | None = None,
        limit: int = 100,
    ) -> list[RecordedDecision]:
        """Decisions whose outcome is not known, oldest first: what a crash has left behind.

        Parameters
        ----------
        decided_after, decided_before
            Bounds on `NewDecision.decided_at`, themselves included and excluded.
        limit
            At most so many.
        """
        column = schema.decisions.c.decided_at
        statement = (
            select(schema.decisions)
            .where(schema.decisions.c.outcome.is_(None))
            .order_by(column, schema.decisions.c.id)
            .limit(limit)
        )
        if decided_after is not None:
            statement = statement.where(column >= decided_after)
        if decided_before is not None:
            statement = statement.where(column < decided_before)
        return await self._database.read(
            lambda connection: [recorded(row) for row in connection.execute(statement)]
        )

    async def known(self, message_ids: Collection[int]) -> set[int]:
        """Those of the messages that have a decision, whatever became of it.

        Raises
        ------
        DatabaseError
            If they could not be looked up.
        """
        return await self._database.read(partial(_known, sorted(message_ids)))

    def count_passed(self, server_id: int, at: datetime, texts: int = 1) -> None:
        """Count texts that passed in the hour of `at`.

        Costs an addition: sums are written about once a second and when the database closes, so a
        crash loses the last second's.
        """
        hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        self._passed[server_id, hour] += texts
        self._later.soon()

    async def flush(self) -> None:
        """Write the counts now, before somebody reads them.

        Raises
        ------
        DatabaseError
            If they could not be written; they are kept.
        """
        await self._later.now()

    async def _write_out(self) -> None:
        passed, self._passed = self._passed, Counter()
        if not passed:
            return
        try:
            await self._database.write(partial(_add_passed, passed))
        except DatabaseError:
            self._passed.update(passed)
            raise


def _record(decision: NewDecision, connection: Connection) -> RecordedDecision | None:
    given = {field.name: getattr(decision, field.name) for field in fields(NewDecision)}
    columns = {name: value for name, value in given.items() if name in schema.decisions.c}
    columns["labels_over"] = ",".join(decision.labels_over)
    columns["mode"] = decision.mode.value
    columns["timeout_s"] = decision.timeout and int(decision.timeout.total_seconds())
    columns |= {f"score_{label}": score for label, score in decision.scores.items()}
    columns |= {f"threshold_{label}": value for label, value in decision.thresholds.items()}
    decision_id = connection.execute(
        schema.insert(connection, schema.decisions)
        .values(columns)
        .on_conflict_do_nothing(index_elements=["message_id", "surface", "revision"])
        .returning(schema.decisions.c.id)
    ).scalar_one_or_none()
    if decision_id is None:
        return None
    _count(connection, decision.server_id, decision.decided_at.astimezone(UTC), flagged=1)
    return RecordedDecision(**given, id=decision_id)


def _known(message_ids: Sequence[int], connection: Connection) -> set[int]:
    column = schema.decisions.c.message_id
    found: set[int] = set()
    for first in range(0, len(message_ids), _IDS_AT_ONCE):
        some = message_ids[first : first + _IDS_AT_ONCE]
        found.update(connection.scalars(select(column).where(column.in_(some))))
    return found


def recorded(row: Row[Any]) -> RecordedDecision:
    columns = row._mapping
    names = [field.name for field in fields(RecordedDecision)]
    values: dict[str, Any] = {name: columns[name] for name in names if name in columns}
    values["scores"] = Scores(*(columns[f"score_{label}"] for label in LABELS))
    values["thresholds"] = Thresholds(*(columns[f"threshold_{label}"] for label in LABELS))
    values["labels_over"] = tuple(Label(label) for label in columns["labels_over"].split(","))
    values["mode"] = Mode(row.mode)
    values["timeout"] = None if row.timeout_s is None else timedelta(seconds=row.timeout_s)
    values["outcome"] = None if row.outcome is None else Outcome(row.outcome)
    return RecordedDecision(**values)


def _add_passed(passed: Mapping[tuple[int, datetime], int], connection: Connection) -> None:
    for (server_id, hour), texts in passed.items():
        _count(connection, server_id, hour, passed=texts)


def _count(
    connection: Connection, server_id: int, at: datetime, *, passed: int = 0, flagged: int = 0
) -> None:
    """Add to the counts of the day and the hour of `at`, a time in UTC."""
    daily, hourly = schema.daily_counts, schema.hourly_counts
    statement = schema.insert(connection, daily).values(
        server_id=server_id, day=at.date(), passed=passed, flagged=flagged
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["server_id", "day"],
            set_={
                "passed": daily.c.passed + statement.excluded.passed,
                "flagged": daily.c.flagged + statement.excluded.flagged,
            },
        )
    )
    statement = schema.insert(connection, hourly).values(
        server_id=server_id, day=at.date(), hour=at.hour, texts=passed + flagged
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["server_id", "day", "hour"],
            set_={"texts": hourly.c.texts + statement.excluded.texts},
        )
    )
