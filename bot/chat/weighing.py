"""Looks up what an author was flagged for before, and lets it count."""

from __future__ import annotations

import logging
from datetime import datetime

import discord

from bot.errors import DatabaseError
from bot.screening.escalation import Escalated, escalate
from bot.screening.policy import Decision
from bot.storage.offences import Offences
from bot.storage.server_settings import ServerSettings

log = logging.getLogger(__name__)


async def weigh(
    decision: Decision,
    message: discord.Message,
    settings: ServerSettings,
    offences: Offences,
    now: datetime,
) -> Escalated:
    """Apply a server's escalation to a decision.

    Where the server has none, or the decision leaves the author alone, nothing is looked up. What
    cannot be looked up does not count: the decision is carried out as it is.
    """
    steps = settings.escalation
    if not steps or not decision.action.acts or message.webhook_id is not None:
        return Escalated(decision)
    since = now - max(step.window for step in steps)
    try:
        earlier = await offences.of(settings.server_id, message.author.id, since, but=message.id)
    except DatabaseError as error:
        log.error("Server %d: earlier flags cannot be read: %s", settings.server_id, error)
        return Escalated(decision)
    return escalate(decision, steps, earlier, now)
