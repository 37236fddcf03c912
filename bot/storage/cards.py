"""Where the cards of flags stand, and what became of the flagged messages since."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, or_, select, update

from bot.storage import schema
from bot.storage.database import Database
from bot.storage.deed_claims import lock
from bot.storage.history import CardPlace, DeedKind


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a message, by an event of Discord's.

    Attributes
    ----------
    edited_at, deleted_at
        When; None: it did not happen.
    """

    edited_at: datetime | None = None
    deleted_at: datetime | None = None


class Cards:
    """Writes and reads where cards stand.

    What is written here raises `DatabaseError` if it could not be.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self,
        place: CardPlace,
        *,
        by_webhook: bool = False,
        open_deeds: Collection[DeedKind] = (),
        language: str | None = None,
    ) -> None:
        """Remember where a flag's card stands; an earlier place stays.

        Parameters
        ----------
        by_webhook
            Whether a webhook wrote what was flagged.
        open_deeds
            What was still being done when the card was made.
        language
            The one in which it was posted; None: not known.
        """
        kinds = ",".join(sorted(kind.value for kind in open_deeds))
        await self._database.write(partial(_put, place, by_webhook, kinds, language))

    async def note(
        self, changes: Mapping[int, Change], *, decision_id: int | None = None
    ) -> list[int]:
        """Write down what became of messages, by message id.

        Parameters
        ----------
        decision_id
            The only decision whose card is meant; None: all decisions about these messages.

        Returns
        -------
        list of int
            The decisions whose cards have something new to say.
        """
        # Hardly any message that is edited or deleted was flagged: nothing is locked to find out.
        if not await self._database.read(partial(_news, changes, decision_id)):
            return []
        return await self._database.write(partial(_note, changes, decision_id))

    async def note_channel(
        self, server_id: int, channel_id: int, deleted_at: datetime
    ) -> list[int]:
        """Write down that a channel or thread was deleted, with all that was in it.

        Returns
        -------
        list of int
            The decisions whose cards have something new to say, the newest first.
        """
        decisions, cards = schema.decisions, schema.cards
        inside = select(decisions.c.id).where(
            decisions.c.server_id == server_id, decisions.c.channel_id == channel_id
        )
        statement = (
            update(cards)
            .where(cards.c.decision_id.in_(inside), cards.c.deleted_at.is_(None))
            .values(deleted_at=deleted_at)
            .returning(cards.c.decision_id)
        )
        return await self._database.write(
            lambda connection: sorted(connection.execute(statement).scalars(), reverse=True)
        )

    async def first(self, message_id: int, before: int) -> CardPlace | None:
        """The card of the first decision on a message that is older than decision `before`."""
        cards, decisions = schema.cards, schema.decisions
        statement = (
            select(cards.c.decision_id, cards.c.channel_id, cards.c.card_id)
            .select_from(cards.join(decisions, cards.c.decision_id == decisions.c.id))
            .where(decisions.c.message_id == message_id, decisions.c.id < before)
            .order_by(decisions.c.id)
            .limit(1)
        )

        def query(connection: Connection) -> CardPlace | None:
            row = connection.execute(statement).one_or_none()
            return None if row is None else CardPlace(*row)

        return await self._database.read(query)


def _put(
    place: CardPlace,
    by_webhook: bool,
    open_deeds: str,
    language: str | None,
    connection: Connection,
) -> None:
    if not lock(connection, place.decision_id):
        return
    statement = schema.insert(connection, schema.cards).values(
        decision_id=place.decision_id,
        channel_id=place.channel_id,
        card_id=place.card_id,
        by_webhook=by_webhook,
        open_deeds=open_deeds,
        language=language,
    )
    connection.execute(statement.on_conflict_do_nothing())


def _news(
    changes: Mapping[int, Change], decision_id: int | None, connection: Connection
) -> list[tuple[int, dict[str, datetime]]]:
    """Decision ids, and what their cards do not tell yet."""
    cards, decisions = schema.cards, schema.decisions
    statement = (
        select(
            cards.c.decision_id,
            cards.c.edited_at,
            cards.c.deleted_at,
            decisions.c.message_id,
            decisions.c.revision,
        )
        .select_from(cards.join(decisions, cards.c.decision_id == decisions.c.id))
        .where(
            decisions.c.message_id.in_(list(changes)),
            or_(cards.c.edited_at.is_(None), cards.c.deleted_at.is_(None)),
        )
        .order_by(cards.c.decision_id)
    )
    if decision_id is not None:
        statement = statement.where(cards.c.decision_id == decision_id)
    news: list[tuple[int, dict[str, datetime]]] = []
    for row in connection.execute(statement).all():
        change, untold = changes[row.message_id], {}
        if change.deleted_at is not None and row.deleted_at is None:
            untold["deleted_at"] = change.deleted_at
        edited_at = change.edited_at
        if edited_at is not None and row.edited_at is None and _is_later(edited_at, row.revision):
            untold["edited_at"] = edited_at
        if untold:
            news.append((row.decision_id, untold))
    return news


def _note(
    changes: Mapping[int, Change], decision_id: int | None, connection: Connection
) -> list[int]:
    cards = schema.cards
    news = _news(changes, decision_id, connection)
    for changed, untold in news:
        connection.execute(update(cards).where(cards.c.decision_id == changed).values(untold))
    return [changed for changed, _ in news]


def _is_later(edited_at: datetime, revision: int) -> bool:
    """Whether an edit came after the revision that was flagged."""
    return int(edited_at.timestamp() * 1000) > revision
