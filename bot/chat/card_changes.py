"""Tells cards that their message was edited or deleted, however many at a time.

A raid ends in hundreds of deletions: they are looked up together, a few times a second, and cards
are edited one after the other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice

import discord

from bot.chat.card_upkeep import CardUpkeep
from bot.errors import DatabaseError
from bot.storage.cards import Cards, Change

log = logging.getLogger(__name__)

# Messages whose change is not looked up yet; the cards of more do not tell it.
_MOST_PENDING = 10_000
# Messages in one query.
_AT_A_TIME = 200
_EVERY_S = 0.25
# Deleted channels that are not looked up yet, and cards of one that are edited; older ones tell it
# when somebody clicks.
_MOST_CHANNELS = 1_000
_MOST_IN_CHANNEL = 100


class CardChanges:
    """What became of messages, on its way to their cards."""

    def __init__(self, client: discord.Client, cards: Cards, upkeep: CardUpkeep) -> None:
        self._client = client
        self._cards = cards
        self._upkeep = upkeep
        self._pending: dict[int, Change] = {}
        self._channels: dict[tuple[int, int], datetime] = {}
        self._telling: asyncio.Task[None] | None = None
        self._stopping = False

    def edited(self, message_id: int, at: datetime) -> None:
        """A message's words were changed; looked up soon."""
        self._add(message_id, Change(edited_at=at))

    def deleted(self, message_ids: Iterable[int]) -> None:
        """Messages were deleted, by whomever; looked up soon."""
        now = datetime.now(UTC)
        for message_id in message_ids:
            self._add(message_id, Change(deleted_at=now))

    def channel_deleted(self, server_id: int, channel_id: int) -> None:
        """A channel or thread was deleted, with all its messages; looked up soon."""
        if len(self._channels) < _MOST_CHANNELS:
            self._channels[server_id, channel_id] = datetime.now(UTC)
            self._wake()

    async def stop(self) -> None:
        """Write down what is not looked up yet; the cards tell it when somebody clicks.

        What comes later is let go: there may be no database any more.
        """
        self._stopping = True
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait({self._telling})
        while self._channels or self._pending:
            try:
                await self._noted()
            except DatabaseError as error:
                log.warning("Edits and deletions of flagged messages are lost: %s", error)

    def _add(self, message_id: int, change: Change) -> None:
        merged = self._upkeep.note(message_id, change)
        if message_id in self._pending or len(self._pending) < _MOST_PENDING:
            self._pending[message_id] = merged
        self._wake()

    def _wake(self) -> None:
        if not self._stopping and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell(), name="tell cards of changes")

    async def _tell(self) -> None:
        while self._channels or self._pending:
            await asyncio.sleep(_EVERY_S)
            try:
                for decision_id in await self._noted():
                    await self._upkeep.refresh(decision_id, self._client)
            except DatabaseError as error:
                log.warning("Edits and deletions of flagged messages are lost: %s", error)

    async def _noted(self) -> list[int]:
        """Write the next down; the decisions whose cards have something new to say come back."""
        if self._channels:
            server_id, channel_id = next(iter(self._channels))
            deleted_at = self._channels.pop((server_id, channel_id))
            inside = await self._cards.note_channel(server_id, channel_id, deleted_at)
            return inside[:_MOST_IN_CHANNEL]
        return await self._cards.note(self._portion())

    def _portion(self) -> dict[int, Change]:
        portion = dict(islice(self._pending.items(), _AT_A_TIME))
        for message_id in portion:
            del self._pending[message_id]
        return portion
