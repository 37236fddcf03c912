"""Rows as what is known of a flag."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from bot.storage import schema
from bot.storage.decisions import recorded
from bot.storage.history import (
    CardPlace,
    DeedKind,
    DeedResult,
    GivenVerdict,
    History,
    RecordedDeed,
    Verdict,
)


def history_of(decision_id: int, connection: Connection) -> History | None:
    """As `Verdicts.history`, for whoever reads more on the same connection."""
    row = connection.execute(
        select(schema.decisions).where(schema.decisions.c.id == decision_id)
    ).one_or_none()
    if row is None:
        return None
    verdicts, cards = schema.verdicts, schema.cards
    verdict = connection.execute(
        select(verdicts).where(verdicts.c.decision_id == decision_id)
    ).one_or_none()
    card = connection.execute(select(cards).where(cards.c.decision_id == decision_id)).one_or_none()
    return History(
        decision=recorded(row),
        verdict=None
        if verdict is None
        else GivenVerdict(Verdict(verdict.verdict), verdict.moderator_id, verdict.at),
        deeds=tuple(deeds_of(connection, decision_id)),
        card=None if card is None else CardPlace(decision_id, card.channel_id, card.card_id),
        edited_at=None if card is None else card.edited_at,
        deleted_at=None if card is None else card.deleted_at,
        by_webhook=False if card is None else card.by_webhook,
        open_deeds=frozenset() if card is None else _kinds(card.open_deeds),
        language=None if card is None else card.language,
    )


def _kinds(names: str) -> frozenset[DeedKind]:
    return frozenset(DeedKind(name) for name in names.split(",") if name)


def deeds_of(connection: Connection, decision_id: int) -> list[RecordedDeed]:
    """Everything that was done about a decision, the one begun first first."""
    table = schema.deeds
    statement = select(table).where(table.c.decision_id == decision_id).order_by(table.c.id)
    return [deed_of(row) for row in connection.execute(statement)]


def deed_of(row: Row[Any]) -> RecordedDeed:
    """A row of the table of deeds."""
    return RecordedDeed(
        id=row.id,
        kind=DeedKind(row.kind),
        moderator_id=row.moderator_id,
        at=row.at,
        duration=None if row.duration_s is None else timedelta(seconds=row.duration_s),
        result=DeedResult(row.result),
        changed_at=row.changed_at,
        detail=row.detail,
    )
