"""Deletes, when a moderator asks for it, what the rules wanted deleted and still stands.

Every click is acknowledged first, then checked, then claimed in the database, then done; two who
click at once share what there is. The answer counts what was deleted and what could not be.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from weakref import WeakValueDictionary

import discord
from discord.utils import format_dt

from bot.chat.audit import Ground, named
from bot.chat.card_upkeep import CardUpkeep
from bot.chat.carried import Deed, Hurdle, in_full
from bot.chat.clicks import Clicks, Said, tell
from bot.chat.crowds import Crowds, without_standing
from bot.chat.deletions import Deletions
from bot.chat.languages import speaking_as, speaking_to
from bot.chat.lookup import Lookup, permissions_in
from bot.chat.standing_button import StandingView
from bot.language import tr, trn
from bot.logs import describe
from bot.storage.standing_messages import Claimed, End, Numbers, StandingMessages

log = logging.getLogger(__name__)

_MOST_CLICKS = 20
# Seconds that clicks under way get to finish when the bot stops.
_DRAIN_S = 10.0
# Messages that are claimed together: what Discord deletes in one request.
_AT_ONCE = 100
# Seconds after which no more are begun. An answer can be given for a quarter of an hour, and
# deletions that Discord does not let through are tried for ten minutes.
_NO_MORE_AFTER_S = 240.0
# Reasons that an answer names, and characters of a message.
_MOST_REASONS = 3
_LONGEST = 2_000


@dataclass(slots=True)
class _Swept:
    """What became of messages, by their ids, and the decisions of those that have cards."""

    deeds: dict[int, Deed] = field(default_factory=dict)
    cards: list[int] = field(default_factory=list)
    looked: bool = False
    elsewhere: int = 0
    cut_short: bool = False

    @property
    def deleted(self) -> int:
        return sum(deed.done for deed in self.deeds.values())


class StandingDesk:
    """Where clicks on the button under lines about raids arrive."""

    def __init__(self, messages: StandingMessages, crowds: Crowds, upkeep: CardUpkeep) -> None:
        self._messages = messages
        self._crowds = crowds
        self._upkeep = upkeep
        self._lookup = Lookup()
        self._deletions = Deletions()
        # By the id of a line.
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._clicks = Clicks("clicks", most=_MOST_CLICKS, drain_s=_DRAIN_S)

    async def drain(self) -> None:
        """Take no more clicks and let those under way finish; what is left can be clicked again."""
        await self._clicks.drain()
        await self._deletions.stop()

    async def clicked(
        self, interaction: discord.Interaction[Any], first: int, last: int, language: str | None
    ) -> None:
        """Delete what still stands between two numbers. Never raises.

        Parameters
        ----------
        language
            In which the line is that was clicked; None: not known.
        """
        swept = _Swept()

        async def show(said: Said, _done: bool) -> None:
            # Discord takes about one change of a card a second, and who clicked has seen enough.
            try:
                await tell(interaction, said)
            finally:
                await self._show_all(interaction, first, last, language, swept)

        await self._clicks.handle(
            interaction,
            lambda: self._do(interaction, first, last, swept),
            show,
            about="What still stands",
            ephemeral=True,
            thinking=True,
        )

    async def _do(
        self, interaction: discord.Interaction[Any], first: int, last: int, swept: _Swept
    ) -> str:
        server, moderator = interaction.guild, interaction.user
        if server is None or not isinstance(moderator, discord.Member):
            return tr("This works in servers only.")
        numbers = Numbers(server.id, first, last)
        there = await self._messages.count(numbers)
        if not there:
            swept.looked = True
            return tr(
                "There is nothing left to delete: it is gone, was dismissed as a false alarm, or "
                "is being deleted just now."
            )
        allowed = {one for one in there if await self._may_delete(server, moderator, one)}
        if not allowed:
            return tr("You need the permission Manage Messages where these messages stand.")
        swept.looked = True
        await self._sweep(server, moderator, numbers, allowed, swept)
        swept.elsewhere = sum(count for one, count in there.items() if one not in allowed)
        return "\n".join(_words(swept))

    async def _may_delete(
        self, server: discord.Guild, moderator: discord.Member, channel_id: int
    ) -> bool:
        channel = server.get_channel_or_thread(channel_id) or await self._lookup.place(
            discord.Object(channel_id), server
        )
        return permissions_in(channel, moderator).manage_messages

    async def _sweep(
        self,
        server: discord.Guild,
        moderator: discord.Member,
        numbers: Numbers,
        channel_ids: set[int],
        swept: _Swept,
    ) -> None:
        clock = asyncio.get_running_loop().time
        until, after = clock() + _NO_MORE_AFTER_S, 0
        while claimed := await self._messages.claim(
            numbers, channel_ids, moderator.id, after=after, most=_AT_ONCE
        ):
            deeds = await asyncio.gather(
                *(self._delete(server, one, named(moderator)) for one in claimed)
            )
            ended = list(zip(claimed, deeds, strict=True))
            await self._messages.finish(
                {one.deed_id: End(deed.done, deed.record) for one, deed in ended}
            )
            for one, deed in ended:
                # A message has a decision for each of its texts; the next one finds it gone.
                known = swept.deeds.get(one.decision.message_id)
                if known is None or not known.done:
                    swept.deeds[one.decision.message_id] = deed
                if one.has_card:
                    swept.cards.append(one.decision.id)
            # One that could not be deleted is not tried twice for one click.
            after = claimed[-1].decision.id
            if clock() > until:
                swept.cut_short = True
                break

    async def _delete(self, server: discord.Guild, one: Claimed, by: str) -> Deed:
        decision = one.decision
        ground = Ground(decision.id, decision.labels_over, decision.scores, by)
        return await self._deletions.delete(
            server, decision.channel_id, decision.message_id, ground
        )

    async def _show_all(
        self,
        interaction: discord.Interaction[Any],
        first: int,
        last: int,
        language: str | None,
        swept: _Swept,
    ) -> None:
        """Have the line and the cards say what was done."""
        server = interaction.guild
        if server is None or not swept.looked:
            return
        numbers = Numbers(server.id, first, last)
        await self._show(interaction, server, numbers, language, swept.deleted)
        for decision_id in swept.cards:
            await self._upkeep.refresh_in(server, decision_id)

    async def _show(
        self,
        interaction: discord.Interaction[Any],
        server: discord.Guild,
        numbers: Numbers,
        language: str | None,
        deleted: int,
    ) -> None:
        """Have the line say who did it, and take the button away once nothing stands any more."""
        line = interaction.message
        if line is None:
            return
        # One after the other: each adds to what the line says by then.
        async with self._turns.setdefault(line.id, asyncio.Lock()):
            stands = bool(await self._messages.count(numbers))
            if stands and not deleted:
                return
            with speaking_to(server):  # the whole line is written anew
                words = _later(interaction.user, deleted) if deleted else None
                if await self._crowds.amend(server.id, line.id, words, stands=stands):
                    return
            with speaking_as(language, server):
                words = _later(interaction.user, deleted) if deleted else None
                view = StandingView(numbers.first, numbers.last) if stands else None
            try:
                now = await _said_in(line)
                if not stands:
                    now = without_standing(now)
                content = now if words is None else f"{now}\n{words}"
                await line.edit(content=content if len(content) <= _LONGEST else now, view=view)
            except Exception as error:  # somebody has deleted the line, or Discord fails
                log.info("A line about flags stays as it is: %s", describe(error))


async def _said_in(line: discord.Message) -> str:
    """What a line says by now, or what it said when it was clicked where the past is closed to us.

    Posting there takes no Read Message History.
    """
    try:
        return (await line.fetch()).content
    except discord.Forbidden:
        return line.content


def _later(moderator: discord.abc.User, deleted: int) -> str:
    return trn(
        "{who} had {count:,} more message deleted {when}.",
        "{who} had {count:,} more messages deleted {when}.",
        deleted,
        who=moderator.mention,
        when=format_dt(datetime.now(UTC), "R"),
    )


def _words(swept: _Swept) -> list[str]:
    lines = []
    if swept.deleted:
        lines.append(
            trn("{count:,} message was deleted.", "{count:,} messages were deleted.", swept.deleted)
        )
    failed = [deed for deed in swept.deeds.values() if not deed.done]
    if gone := sum(deed.hurdle is Hurdle.GONE for deed in failed):
        lines.append(
            trn(
                "{count:,} message was gone already.",
                "{count:,} messages were gone already.",
                gone,
            )
        )
    standing = Counter(in_full(deed) for deed in failed if deed.hurdle is not Hurdle.GONE)
    for why, count in standing.most_common(_MOST_REASONS):
        lines.append(
            trn(
                "{count:,} message still stands: {why}",
                "{count:,} messages still stand: {why}",
                count,
                why=why,
            )
        )
    if rest := sum(standing.values()) - sum(
        count for _, count in standing.most_common(_MOST_REASONS)
    ):
        lines.append(
            trn(
                "{count:,} more message still stands, for other reasons.",
                "{count:,} more messages still stand, for other reasons.",
                rest,
            )
        )
    if swept.elsewhere:
        lines.append(
            trn(
                "{count:,} message is where you lack the permission Manage Messages.",
                "{count:,} messages are where you lack the permission Manage Messages.",
                swept.elsewhere,
            )
        )
    if swept.cut_short:
        lines.append(tr("That took so long that the rest was left. Click again for it."))
    return lines or [tr("Somebody else was faster: they are being deleted just now.")]
