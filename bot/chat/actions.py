"""Carries out what was decided: the message, its author, the notice, the card.

The decision is in the database before anything here runs; what comes back is written beside it.
Every error of Discord's ends here as an outcome. How to add an action: ``docs/extending.md``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import discord

from bot.chat.card_upkeep import CardUpkeep
from bot.chat.deeds import MEANS
from bot.chat.deeds.deletion import Deletion
from bot.chat.deeds.means import Means, Target
from bot.chat.deeds.timeout import Timeout
from bot.chat.durations import in_words
from bot.chat.enforcement import Carried, Deed, Hurdle
from bot.chat.notices import Notices
from bot.chat.posting import Flag, Posting, Result
from bot.errors import DatabaseError
from bot.labels import Label, Scores
from bot.rules import Action
from bot.storage.decisions import Outcome, RecordedDecision
from bot.storage.history import DeedResult, RecordedDeed
from bot.storage.verdicts import Verdicts

__all__ = ("Actions", "Flag", "Result")

log = logging.getLogger(__name__)

# Flags of a server that may wait for Discord, which lets through a few deeds a second. Beyond that
# a raid would take the room that other servers' messages need.
MOST_WAITING = 1_000


class Actions:
    """Does to the server what decisions ask for.

    Parameters
    ----------
    upkeep
        Looks after the cards.
    verdicts
        Where deeds are claimed before they are done, so that nothing is done twice.
    """

    def __init__(self, upkeep: CardUpkeep, verdicts: Verdicts) -> None:
        self._verdicts = verdicts
        self._posting = Posting(upkeep)
        self._means = tuple(means() for means in MEANS)
        self._notices = Notices()
        self._waiting: dict[int, int] = {}

    async def carry_out(self, flag: Flag) -> Result:
        """Do what the decision says, and tell moderators what came of it.

        Returns
        -------
        Result
            Never raises, whatever Discord answers.
        """
        decision = flag.decision
        if decision.action is Action.LOG:
            return Result(Outcome.LOGGED)
        means = [one for one in self._means if one.action.strength <= decision.action.strength]
        carried = _foreseen(flag, means)
        if decision.enforced:
            carried = await self._enforce(flag, carried, means)
        return self._settled(carried, await self._posting.show(flag, carried))

    async def time_out_late(self, server: discord.Guild, decision: RecordedDecision) -> Deed | None:
        """Time out the author of a message that is gone, for a decision that an earlier run left.

        Returns
        -------
        Deed or None
            None if somebody else has done it, or dismissed the flag. Never raises.
        """
        target = Target(
            channel_id=decision.channel_id,
            message_id=decision.message_id,
            author_id=decision.author_id,
            timeout=decision.timeout,
            reason=audit_reason(decision.id, decision.labels_over, decision.scores),
        )
        return await self._claimed(decision.id, Timeout(), server, target, taken_over=True)

    async def deleted_before(self, decision_id: int) -> bool:
        """Whether an earlier run deleted the message of a decision by the server's rules.

        Raises
        ------
        DatabaseError
            If it cannot be looked up.
        """
        deed = await self._left_behind(decision_id, Deletion())
        return deed is not None and deed.result is DeedResult.DONE

    async def drain(self) -> None:
        """Tell at once what is still to be told of crowds; for when the client closes."""
        await self._posting.drain()

    async def _enforce(self, flag: Flag, carried: Carried, means: Sequence[Means]) -> Carried:
        server_id = flag.server.id
        waiting = self._waiting.get(server_id, 0)
        if waiting >= MOST_WAITING:
            why = "Too much is to be done in this server at once."
            left = tuple(Deed(False, one.what, why, Hurdle.FAILED) for one in means)
            return replace(carried, deeds=left)
        self._waiting[server_id] = waiting + 1
        try:
            deeds = await asyncio.gather(*(self._do(one, flag) for one in means))
        finally:
            self._waiting[server_id] -= 1
            if not self._waiting[server_id]:
                del self._waiting[server_id]
        carried = replace(carried, deeds=tuple(deed for deed in deeds if deed is not None))
        if any(deed.done for deed in carried.deeds):
            told = await self._notices.tell(flag.notice, flag.message, flag.server)
            if told is not None:
                carried = carried.with_notice(told)
        return carried

    async def _do(self, means: Means, flag: Flag) -> Deed | None:
        decision, message = flag.decision, flag.message
        why_not = means.spares(message)
        if why_not is not None:
            return Deed(False, means.what, why_not, Hurdle.PROTECTED)
        target = Target(
            channel_id=message.channel.id,
            message_id=message.id,
            author_id=message.author.id,
            timeout=decision.timeout,
            reason=audit_reason(flag.decision_id, decision.labels_over, decision.scores),
        )
        return await self._claimed(
            flag.decision_id, means, flag.server, target, taken_over=flag.recovered
        )

    async def _claimed(
        self,
        decision_id: int,
        means: Means,
        server: discord.Guild,
        target: Target,
        *,
        taken_over: bool,
    ) -> Deed | None:
        """Do something unless it is done or under way already; then nothing comes back.

        Parameters
        ----------
        taken_over
            Whether an earlier run may have begun it.
        """
        duration = target.timeout if means.action is Action.TIMEOUT else None
        try:
            deed_id = await self._verdicts.begin(decision_id, means.kind, None, duration)
            if deed_id is None and taken_over:
                left = await self._left_behind(decision_id, means)
                if left is not None and left.result is DeedResult.DONE:
                    return Deed(True, means.what, until=left.ends_at())
                deed_id = None if left is None else left.id
            if deed_id is None:
                return None
            deed = await means.do(server, target)
        except DatabaseError as error:
            log.error("Decision %d: no %s: %s", decision_id, means.what.value, error)
            return Deed(False, means.what, "The database could not be written.", Hurdle.FAILED)
        try:
            await self._verdicts.finish(deed_id, done=deed.done, detail=deed.why_not)
        except DatabaseError as error:
            log.error("Decision %d: %s not on record: %s", decision_id, means.what.value, error)
        return deed

    async def _left_behind(self, decision_id: int, means: Means) -> RecordedDeed | None:
        """What the bot itself had done, or had begun, when it stopped."""
        history = await self._verdicts.history(decision_id)
        if history is None:
            return None
        deed = history.last(means.kind, DeedResult.BEGUN, DeedResult.DONE)
        return deed if deed is not None and deed.moderator_id is None else None

    def _settled(self, carried: Carried, shown: Result) -> Result:
        """What is settled: the strongest that was done; what failed is the detail."""
        failed = [f"{deed.what.value}: {deed.why_not}" for deed in carried.deeds if not deed.done]
        done = {deed.what for deed in carried.deeds if deed.done}
        if not done:
            details = [*failed, *([shown.detail] if shown.detail else [])]
            return Result(shown.outcome, "; ".join(details) or None)
        if shown.outcome is not Outcome.ALERTED:
            failed.append(" ".join(["card:", shown.outcome.value, shown.detail or ""]).strip())
        strongest = max(
            (means for means in self._means if means.what in done),
            key=lambda means: means.action.strength,
        )
        return Result(strongest.outcome, "; ".join(failed) or None)


def audit_reason(decision_id: int, labels_over: Iterable[Label], scores: Scores) -> str:
    """Why something is done, for the server's audit log: labels, scores, number of the decision."""
    over = ", ".join(f"{label.value} {scores[label]:.2f}" for label in labels_over)
    return f"Hexward decision {decision_id}: {over}"


def _foreseen(flag: Flag, means: Iterable[Means]) -> Carried:
    """What is known before anything is done, and all there is to tell in *observe*."""
    decision = flag.decision
    reasons = (one.spares(flag.message) for one in means)
    return Carried(
        mode=decision.mode,
        action=decision.action,
        timeout=decision.timeout,
        escalated_from=None if flag.before is None else _in_words(flag.before.timeout),
        earlier=flag.earlier,
        spared=next((reason for reason in reasons if reason is not None), None),
    )


def _in_words(timeout: timedelta | None) -> str:
    return "deleting the message" if timeout is None else f"a timeout of {in_words(timeout)}"
