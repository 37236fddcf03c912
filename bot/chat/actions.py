"""Carries out what was decided. Every error of Discord's ends here as an outcome.

The decision is in the database before anything here runs; what comes back is written beside it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

import discord

from bot.chat.cards import alert_card
from bot.chat.client import missing_permissions
from bot.chat.lookup import channel_by_id
from bot.chat.surfaces import Surface
from bot.logs import describe
from bot.screening.policy import Decision
from bot.storage.decisions import Outcome

log = logging.getLogger(__name__)

ALERT_PERMISSIONS = ("view_channel", "send_messages", "embed_links")


@dataclass(frozen=True, slots=True)
class Flag:
    """A recorded decision together with what it is about, ready to be acted on."""

    decision_id: int
    decision: Decision
    surface: Surface
    message: discord.Message
    server: discord.Guild
    log_channel_id: int | None
    model_version: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an action; `detail` is for the log of decisions, without message text."""

    outcome: Outcome
    detail: str | None = None


class Actions:
    """Does to the server what decisions ask for."""

    def __init__(self) -> None:
        self._complained: set[tuple[int, Outcome]] = set()

    async def carry_out(self, flag: Flag) -> Result:
        """Alert the server's moderators.

        Returns
        -------
        Result
            Never raises for what Discord answers.
        """
        try:
            result = await self._alert(flag)
        except discord.Forbidden as error:
            result = Result(Outcome.MISSING_PERMISSION, f"Discord error {error.code}")
        except discord.NotFound:
            result = Result(Outcome.LOG_CHANNEL_GONE)
        except (discord.HTTPException, OSError, TimeoutError) as error:
            result = Result(Outcome.FAILED, describe(error)[:200])
        self._tell_host(flag.server.id, result)
        return result

    async def _alert(self, flag: Flag) -> Result:
        if flag.log_channel_id is None:
            return Result(Outcome.NO_LOG_CHANNEL)
        channel = await channel_by_id(flag.server, flag.log_channel_id)
        if not isinstance(channel, discord.abc.Messageable):
            return Result(Outcome.LOG_CHANNEL_GONE, "the log channel takes no messages")
        if lacking := missing_permissions(channel, ALERT_PERMISSIONS):
            # Asking first: 10,000 refused requests in ten minutes would lock the host out.
            return Result(Outcome.MISSING_PERMISSION, ", ".join(lacking))
        message = flag.message
        now = datetime.now(UTC)
        card = alert_card(
            decision=flag.decision,
            decision_id=flag.decision_id,
            text=flag.surface.text,
            surface=flag.surface.name,
            author=message.author,
            channel_id=message.channel.id,
            jump_url=message.jump_url,
            posted_at=message.created_at,
            edited=message.edited_at is not None,
            model_version=flag.model_version,
            now=now,
        )
        # The nonce lets Discord drop the second of two alerts when a crash came between the sending
        # and the settling.
        await channel.send(embed=card, nonce=f"hexward-{flag.decision_id}")
        return Result(Outcome.ALERTED)

    def _tell_host(self, server_id: int, result: Result) -> None:
        """One log line when alerts begin to fail in a server, not one per message."""
        if result.outcome is Outcome.ALERTED:
            self._complained = {entry for entry in self._complained if entry[0] != server_id}
            return
        if (server_id, result.outcome) in self._complained:
            return
        self._complained.add((server_id, result.outcome))
        log.warning(
            "Server %d: flags cannot be shown to its moderators: %s%s. %s",
            server_id,
            result.outcome.value.replace("_", " "),
            f" ({result.detail})" if result.detail else "",
            _REMEDIES[result.outcome],
        )


_REMEDIES = {
    Outcome.NO_LOG_CHANNEL: "A moderator can choose a channel with /logchannel set.",
    Outcome.LOG_CHANNEL_GONE: "A moderator can choose another channel with /logchannel set.",
    Outcome.MISSING_PERMISSION: (
        "The bot needs View Channel, Send Messages and Embed Links in the log channel."
    ),
    Outcome.FAILED: "The flags are in the database.",
    Outcome.MESSAGE_GONE: "",
}
