"""Does things about flags once: claimed in the database before, written down after."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import discord

from bot.chat.carried import Deed, Hurdle
from bot.chat.deeds.means import Means, Target
from bot.errors import DatabaseError
from bot.language import tr
from bot.rules import Action
from bot.storage.history import DeedResult, RecordedDeed
from bot.storage.verdicts import Verdicts

log = logging.getLogger(__name__)

T = TypeVar("T")

# Pauses in seconds before the database is asked again that was busy.
_AGAIN_S = (0.5, 1.0, 2.0, 4.0)


class Claims:
    """Sees to it that nothing is done twice, whoever else is at it."""

    def __init__(self, verdicts: Verdicts) -> None:
        self._verdicts = verdicts

    async def do(
        self, means: Means, server: discord.Guild, target: Target, *, taken_over: bool
    ) -> Deed | None:
        """Do something unless it is done or under way already, or the flag was dismissed.

        Parameters
        ----------
        taken_over
            Whether an earlier run may have begun it.

        Returns
        -------
        Deed or None
            None: it is not for us to do. Never raises.
        """
        decision_id = target.ground.decision_id
        duration = target.timeout if means.action is Action.TIMEOUT else None
        try:
            # First of all: a new claim would take the place of one that is old by now, and what
            # was begun then would be done a second time.
            left = await self._taken_over(decision_id, means) if taken_over else None
            if left is not None and left.result is DeedResult.DONE:
                return Deed(True, means.what, until=left.ends_at())
            if left is not None:
                deed_id: int | None = left.id
                target = replace(target, begun_ends_at=left.ends_at())
            else:
                deed_id = await self._begin(decision_id, means, duration)
        except DatabaseError as error:
            log.error("Decision %d: no %s: %s", decision_id, means.what.value, error)
            why = tr("The database could not be written.")
            return Deed(False, means.what, why, Hurdle.FAILED)
        if deed_id is None:
            return None
        claimed = deed_id
        deed = await means.do(server, target)
        try:
            await _patiently(
                lambda: self._verdicts.finish(claimed, done=deed.done, detail=deed.record)
            )
        except DatabaseError as error:
            log.error("Decision %d: %s not on record: %s", decision_id, means.what.value, error)
        return deed

    async def left_behind(self, decision_id: int, means: Means) -> RecordedDeed | None:
        """What the bot itself had done, or had begun, when it stopped.

        Raises
        ------
        DatabaseError
            If it cannot be looked up.
        """
        history = await self._verdicts.history(decision_id)
        if history is None:
            return None
        deed = history.last(means.kind, DeedResult.BEGUN, DeedResult.DONE)
        return deed if deed is not None and deed.moderator_id is None else None

    async def _taken_over(self, decision_id: int, means: Means) -> RecordedDeed | None:
        """What an earlier run has done, or had begun; the latter is ours from now on."""
        left = await self.left_behind(decision_id, means)
        if left is None or left.result is DeedResult.DONE:
            return left
        return await _patiently(lambda: self._verdicts.take_over(decision_id, means.kind))

    async def own(self, deed: RecordedDeed) -> None:
        """Write down that something was done whose answer a stop has cut off."""
        try:
            await _patiently(lambda: self._verdicts.finish(deed.id, done=True))
        except DatabaseError as error:
            log.error("Deed %d: what became of it is not on record: %s", deed.id, error)

    async def _begin(
        self, decision_id: int, means: Means, duration: timedelta | None
    ) -> int | None:
        return await _patiently(
            lambda: self._verdicts.begin(decision_id, means.kind, None, duration)
        )


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask the database, a few times where it is busy, as it may be in a raid."""
    for pause_s in _AGAIN_S:
        try:
            return await ask()
        except DatabaseError:
            await asyncio.sleep(pause_s)
    return await ask()
