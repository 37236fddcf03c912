"""Who finds room where much is under way already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress

from bot.chat.running import Running


@asynccontextmanager
async def under_way(
    running: Running, server_id: int, count: int, *, elsewhere: bool = False
) -> AsyncIterator[None]:
    """Have a server's tasks under way while the block runs."""
    over = asyncio.Event()

    async def one() -> None:
        with running.counted(server_id) as one, one.elsewhere() if elsewhere else nullcontext():
            await over.wait()

    tasks = [asyncio.create_task(one()) for _ in range(count)]
    await asyncio.sleep(0)
    yield
    over.set()
    await asyncio.gather(*tasks)


async def test_a_server_below_its_share_finds_room_however_much_others_have() -> None:
    running = Running("messages", 10)
    async with under_way(running, 1, 9):
        assert not running.full_for(1)
        async with under_way(running, 2, 1):
            assert running.full_for(1)
            async with under_way(running, 2, 3):
                assert not running.full_for(2)  # it has 4 of its share of 5
            async with under_way(running, 2, 4):
                assert running.full_for(2)
                assert not running.full_for(3)
                assert not running.full_for(None)
    assert not running.full_for(1)


async def test_what_waits_elsewhere_takes_no_room_of_anybody() -> None:
    running = Running("messages", 10)
    async with AsyncExitStack() as stack:
        for server_id in range(10):
            await stack.enter_async_context(under_way(running, server_id, 1_000, elsewhere=True))
        await stack.enter_async_context(under_way(running, 0, 9))
        assert not running.full_for(0)
        await stack.enter_async_context(under_way(running, 10, 9))
        assert running.full_for(0)
        assert running.full_for(10)
        assert not running.full_for(1)
        assert not running.full_for(11)


async def test_a_task_takes_room_again_once_nothing_of_it_waits_elsewhere() -> None:
    running = Running("messages", 1)
    with running.counted(1) as under_way:
        assert running.full_for(1)
        with under_way.elsewhere():
            with under_way.elsewhere():
                assert not running.full_for(1)
            assert not running.full_for(1)
        assert running.full_for(1)
    assert not running.full_for(1)


async def test_what_fails_or_is_cancelled_elsewhere_leaves_nothing_behind() -> None:
    running = Running("messages", 1)
    for end in (RuntimeError, asyncio.CancelledError):
        with suppress(end), running.counted(1) as one:
            with suppress(ValueError), one.elsewhere():
                raise ValueError
            assert running.full_for(1)
            with one.elsewhere():
                raise end
        assert not running.full_for(1)
        async with under_way(running, 1, 1):
            assert running.full_for(1)


async def test_however_many_servers_come_the_total_stays_within_a_few_times_the_most() -> None:
    running, most = Running("messages", 100), 100
    async with AsyncExitStack() as stack:
        for server_id in range(50):
            while not running.full_for(server_id):
                await stack.enter_async_context(under_way(running, server_id, 1))
        assert most < len(running) < 5 * most
