"""Carries out what was decided. Every error of Discord's ends here as an outcome.

The decision is in the database before anything here runs; what comes back is written beside it.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Awaitable
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

# Discord takes about one message a second in a channel. In a raid, more alerts than this per server
# are not queued but told in one line, so that neither memory nor moderators drown.
MOST_PENDING = 25

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


@dataclass(slots=True)
class _Traffic:
    """A server's alerts on their way, and how many found no room."""

    pending: int = 0
    crowded_out: int = 0


class Actions:
    """Does to the server what decisions ask for."""

    def __init__(self) -> None:
        self._complained: set[tuple[int, Outcome]] = set()
        self._traffic: defaultdict[int, _Traffic] = defaultdict(_Traffic)

    async def carry_out(self, flag: Flag) -> Result:
        """Alert the server's moderators.

        Returns
        -------
        Result
            Never raises for what Discord answers.
        """
        traffic = self._traffic[flag.server.id]
        if traffic.pending >= MOST_PENDING:
            traffic.crowded_out += 1
            return Result(Outcome.CROWDED_OUT)
        traffic.pending += 1
        try:
            result = await self._report(self._alert(flag), flag.server.id)
            if traffic.pending == 1 and traffic.crowded_out:
                count, traffic.crowded_out = traffic.crowded_out, 0
                await self._report(self._sum_up(flag, count), flag.server.id)
        finally:
            traffic.pending -= 1
            if not traffic.pending and not traffic.crowded_out:
                self._traffic.pop(flag.server.id, None)
        return result

    async def _report(self, action: Awaitable[Result], server_id: int) -> Result:
        """Await an action; whatever Discord answers becomes its result."""
        try:
            result = await action
        except discord.Forbidden as error:
            result = Result(Outcome.MISSING_PERMISSION, f"Discord error {error.code}")
        except discord.NotFound:
            result = Result(Outcome.LOG_CHANNEL_GONE)
        except (discord.HTTPException, OSError, TimeoutError) as error:
            result = Result(Outcome.FAILED, describe(error)[:200])
        self._tell_host(server_id, result)
        return result

    async def _alert(self, flag: Flag) -> Result:
        channel = await _log_channel(flag)
        if isinstance(channel, Result):
            return channel
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
        # The nonce (25 characters at most) lets Discord drop the second of two alerts when a crash
        # came between the sending and the settling.
        nonce = f"{message.id:x}-{flag.decision_id:x}"
        await channel.send(embed=card, nonce=nonce[:25])
        return Result(Outcome.ALERTED)

    async def _sum_up(self, flag: Flag, count: int) -> Result:
        channel = await _log_channel(flag)
        if isinstance(channel, Result):
            return channel
        await channel.send(
            f"{count} more messages were flagged, faster than Discord takes alerts. They are in "
            f"the log of decisions, near number {flag.decision_id}."
        )
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


async def _log_channel(flag: Flag) -> discord.abc.Messageable | Result:
    """The server's log channel, if the bot may post there; otherwise why not.

    Permissions are looked up first: 10,000 refused requests in ten minutes would lock the host out.
    """
    if flag.log_channel_id is None:
        return Result(Outcome.NO_LOG_CHANNEL)
    channel = await channel_by_id(flag.server, flag.log_channel_id)
    if not isinstance(channel, discord.abc.Messageable):
        return Result(Outcome.LOG_CHANNEL_GONE, "the log channel takes no messages")
    if lacking := missing_permissions(channel, ALERT_PERMISSIONS):
        return Result(Outcome.MISSING_PERMISSION, ", ".join(lacking))
    return channel


_REMEDIES = {
    Outcome.NO_LOG_CHANNEL: "A moderator can choose a channel with /logchannel set.",
    Outcome.LOG_CHANNEL_GONE: "A moderator can choose another channel with /logchannel set.",
    Outcome.MISSING_PERMISSION: (
        "The bot needs View Channel, Send Messages and Embed Links in the log channel."
    ),
    Outcome.FAILED: "The flags are in the database.",
}
