"""What became of messages, on its way to their cards, when the bot stops."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from bot.chat.card_changes import CardChanges


class Upkeep:
    """Remembers nothing."""

    def note(self, _message_id: int, change: Any) -> Any:
        return change


class Cards:
    """Remembers which messages were asked about."""

    def __init__(self) -> None:
        self.noted: list[int] = []

    async def note(self, portion: dict[int, Any]) -> list[int]:
        self.noted += portion
        return []


async def test_a_stop_writes_down_what_waits_and_begins_nothing_more() -> None:
    cards: Any = Cards()
    client: Any = None
    upkeep: Any = Upkeep()
    changes = CardChanges(client, cards, upkeep)
    before = asyncio.all_tasks()
    changes.deleted([1])
    await changes.stop()
    assert cards.noted == [1]
    changes.deleted([2])
    changes.edited(3, datetime.now(UTC))
    changes.channel_deleted(4, 5)
    assert asyncio.all_tasks() == before
