"""Who finds room where much is under way already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.chat.running import Running


@asynccontextmanager
async def under_way(running: Running, server_id: int, count: int) -> AsyncIterator[None]:
    """Have a server's tasks under way while the block runs."""
    over = asyncio.Event()

    async def one() -> None:
        with running.counted(server_id):
            await over.wait()

    tasks = [asyncio.create_task(one()) for _ in range(count)]
    await asyncio.sleep(0)
    yield
    over.set()
    await asyncio.gather(*tasks)


async def test_a_server_below_its_share_finds_room_however_much_others_have() -> None:
    running = Running("messages", 10)
    async with under_way(running, 1, 9):
        assert not running.full_for(1, bounded_elsewhere=0)
        async with under_way(running, 2, 1):
            assert running.full_for(1, bounded_elsewhere=0)
            async with under_way(running, 2, 3):
                assert not running.full_for(2, bounded_elsewhere=0)  # it has 4 of its share of 5
            async with under_way(running, 2, 4):
                assert running.full_for(2, bounded_elsewhere=0)
                assert not running.full_for(3, bounded_elsewhere=0)
                assert not running.full_for(None, bounded_elsewhere=0)
    assert not running.full_for(1, bounded_elsewhere=0)


async def test_what_is_bounded_elsewhere_takes_no_room() -> None:
    running = Running("messages", 10)
    async with under_way(running, 1, 30):
        assert not running.full_for(1, bounded_elsewhere=21)
        assert running.full_for(1, bounded_elsewhere=20)
