"""What a stop does to what is being done about flags."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

from bot.chat import actions
from bot.chat.actions import Actions
from bot.labels import LABELS
from bot.rules import Action, Mode


async def test_a_stop_ends_what_was_begun_a_moment_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_WAITING", 0)  # nobody waits for what is done
    posting, verdicts = MagicMock(drain=AsyncMock()), MagicMock()
    never = asyncio.Event()
    verdicts.begin = lambda *_: never.wait()
    flag: Any = SimpleNamespace(
        decision_id=1,
        decision=SimpleNamespace(
            action=Action.DELETE,
            enforced=True,
            mode=Mode.ENFORCE,
            timeout=timedelta(hours=1),
            labels_over=LABELS[:1],
            scores=MagicMock(),
        ),
        server=SimpleNamespace(id=1),
        case=SimpleNamespace(server=SimpleNamespace(id=1), decision_id=1),
        message=MagicMock(created_at=datetime.now(UTC), edited_at=None),
        before=None,
        earlier=0,
        recovered=False,
    )
    before = asyncio.all_tasks()
    doing = Actions(posting, verdicts, MagicMock())
    assert await doing.carry_out(flag) is None
    await doing.drain()
    assert asyncio.all_tasks() == before
