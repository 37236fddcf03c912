"""Posts flags into servers' log channels, as fast as Discord takes them and no faster."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import discord

from bot.chat.alert_card import Alert, alert_card
from bot.chat.card_upkeep import CardUpkeep
from bot.chat.enforcement import Carried, What
from bot.chat.log_channel import find_log_channel
from bot.chat.surfaces import Surface
from bot.logs import describe
from bot.screening.policy import Decision
from bot.storage.decisions import Outcome
from bot.storage.server_settings import Notice

log = logging.getLogger(__name__)

# Discord takes about one message a second in a channel. In a raid, more alerts than this per server
# are not queued but told in one line, so that neither memory nor moderators drown.
MOST_PENDING = 25
SUM_UP_EVERY_S = 10.0

Send = Callable[[discord.abc.Messageable], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Flag:
    """A recorded decision together with what it is about, ready to be acted on.

    Attributes
    ----------
    before
        The decision as it was without escalation; None if that changed nothing.
    earlier
        How many earlier flags of the author count.
    notice
        What the author is to be told.
    recovered
        Whether an earlier run has left it, perhaps in the middle of acting.
    """

    decision_id: int
    decision: Decision
    surface: Surface
    message: discord.Message
    server: discord.Guild
    log_channel_id: int | None
    model_version: str
    before: Decision | None = None
    earlier: int = 0
    notice: Notice = field(default_factory=Notice)
    recovered: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an action; `detail` is for the log of decisions, without message text."""

    outcome: Outcome
    detail: str | None = None


@dataclass(slots=True)
class _Crowd:
    """Flags of a server for which there was no room, to be told in one line."""

    latest: Flag
    telling: asyncio.Task[None]
    count: int = 0
    enforced: int = 0


class Posting:
    """Posts cards, and now and then a line.

    Parameters
    ----------
    upkeep
        What is known about a card before it is posted, and who looks after it then.
    """

    def __init__(self, upkeep: CardUpkeep) -> None:
        self._upkeep = upkeep
        self._pending: dict[int, int] = {}
        self._crowds: dict[int, _Crowd] = {}
        self._complained: set[tuple[int, Outcome]] = set()
        self._told_remedies: set[tuple[int, What, int]] = set()

    async def show(self, flag: Flag, carried: Carried) -> Result:
        """Post the card of a flag.

        Returns
        -------
        Result
            Never raises, whatever Discord answers.
        """
        server_id = flag.server.id
        carried = self._remind_once(flag, carried)
        pending = self._pending.get(server_id, 0)
        if pending >= MOST_PENDING:
            self._crowd_out(flag, carried)
            return Result(Outcome.CROWDED_OUT)
        self._pending[server_id] = pending + 1
        try:
            alert = await self._alert(flag, carried)
            return await self._post(flag, lambda channel: self._send(alert, flag, channel))
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

    async def _alert(self, flag: Flag, carried: Carried) -> Alert:
        message = flag.message
        return Alert(
            decision=flag.decision,
            decision_id=flag.decision_id,
            text=flag.surface.text,
            surface=flag.surface.name,
            author=message.author,
            person=message.webhook_id is None and not message.author.bot,
            channel_id=message.channel.id,
            jump_url=message.jump_url,
            posted_at=message.created_at,
            edited=message.edited_at is not None,
            model_version=flag.model_version,
            now=datetime.now(UTC),
            carried=carried,
            background=await self._upkeep.background(
                flag.server.id, message.author.id, message.id, flag.decision_id
            ),
        )

    async def _send(self, alert: Alert, flag: Flag, channel: discord.abc.Messageable) -> None:
        view = await self._upkeep.first_view(alert.decision_id)
        card = await channel.send(embed=alert_card(alert), view=view, nonce=_nonce(flag))
        await self._upkeep.posted(alert, flag.message.id, card)

    def _remind_once(self, flag: Flag, carried: Carried) -> Carried:
        """Leave the remedy out of a card if an earlier one told it, until it has worked again."""
        deeds, server_id = [], flag.server.id
        for deed in carried.deeds:
            # What may be deleted differs by channel; that it works in one says nothing of another.
            place = flag.message.channel.id if deed.what is What.DELETE else 0
            key = server_id, deed.what, place
            if deed.done:
                self._told_remedies.discard(key)
            elif deed.remedy is not None and key not in self._told_remedies:
                self._told_remedies.add(key)
                log.warning("Server %d: no %s: %s", server_id, deed.what.value, deed.why_not)
            else:
                deed = replace(deed, remedy=None)
            deeds.append(deed)
        return replace(carried, deeds=tuple(deeds))

    async def _post(self, flag: Flag, send: Send) -> Result:
        result = await _posted(flag, send)
        self._tell_host(flag.server.id, result)
        return result

    def _crowd_out(self, flag: Flag, carried: Carried) -> None:
        server_id = flag.server.id
        crowd = self._crowds.get(server_id)
        if crowd is None:
            telling = asyncio.create_task(self._sum_up_later(server_id), name="sum up flags")
            crowd = self._crowds[server_id] = _Crowd(flag, telling)
        if flag.decision_id > crowd.latest.decision_id:  # deeds end in another order
            crowd.latest = flag
        crowd.count += 1
        crowd.enforced += any(deed.done for deed in carried.deeds)

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
            last = crowd.latest.decision_id
            words = (
                f"{crowd.count} more messages were flagged, faster than Discord takes alerts. They "
                f"are in the log of decisions, up to number {last}."
            )
            if crowd.enforced:
                words += f" {crowd.enforced} of them were acted on."
            nonce = f"crowd-{last:x}"
            await self._post(crowd.latest, lambda channel: channel.send(words, nonce=nonce))

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


async def _posted(flag: Flag, send: Send) -> Result:
    try:
        channel = await find_log_channel(flag.server, flag.log_channel_id)
        if not isinstance(channel, discord.abc.Messageable):
            return Result(channel.outcome, channel.detail)
        await send(channel)
    except discord.Forbidden as error:
        return Result(Outcome.MISSING_PERMISSION, f"Discord error {error.code}")
    except discord.NotFound:
        return Result(Outcome.LOG_CHANNEL_GONE)
    except Exception as error:  # also an answer that discord.py cannot parse
        return Result(Outcome.FAILED, describe(error)[:200])
    return Result(Outcome.ALERTED)


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
