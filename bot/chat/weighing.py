"""Looks up what an author was flagged for before, and lets it count."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from weakref import WeakValueDictionary

import discord

from bot.errors import DatabaseError
from bot.screening.escalation import Escalated, escalate
from bot.screening.policy import Decision
from bot.storage.offences import Offence, Offences
from bot.storage.server_settings import ServerSettings

log = logging.getLogger(__name__)

# How long it is waited for whether an earlier message can be deleted, where that decides about an
# escalation. What takes longer will most likely be, and counts.
_FOR_CERTAIN = timedelta(seconds=1)
_LOOK_AGAIN_S = 0.1


class Weighing:
    """Weighs flags of one author one after the other, so that each knows of those before it."""

    def __init__(self, offences: Offences) -> None:
        self._offences = offences
        self._turns: WeakValueDictionary[tuple[int, int], asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def weighed(
        self, decision: Decision, message: discord.Message, settings: ServerSettings, now: datetime
    ) -> AsyncIterator[Escalated]:
        """Apply a server's escalation to a decision, which is to be written down in the block.

        Where the server has none, or the decision leaves the author alone, nothing is looked up.
        What cannot be looked up does not count: the decision is carried out as it is.
        """
        if not settings.escalation or not decision.action.acts or message.webhook_id is not None:
            yield Escalated(decision)
            return
        who = (settings.server_id, message.author.id)
        async with self._turns.setdefault(who, asyncio.Lock()):
            try:
                escalated = await self._weigh(decision, message, settings, now)
            except DatabaseError as error:
                log.error("Server %d: earlier flags cannot be read: %s", who[0], error)
                escalated = Escalated(decision)
            yield escalated

    async def _weigh(
        self, decision: Decision, message: discord.Message, settings: ServerSettings, now: datetime
    ) -> Escalated:
        steps = settings.escalation
        since = now - max(step.window for step in steps)
        while True:
            earlier = await self._offences.of(
                settings.server_id, message.author.id, since, but=message.id
            )
            escalated = escalate(decision, steps, [one.at for one in earlier], now)
            certain = [one.at for one in earlier if _is_certain(one)]
            if escalate(decision, steps, certain, now).decision == escalated.decision:
                return escalated
            await asyncio.sleep(_LOOK_AGAIN_S)


def _is_certain(offence: Offence) -> bool:
    return not offence.under_way or datetime.now(UTC) - offence.at >= _FOR_CERTAIN
