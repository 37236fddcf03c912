"""Waiting that holds on a slow machine on which much else runs.

Nothing here assumes how fast anything is: what is to happen is waited for with a limit that only a
fault reaches, and what is not to happen is looked for once the bot has nothing left in hand.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from sandbox.wire import Wire

# Far longer than anything takes; pytest's own limit is longer still.
PATIENCE_S = 60.0

# Tasks of discord.py and of the bot that end by themselves once their work is done.
_AT_WORK = (
    "discord.py: ",
    "CommandTree",
    "discord-ui",
    "carry out",
    "delete messages",
    "end a flag",
    "explain a flag",
    "recover decisions",
)
_TICK_S = 0.02
# Of a tick: how late it may be, and how much of it this process may have used.
_LATE_S = 0.02
_USED = 0.2


async def until(condition: Callable[[], Any]) -> None:
    """Wait for something that nobody announces, such as a row in a file.

    Moments are counted rather than seconds: one in which the machine stood still is one.

    Raises
    ------
    TimeoutError
        After as many as there are in `PATIENCE_S`.
    """
    for _ in range(round(PATIENCE_S / _TICK_S)):
        if condition():
            return
        await asyncio.sleep(_TICK_S)
    raise TimeoutError("what was waited for did not happen")


class PatientWire(Wire):
    """A wire whose bot runs in this very process, so that it can tell when that is done."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"patience_s": PATIENCE_S, "reply_deadline_s": PATIENCE_S, **options})

    async def quiet(self, for_s: float = 0.2) -> None:
        """Wait until nothing was sent for a while in which the bot could have, and had no work.

        A moment counts only if this process got the processor when it asked for it, and left it
        idle. One in which it had to wait for the processor says nothing either way, so that on a
        busy machine the wait becomes longer by itself, and still ends.

        Raises
        ------
        TimeoutError
            If the bot is still at work after `PATIENCE_S`.
        """
        async with asyncio.timeout(PATIENCE_S):
            calm_s = 0.0
            while calm_s < for_s:
                beats, began, used = self.world.pulse.beats, time.monotonic(), time.process_time()
                await asyncio.sleep(_TICK_S)
                elapsed_s = time.monotonic() - began
                if (
                    beats != self.world.pulse.beats
                    or time.process_time() - used >= _USED * elapsed_s
                    or any(task.get_name().startswith(_AT_WORK) for task in asyncio.all_tasks())
                ):
                    calm_s = 0.0
                elif elapsed_s < _TICK_S + _LATE_S:
                    calm_s += _TICK_S
