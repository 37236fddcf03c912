"""Carries out what was decided. Every error of Discord's ends here as an outcome.

The decision is in the database before anything here runs; what comes back is written beside it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

import discord

from bot.chat.cards import alert_card
from bot.chat.log_channel import find_log_channel
from bot.chat.surfaces import Surface
from bot.logs import describe
from bot.screening.policy import Decision
from bot.storage.decisions import Outcome

log = logging.getLogger(__name__)

# Discord takes about one message a second in a channel. In a raid, more alerts than this per server
# are not queued but told in one line, so that neither memory nor moderators drown.
MOST_PENDING = 25
SUM_UP_EVERY_S = 10.0


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
class _Crowd:
    """Flags of a server for which there was no room, to be told in one line."""

    latest: Flag
    count: int
    telling: asyncio.Task[None]


class Actions:
    """Does to the server what decisions ask for."""

    def __init__(self) -> None:
        self._pending: dict[int, int] = {}
        self._crowds: dict[int, _Crowd] = {}
        self._complained: set[tuple[int, Outcome]] = set()

    async def carry_out(self, flag: Flag) -> Result:
        """Alert the server's moderators.

        Returns
        -------
        Result
            Never raises, whatever Discord answers.
        """
        server_id = flag.server.id
        pending = self._pending.get(server_id, 0)
        if pending >= MOST_PENDING:
            self._crowd_out(flag)
            return Result(Outcome.CROWDED_OUT)
        self._pending[server_id] = pending + 1
        try:
            return await self._send(flag, _alert(flag), _nonce(flag))
        finally:
            self._pending[server_id] -= 1
            if not self._pending[server_id]:
                del self._pending[server_id]

    async def drain(self) -> None:
        """Tell at once what is still to be told of crowds; for when the client closes."""
        crowds = list(self._crowds.values())
        for crowd in crowds:
            crowd.telling.cancel()
        await asyncio.gather(*(self._sum_up(crowd.latest.server.id) for crowd in crowds))

    async def _send(self, flag: Flag, content: str | discord.Embed, nonce: str) -> Result:
        result = await _post(flag, content, nonce)
        self._tell_host(flag.server.id, result)
        return result

    def _crowd_out(self, flag: Flag) -> None:
        server_id = flag.server.id
        crowd = self._crowds.get(server_id)
        if crowd is None:
            telling = asyncio.create_task(self._sum_up_later(server_id), name="sum up flags")
            self._crowds[server_id] = _Crowd(flag, 1, telling)
        else:
            crowd.latest = flag
            crowd.count += 1

    async def _sum_up_later(self, server_id: int) -> None:
        await asyncio.sleep(SUM_UP_EVERY_S)
        await self._sum_up(server_id)

    async def _sum_up(self, server_id: int) -> None:
        crowd = self._crowds.pop(server_id, None)
        if crowd is not None:
            log.warning(
                "Server %d: %d flags came faster than Discord takes alerts; the database has them",
                server_id,
                crowd.count,
            )
            await self._send(
                crowd.latest,
                f"{crowd.count} more messages were flagged, faster than Discord takes alerts. They "
                f"are in the log of decisions, up to number {crowd.latest.decision_id}.",
                f"crowd-{crowd.latest.decision_id:x}",
            )

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


async def _post(flag: Flag, content: str | discord.Embed, nonce: str) -> Result:
    try:
        channel = await find_log_channel(flag.server, flag.log_channel_id)
        if not isinstance(channel, discord.abc.Messageable):
            return Result(channel.outcome, channel.detail)
        if isinstance(content, discord.Embed):
            await channel.send(embed=content, nonce=nonce)
        else:
            await channel.send(content, nonce=nonce)
    except discord.Forbidden as error:
        return Result(Outcome.MISSING_PERMISSION, f"Discord error {error.code}")
    except discord.NotFound:
        return Result(Outcome.LOG_CHANNEL_GONE)
    except Exception as error:  # also an answer that discord.py cannot parse
        return Result(Outcome.FAILED, describe(error)[:200])
    return Result(Outcome.ALERTED)


def _alert(flag: Flag) -> discord.Embed:
    message = flag.message
    return alert_card(
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
        now=datetime.now(UTC),
    )


def _nonce(flag: Flag) -> str:
    """What lets Discord drop the second of two alerts if a crash came before the settling.

    At most 25 characters.
    """
    return f"{flag.message.id:x}-{flag.decision_id:x}"[:25]


_REMEDIES = {
    Outcome.NO_LOG_CHANNEL: "A moderator can choose a channel with /logchannel set.",
    Outcome.LOG_CHANNEL_GONE: "A moderator can choose another channel with /logchannel set.",
    Outcome.MISSING_PERMISSION: (
        "The bot needs View Channel, Send Messages and Embed Links in the log channel."
    ),
    Outcome.FAILED: "The flags are in the database.",
}
