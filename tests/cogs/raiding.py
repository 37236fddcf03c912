"""What the tests of raids share: a raid in small, what is left of it, and what is told."""

from __future__ import annotations

from typing import Any

import pytest

from bot.chat import actions, crowds, patiently, posting, stubborn
from tests.conftest import Scene
from tests.patience import until

BULK = "/channels/*/messages/bulk-delete"
ONE = "/channels/*/messages/*"
UNSETTLED = "SELECT COUNT(*) FROM decisions WHERE outcome IS NULL"
OUTCOMES = "SELECT outcome, COUNT(*) FROM decisions GROUP BY outcome"


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A raid of a dozen messages is one of thousands, and minutes are moments."""
    monkeypatch.setattr(actions, "MOST_WAITING", 3)
    monkeypatch.setattr(posting, "MOST_PENDING", 2)
    monkeypatch.setattr(crowds, "SUM_UP_EVERY_S", 0.2)
    monkeypatch.setattr(patiently, "_AGAIN_S", (0.0,))
    monkeypatch.setattr(stubborn, "_FIRST_S", 0.05)


async def raid(scene: Scene, count: int = 30, channel: Any = None) -> None:
    raiders = [scene.server.add_member(f"raider{number}") for number in range(3)]
    for number in range(count):
        await raiders[number % 3].post(channel or scene.general, f"you idiot {number}")


def left(scene: Scene) -> int:
    return sum(message.author_id != scene.wire.world.bot_id for message in scene.general.messages)


async def on_record(scene: Scene, query: str, answer: list[tuple[Any, ...]]) -> None:
    """Wait for an answer of the database."""
    await until(lambda: scene.rows(query) == answer)


def lines(scene: Scene) -> list[str]:
    return [message.content for message in scene.log.bot_messages if not message.embeds]
