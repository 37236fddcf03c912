"""An engine that runs for a test, and its callers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from bot.labels import Scores
from bot.screening.engine import Engine, Priority
from bot.screening.model import Model
from tests.patience import PATIENCE_S
from tests.screening.numbers_model import GatedBackend


@asynccontextmanager
async def running(model: Model, backend: GatedBackend, **options: Any) -> AsyncIterator[Engine]:
    engine = Engine(model, **{"round_s": 10.0} | options)  # a round is a batch
    await engine.start()
    try:
        yield engine
    finally:
        backend.open()
        await engine.close()


async def submit(
    engine: Engine, *texts: str, server_id: int = 0, priority: Priority = Priority.LIVE
) -> list[asyncio.Task[Scores]]:
    tasks = [
        asyncio.create_task(engine.score(text, server_id=server_id, priority=priority))
        for text in texts
    ]
    await asyncio.sleep(0)  # each runs up to where it waits
    return tasks


async def entered(backend: GatedBackend) -> None:
    """Wait until the worker is inside the network."""
    assert await asyncio.to_thread(backend.entered.acquire, timeout=PATIENCE_S)


async def soon(answer: Awaitable[Scores]) -> Scores:
    async with asyncio.timeout(PATIENCE_S):
        return await answer
