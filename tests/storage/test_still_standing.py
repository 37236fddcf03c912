"""Which flagged messages count as still standing after a raid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.rules import Mode
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision, Outcome
from bot.storage.standing_messages import Numbers, StandingMessages

MO = 11


@pytest.mark.parametrize(
    ("outcome", "stands"),
    [
        (None, False),
        (Outcome.CROWDED_OUT, True),
        (Outcome.ALERTED, True),
        (Outcome.TOO_LATE, True),
        (Outcome.MESSAGE_GONE, False),
        (Outcome.EXEMPT, False),
    ],
)
async def test_what_was_left_alone_on_purpose_is_not_deleted_later(
    database: Database,
    new_decision: Callable[..., NewDecision],
    outcome: Outcome | None,
    stands: bool,
) -> None:
    decisions = Decisions(database)
    flag = await decisions.record(new_decision(action="delete", mode=Mode.ENFORCE))
    assert flag is not None
    if outcome is not None:
        await decisions.settle(flag.id, outcome)
    messages = StandingMessages(database, gone="gone")
    numbers = Numbers(100, flag.id, flag.id)
    assert await messages.count(numbers) == ({200: 1} if stands else {})
    claimed = await messages.claim(numbers, [200], MO, after=0, most=10)
    assert len(claimed) == stands
