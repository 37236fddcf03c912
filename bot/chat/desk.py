"""Does what moderators click under alert cards: once, and only what they may.

Every click is acknowledged first, then checked, then claimed in the database, then done; the card
shows it, and only what did not happen is said to who clicked.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import discord

from bot.chat.answers import done_before, judged_before, lasting_deeds, taken_back
from bot.chat.audit import Ground, named
from bot.chat.buttons import TimeoutView
from bot.chat.card_upkeep import CardUpkeep
from bot.chat.carried import Deed, Hurdle, What
from bot.chat.clicks import Clicks, Said, tell
from bot.chat.commands import Refusal
from bot.chat.durations import in_words
from bot.chat.faults import DISCORD_FAULTS
from bot.chat.lookup import Lookup, message_by_id
from bot.chat.may_act import check_may
from bot.chat.member_deeds import lift_timeout, subject, timeout_member
from bot.chat.message_deeds import delete_message
from bot.chat.renaming import reset_name
from bot.chat.standing import Click
from bot.chat.surfaces import stands_alone
from bot.language import tr
from bot.logs import describe
from bot.storage.cards import Cards, Change
from bot.storage.history import (
    STANDING,
    CardPlace,
    DeedKind,
    History,
    RecordedDeed,
    Verdict,
)
from bot.storage.members import FORGOTTEN
from bot.storage.verdicts import Verdicts

log = logging.getLogger(__name__)

_MOST_CLICKS = 200
# Seconds that clicks under way get to finish when the bot stops.
_DRAIN_S = 10.0


class NotDone(Refusal):
    """Why nothing was done, in one or two sentences for who clicked."""


class Desk:
    """Where the clicks under a client's cards arrive."""

    def __init__(
        self, client: discord.Client, verdicts: Verdicts, cards: Cards, upkeep: CardUpkeep
    ) -> None:
        self._client = client
        self._verdicts = verdicts
        self._cards = cards
        self._upkeep = upkeep
        self._lookup = Lookup()
        self._clicks = Clicks("clicks", most=_MOST_CLICKS, drain_s=_DRAIN_S)

    async def drain(self) -> None:
        """Take no more clicks and let those under way finish."""
        await self._clicks.drain()

    async def clicked(
        self, interaction: discord.Interaction[Any], click: Click, decision_id: int
    ) -> None:
        """Do what a button says. Never raises."""
        # The menu of timeouts comes as a reply of its own, the others change the card.
        asks = click is Click.TIMEOUT

        async def do() -> str | None:
            try:
                history = await self._looked_up(interaction, decision_id)
            except NotDone:
                if interaction.message is not None:
                    await self._upkeep.close(interaction.message)
                raise
            if history.card is None and interaction.message is not None:
                card = interaction.message
                place = CardPlace(decision_id, card.channel.id, card.id)
                by_webhook = await self._by_webhook(history)
                await self._cards.put(place, by_webhook=by_webhook)
            return await self._do(interaction, click, history)

        await self._handle(interaction, decision_id, do, thinking=asks)

    async def chosen(
        self, interaction: discord.Interaction[Any], decision_id: int, duration: timedelta
    ) -> None:
        """Time the author out for as long as was chosen. Never raises."""

        async def do() -> str:
            history = await self._looked_up(interaction, decision_id)
            await check_may(interaction, Click.TIMEOUT, history, self._lookup, lifts=False)
            decision = history.decision

            def time_out() -> Awaitable[Deed]:
                reason = _reason(history, interaction.user)
                return timeout_member(_server(interaction), decision.author_id, duration, reason)

            await self._once(interaction, history, DeedKind.TIMEOUT, time_out, duration)
            return tr(
                "{member} is timed out for {lasting}.",
                member=f"<@{decision.author_id}>",
                lasting=in_words(duration),
            )

        await self._handle(interaction, decision_id, do, in_place=True)

    async def _handle(
        self,
        interaction: discord.Interaction[Any],
        decision_id: int,
        do: Callable[[], Awaitable[str | None]],
        *,
        thinking: bool = False,
        in_place: bool = False,
    ) -> None:
        """Acknowledge, do it, say what there is to say, and bring the card up to date.

        Parameters
        ----------
        thinking
            Whether the answer is a message of its own in any case.
        in_place
            Whether the answer takes the place of the message that was clicked.
        """

        async def show(said: Said, done: bool) -> None:
            if in_place and isinstance(said, str):
                await _replace(interaction, said)
            else:
                await tell(interaction, said)
            shown = await self._upkeep.refresh(decision_id, self._client)
            if done and said is None and not shown:
                words = tr("That is done, but Discord did not let me change the alert to say so.")
                await tell(interaction, words)

        await self._clicks.handle(
            interaction,
            do,
            show,
            about=f"Decision {decision_id}",
            ephemeral=True,
            thinking=thinking,
        )

    async def _looked_up(self, interaction: discord.Interaction[Any], decision_id: int) -> History:
        history = await self._verdicts.history(decision_id)
        if history is None or history.decision.server_id != interaction.guild_id:
            raise NotDone(
                tr(
                    "Decision {number} is no longer in the log of this server.",
                    number=decision_id,
                )
            )
        if history.decision.author_id == FORGOTTEN:
            raise NotDone(
                tr(
                    "The author of decision {number} asked to be forgotten: nothing more can be "
                    "done about it here.",
                    number=decision_id,
                )
            )
        return history

    async def _by_webhook(self, history: History) -> bool:
        """Whether a webhook wrote what was flagged, of a card that never got on record."""
        decision = history.decision
        if stands_alone(decision.surface):
            return False
        try:
            with contextlib.suppress(discord.NotFound):
                message = await message_by_id(
                    self._client, decision.channel_id, decision.message_id
                )
                return message.webhook_id is not None
            await self._client.fetch_user(decision.author_id)
        except discord.NotFound:
            return True  # no user has this id
        except DISCORD_FAULTS as error:
            log.debug("Decision %d: who wrote it is not known: %s", decision.id, describe(error))
        return False

    async def _do(
        self, interaction: discord.Interaction[Any], click: Click, history: History
    ) -> str | None:
        running = history.timeout(datetime.now(UTC))
        lifts = running is not None and (
            click is Click.UNDO or (click is Click.DISMISS and history.verdict is None)
        )
        await check_may(interaction, click, history, self._lookup, lifts=lifts)
        match click:
            case Click.UPHOLD:
                return await self._judge(interaction, history, Verdict.UPHELD)
            case Click.DISMISS:
                return await self._judge(interaction, history, Verdict.DISMISSED)
            case Click.DELETE:
                return await self._delete(interaction, history)
            case Click.TIMEOUT:
                return await self._ask_how_long(interaction, history)
            case Click.RENAME:
                await self._rename(interaction, history)
                return None
            case Click.UNDO:
                return await self._undo(interaction, history)

    async def _judge(
        self, interaction: discord.Interaction[Any], history: History, verdict: Verdict
    ) -> str | None:
        decision_id = history.decision.id
        if not await self._verdicts.give(decision_id, verdict, interaction.user.id):
            raise NotDone(await self._why_not(interaction, decision_id, None))
        if verdict is Verdict.DISMISSED:
            timeout = await self._verdicts.claim_lifting(decision_id)
            if timeout is not None:
                return await self._lift(interaction, history, timeout)
        return None

    async def _delete(self, interaction: discord.Interaction[Any], history: History) -> str | None:
        decision = history.decision

        def delete() -> Awaitable[Deed]:
            return delete_message(
                _server(interaction),
                decision.channel_id,
                decision.message_id,
                _reason(history, interaction.user),
            )

        deed = await self._once(interaction, history, DeedKind.DELETE, delete)
        return None if deed.done else deed.why_not

    async def _rename(self, interaction: discord.Interaction[Any], history: History) -> None:
        decision = history.decision

        def rename() -> Awaitable[Deed]:
            reason = _reason(history, interaction.user)
            return reset_name(_server(interaction), decision.author_id, decision.surface, reason)

        await self._once(interaction, history, DeedKind.RENAME, rename)

    async def _ask_how_long(
        self, interaction: discord.Interaction[Any], history: History
    ) -> str | None:
        if history.timeout(datetime.now(UTC)) is not None:
            raise NotDone(await self._why_not(interaction, history.decision.id, DeedKind.TIMEOUT))
        found = await subject(_server(interaction), history.decision.author_id, What.TIMEOUT)
        if isinstance(found, Deed):  # who has left, say: the question would lead nowhere
            raise NotDone(_told(found))
        await interaction.followup.send(
            tr("How long is {member} to be timed out?", member=f"<@{history.decision.author_id}>"),
            view=TimeoutView(history.decision.id),
            ephemeral=True,
        )
        return None

    async def _undo(self, interaction: discord.Interaction[Any], history: History) -> str | None:
        taken = await self._verdicts.take_back(history.decision.id, interaction.user.id)
        if taken is None:
            raise NotDone(tr("There is nothing left to take back."))
        not_lifted = None
        if taken.timeout is not None:
            not_lifted = await self._lift(interaction, history, taken.timeout)
        lasting = lasting_deeds(history)
        if not_lifted is None and lasting is None:
            return None  # the card says it
        # What was undone is said beside what was not: it would look like a refusal otherwise.
        said = [taken_back(taken.verdict)] if taken.verdict is not None else []
        if taken.timeout is not None:
            said.append(not_lifted or tr("The timeout is lifted."))
        return " ".join([*said, *([lasting] if lasting is not None else [])])

    async def _lift(
        self, interaction: discord.Interaction[Any], history: History, given: RecordedDeed
    ) -> str | None:
        """Lift a timeout that was claimed; why it was not comes back."""
        deed = await lift_timeout(
            _server(interaction),
            history.decision.author_id,
            _reason(history, interaction.user),
            # It was given some time after it was claimed, and before that was written down.
            latest=None if given.duration is None else given.changed_at + given.duration,
        )
        over = deed.done or deed.hurdle in (Hurdle.ALREADY, Hurdle.LEFT)
        await self._verdicts.lifted(given.id, done=over, detail=deed.record if over else None)
        return None if deed.done else tr("The timeout was not lifted: {why}", why=_told(deed))

    async def _once(
        self,
        interaction: discord.Interaction[Any],
        history: History,
        kind: DeedKind,
        do: Callable[[], Awaitable[Deed]],
        duration: timedelta | None = None,
    ) -> Deed:
        """Do something that nobody else has done or is doing.

        Raises
        ------
        NotDone
            Somebody else was first, or it could not be done.
        """
        decision = history.decision
        deed_id = await self._verdicts.begin(decision.id, kind, interaction.user.id, duration)
        if deed_id is None:
            raise NotDone(await self._why_not(interaction, decision.id, kind))
        deed = await do()
        await self._verdicts.finish(deed_id, done=deed.done, detail=deed.record)
        if not deed.done:
            if kind is DeedKind.DELETE and deed.hurdle is Hurdle.GONE:
                change = Change(deleted_at=datetime.now(UTC))
                await self._cards.note({decision.message_id: change})
            raise NotDone(_told(deed))
        return deed

    async def _why_not(
        self, interaction: discord.Interaction[Any], decision_id: int, kind: DeedKind | None
    ) -> str:
        """Who was first, and what can be done about it."""
        history = await self._verdicts.history(decision_id)
        given = None if history is None else history.verdict
        if history is not None and kind is not None:
            deed = history.last(kind, *STANDING)
            if deed is not None:
                return done_before(deed, interaction.user.id)
        if given is not None:
            return judged_before(given, interaction.user.id)
        return tr("Somebody else was faster. Look at the card again.")


def _told(deed: Deed) -> str:
    told = " ".join(words for words in (deed.why_not, deed.remedy) if words)
    return told or tr("It failed.")


def _server(interaction: discord.Interaction[Any]) -> discord.Guild:
    if interaction.guild is None:
        raise NotDone(tr("This works in servers only."))
    return interaction.guild


def _reason(history: History, moderator: discord.abc.User) -> str:
    """For the server's audit log: the flag, and who clicked, since there it is the bot that did."""
    decision = history.decision
    return Ground(decision.id, decision.labels_over, decision.scores, named(moderator)).reason


async def _replace(interaction: discord.Interaction[Any], words: str) -> None:
    """Put words in the place of a menu that has served."""
    try:
        await interaction.edit_original_response(content=words, view=None)
    except Exception as error:  # the menu was dismissed, the token has expired
        log.warning("A reply could not be delivered: %s", describe(error))
