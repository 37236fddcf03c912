"""How long and how often something is tried again that Discord does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from bot.chat.carried import Deed, Hurdle

# Discord's worse hours are told at once and mended within minutes; what is done later than that
# comes out of the blue.
KEEP_TRYING_S = 600.0
_FIRST_S = 2.0
_LONGEST_S = 60.0


def pauses(longest_s: float = _LONGEST_S) -> Iterator[float]:
    """Seconds to wait before each further attempt: longer and longer, at most so long."""
    pause_s = _FIRST_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, longest_s)


async def stubbornly(do: Callable[[], Awaitable[Deed]]) -> Deed:
    """Do something, again and again for some minutes where Discord gives no answer."""
    loop = asyncio.get_running_loop()
    until = loop.time() + KEEP_TRYING_S
    for pause_s in pauses():
        deed = await do()
        if deed.hurdle is not Hurdle.UNANSWERED or loop.time() + pause_s > until:
            return deed
        await asyncio.sleep(pause_s)
    raise AssertionError("pauses never end")
