"""What is written a moment later, and who must not read before it is."""

from __future__ import annotations

import asyncio

from bot.storage.database import Database
from bot.storage.later import Later


async def test_whoever_asks_waits_for_what_is_being_written(database: Database) -> None:
    waiting, written = ["a"], list[str]()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        taken = waiting.copy()
        waiting.clear()
        if taken:
            begun.set()
            await go_on.wait()
            written.extend(taken)

    later = Later(database, "Letters", write, lambda: bool(waiting))
    first = asyncio.create_task(later.now())
    await begun.wait()
    second = asyncio.create_task(later.now())
    await asyncio.sleep(0)
    assert not second.done()  # though nothing is left to be written
    go_on.set()
    await second
    assert written == ["a"]
    await first
