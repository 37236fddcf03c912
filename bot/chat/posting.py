"""Posts flags into servers' log channels, as fast as Discord takes them and no faster."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

import discord

from bot.chat.alert_card import Background
from bot.chat.card_upkeep import CardUpkeep, Shown
from bot.chat.carried import Carried, What
from bot.chat.crowds import Crowds
from bot.chat.faults import STUMBLES
from bot.chat.flag import Case, Result
from bot.chat.log_channel import find_log_channel
from bot.chat.stubborn import KEEP_TRYING_S, pauses
from bot.chat.unseen import Unseen
from bot.logs import describe
from bot.storage.decisions import Outcome

log = logging.getLogger(__name__)

# Discord takes about one message a second in a channel. In a raid, more alerts than this per server
# are not queued but told in one line, so that neither memory nor moderators drown.
MOST_PENDING = 25
# The longest pause before it is tried again to post a card.
_LONGEST_S = 10.0

Send = Callable[[discord.abc.Messageable], Awaitable[object]]
Make = Callable[[Carried, Background], Shown]


class Posting:
    """Posts cards, and now and then a line.

    Parameters
    ----------
    upkeep
        What is known about a card before it is posted, and who looks after it then.
    unseen
        Who hears of what could not be posted.
    """

    def __init__(self, upkeep: CardUpkeep, unseen: Unseen) -> None:
        self._upkeep = upkeep
        self._unseen = unseen
        self.crowds = Crowds(self._post_line, unseen)
        self._pending: Counter[int] = Counter()
        self._complained: set[tuple[int, Outcome]] = set()
        self._told_remedies: set[tuple[int, What, int]] = set()

    async def show(
        self, case: Case, carried: Carried, make: Make, *, again: bool = False
    ) -> Result:
        """Post the card of a flag, or count it where there is no room for one.

        Parameters
        ----------
        carried
            What was done about it so far.
        make
            Makes what is shown of it.
        again
            Whether an earlier run may have posted it.

        Returns
        -------
        Result
            Never raises, whatever Discord answers.
        """
        if again and await self._upkeep.has_card(case.decision_id):
            await self.refresh_in(case.server, case.decision_id)
            return Result(Outcome.ALERTED)
        server_id = case.server.id
        carried = self._remind_once(case, carried)
        if self._pending[server_id] >= MOST_PENDING:
            return Result(Outcome.CROWDED_OUT)
        self._pending[server_id] += 1
        try:
            background = await self._upkeep.background(
                server_id, case.author_id, case.message_id, case.decision_id
            )
            shown = make(carried, background)
            return await self._post(case, lambda channel: self._send(shown, case, channel))
        finally:
            self._pending[server_id] -= 1
            if not self._pending[server_id]:
                del self._pending[server_id]

    async def refresh_in(self, server: discord.Guild, decision_id: int) -> None:
        """Have a card that was posted tell what was done since. Never raises."""
        await self._upkeep.refresh_in(server, decision_id)

    async def drain(self) -> None:
        """Tell at once what is still to be told of crowds; for when the client closes."""
        await self.crowds.drain()
        await self._unseen.drain()

    async def _send(self, shown: Shown, case: Case, channel: discord.abc.Messageable) -> None:
        view = await self._upkeep.first_view(shown)
        card = await channel.send(embed=shown.card(), view=view, nonce=_nonce(case))
        await self._upkeep.posted(shown, case.message_id, card)

    async def _post_line(
        self, case: Case, words: str, view: discord.ui.View | None
    ) -> discord.Message | None:
        """Post a line about a crowd, of which this is the latest case."""
        posted: list[discord.Message] = []

        async def send(channel: discord.abc.Messageable) -> None:
            nonce = f"crowd-{case.decision_id:x}"
            if view is None:
                posted.append(await channel.send(words, nonce=nonce))
            else:
                posted.append(await channel.send(words, view=view, nonce=nonce))

        await self._post(case, send, flags=0)
        return posted[0] if posted else None

    def _remind_once(self, case: Case, carried: Carried) -> Carried:
        """Leave the remedy out of a card if an earlier one told it, until it has worked again."""
        deeds, server_id = [], case.server.id
        for deed in carried.deeds:
            # What may be deleted differs by channel; that it works in one says nothing of another.
            place = case.channel_id if deed.what is What.DELETE else 0
            key = server_id, deed.what, place
            if deed.done:
                self._told_remedies.discard(key)
            elif deed.remedy is not None and key not in self._told_remedies:
                self._told_remedies.add(key)
                log.warning("Server %d: no %s: %s", server_id, deed.what.value, deed.record)
            else:
                deed = replace(deed, remedy=None)
            deeds.append(deed)
        return replace(carried, deeds=tuple(deeds))

    async def _post(self, case: Case, send: Send, *, flags: int = 1) -> Result:
        """Post something that tells of so many flags by itself.

        A line about several is made anew, and tried again, by whoever keeps it true.
        """
        result = await _posted(case, send, stubbornly=bool(flags))
        self._tell_host(case.server.id, result)
        if result.outcome is Outcome.ALERTED:
            self._unseen.shown(case.server)
        else:
            self._unseen.failed(case.server, result.outcome, flags)
        return result

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


async def _posted(case: Case, send: Send, *, stubbornly: bool) -> Result:
    """Post; if `stubbornly`, again and again for some minutes where Discord stumbles."""
    loop = asyncio.get_running_loop()
    until = loop.time() + KEEP_TRYING_S
    for pause_s in pauses(_LONGEST_S):
        try:
            return await _posted_at_once(case, send)
        except STUMBLES as error:
            if not stubbornly or loop.time() + pause_s > until:
                return Result(Outcome.FAILED, describe(error)[:200])
        await asyncio.sleep(pause_s)
    raise AssertionError("pauses never end")


async def _posted_at_once(case: Case, send: Send) -> Result:
    try:
        channel = await find_log_channel(case.server, case.log_channel_id)
        if not isinstance(channel, discord.abc.Messageable):
            return Result(channel.outcome, channel.detail)
        await send(channel)
    except discord.Forbidden as error:
        return Result(Outcome.MISSING_PERMISSION, f"Discord error {error.code}")
    except discord.NotFound:
        return Result(Outcome.LOG_CHANNEL_GONE)
    except STUMBLES:
        raise
    except Exception as error:  # also an answer that discord.py cannot parse
        return Result(Outcome.FAILED, describe(error)[:200])
    return Result(Outcome.ALERTED)


def _nonce(case: Case) -> str:
    """What lets Discord drop the second of two alerts if a crash came before the settling.

    At most 25 characters.
    """
    return f"{case.message_id:x}-{case.decision_id:x}"[:25]


_REMEDIES = {
    Outcome.NO_LOG_CHANNEL: "A moderator can choose a channel with /logchannel set.",
    Outcome.LOG_CHANNEL_GONE: "A moderator can choose another channel with /logchannel set.",
    Outcome.MISSING_PERMISSION: (
        "The bot needs View Channel, Send Messages and Embed Links in the log channel."
    ),
    Outcome.FAILED: "The flags are in the database.",
}
