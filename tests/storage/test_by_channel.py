"""What was decided in one channel is found without reading all that was decided in the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from bot.storage.cards import Cards
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision
from bot.storage.history import CardPlace
from bot.storage.journal import Journal, Wanted

Make = Callable[..., NewDecision]
Plan = Callable[[Awaitable[object]], Awaitable[str]]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
BY_CHANNEL = "decisions_by_channel (server_id=? AND channel_id=?"


@pytest.fixture
def plan_of(database: Database) -> Iterator[Plan]:
    """How SQLite goes about all that something asks of it."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            asked.append((statement, values))

    def plans(connection: sa.Connection) -> list[str]:
        return [
            str(row[-1])
            for statement, values in list(asked)
            for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, values)
        ]

    async def plan(work: Awaitable[object]) -> str:
        asked.clear()
        await work
        return "\n".join(await database.read(plans))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield plan
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


async def test_a_deleted_channel_reads_its_own_flags_alone(
    database: Database, new_decision: Make, plan_of: Plan
) -> None:
    cards, decisions, kept = Cards(database), Decisions(database), []
    for number, (server_id, channel_id) in enumerate([(100, 7), (100, 8), (100, 7), (101, 7)]):
        made = new_decision(server_id=server_id, channel_id=channel_id, message_id=number)
        one = await decisions.record(made)
        assert one is not None
        await cards.put(CardPlace(one.id, channel_id=9, card_id=number))
        kept.append(one.id)
    plan = await plan_of(cards.note_channel(100, 7, NOON))
    assert BY_CHANNEL in plan
    assert "SCAN" not in plan
    assert await cards.note_channel(100, 7, NOON) == []
    assert await cards.note_channel(100, 8, NOON) == [kept[1]]
    assert await cards.note_channel(101, 7, NOON) == [kept[3]]


async def test_so_does_the_log_of_a_channel(database: Database, plan_of: Plan) -> None:
    plan = await plan_of(Journal(database).page(100, Wanted(channel_id=7), most=5))
    assert BY_CHANNEL in plan
    assert "SCAN" not in plan
    assert "TEMP B-TREE" not in plan
