"""What the tests of catching up share: everything sooner, and waiting until it is through."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.chat import tally
from bot.cogs import catch_up
from bot.storage import later
from sandbox.wire import Message
from tests.conftest import Scene
from tests.patience import until

DECISIONS = "SELECT message_id FROM decisions ORDER BY message_id"
PASSED = "SELECT coalesce(sum(passed), 0) FROM daily_counts"
WAITING = "SELECT message_id FROM unscreened ORDER BY message_id"
MARK = "SELECT message_id FROM last_seen"


def make_brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything as it is, but sooner."""
    monkeypatch.setattr(tally, "QUIET_S", 0.3)
    monkeypatch.setattr(catch_up, "RETRY_S", 0.2)
    monkeypatch.setattr(catch_up, "_PAUSE_S", 0.01)
    monkeypatch.setattr(catch_up, "_LOOK_S", 0.05)
    monkeypatch.setattr(later, "_WAIT_S", 0.05)


def with_settings(scene: Scene, **changes: Any) -> Scene:
    return replace(scene, settings=scene.settings.model_copy(update=changes))


async def until_caught_up(scene: Scene, messages: int) -> None:
    """Wait until so many texts were decided on and nothing is left over."""
    await until(
        lambda: (
            scene.rows(PASSED)[0][0] + len(scene.rows(DECISIONS)) >= messages
            and scene.rows(WAITING) == []
        )
    )


def lines(scene: Scene) -> list[Message]:
    """What moderators were told of unscreened messages."""
    return [message for message in scene.log.bot_messages if "screened" in message.content]


def history_requests(scene: Scene) -> list[str]:
    return [
        request.path
        for request in scene.wire.requests
        if request.method == "GET" and request.path.endswith("/messages")
    ]


async def post_many(scene: Scene, count: int) -> list[Message]:
    return list(
        await asyncio.gather(
            *(scene.ada.post(scene.general, f"good morning {number}") for number in range(count))
        )
    )


async def known_once(scene: Scene) -> None:
    """One run, so that the bot knows the server; everything after it happens while it is away."""
    async with scene.bot():
        await until(lambda: bool(scene.rows(MARK)))


async def seen_once(scene: Scene) -> None:
    """As `known_once`, with a message."""
    async with scene.bot():
        hello = await scene.ada.post(scene.general, "hello")
        await until(lambda: scene.rows(PASSED) == [(1,)])
        await until(lambda: scene.rows(MARK) >= [(hello.id,)])
