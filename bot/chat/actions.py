"""Carries out what was decided: the message, its author, the notice, the card.

The decision is in the database before anything here runs; what comes back is written beside it.
Every error of Discord's ends here as an outcome. How to add an action: ``docs/extending.md``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import discord

from bot.chat.alerts import alert_of, late_alert_of
from bot.chat.audit import Ground
from bot.chat.carried import PATIENCE, Carried, Deed, Hurdle
from bot.chat.claims import Claims
from bot.chat.crowds import Crowds
from bot.chat.deeds import MEANS
from bot.chat.deeds.means import Means, Target
from bot.chat.deeds.timeout import Timeout
from bot.chat.durations import in_words
from bot.chat.flag import Case, Flag, Result
from bot.chat.notices import Notices
from bot.chat.posting import Posting
from bot.errors import DatabaseError
from bot.language import tr
from bot.rules import Action
from bot.storage.decisions import Decisions, Outcome, RecordedDecision
from bot.storage.history import DeedResult, RecordedDeed
from bot.storage.verdicts import Verdicts

__all__ = ("Actions", "Flag", "Result")

log = logging.getLogger(__name__)

# Flags of a server that may wait for Discord with their messages in memory. Beyond that a raid
# would take the room that other servers' messages need: only their ids are kept.
MOST_WAITING = 500
# Flags of a server about which something may still be to be done, by their ids.
MOST_LATER = 10_000
# How long a message is kept whose card is posted, so that its author can be told once it is gone.
_TELL_WITHIN_S = 60.0

Doing = dict[Means, "asyncio.Task[Deed | None]"]


@dataclass(frozen=True, slots=True)
class Late:
    """What holds for a decision that an earlier run has left.

    Attributes
    ----------
    may_time_out
        Whether its author may be timed out still, by the server's mode and the time that passed.
    """

    log_channel_id: int | None
    may_time_out: bool


class Actions:
    """Does to the server what decisions ask for.

    Parameters
    ----------
    posting
        Posts the cards.
    verdicts
        Where deeds are claimed before they are done, so that nothing is done twice.
    decisions
        Where it is written down how those ended that took long.
    """

    def __init__(self, posting: Posting, verdicts: Verdicts, decisions: Decisions) -> None:
        self._claims = Claims(verdicts)
        self._decisions = decisions
        self._posting = posting
        self._means = tuple(means() for means in MEANS)
        self._notices = Notices()
        self._waiting: Counter[int] = Counter()
        self._later: Counter[int] = Counter()
        self._ending: set[asyncio.Task[None]] = set()
        self._doing: set[asyncio.Task[Deed | None]] = set()

    @property
    def crowds(self) -> Crowds:
        """Flags that came too fast for cards of their own."""
        return self._posting.crowds

    async def carry_out(self, flag: Flag) -> Result | None:
        """Do what the decision says, and tell moderators what came of it.

        Returns
        -------
        Result or None
            None: there is more to do than can be waited for; what came of it is settled here, in
            time. Never raises, whatever Discord answers.
        """
        decision = flag.decision
        if decision.action is Action.LOG:
            return Result(Outcome.LOGGED)
        means = [one for one in self._means if one.action.strength <= decision.action.strength]
        carried = _foreseen(flag, means)
        if not decision.enforced or not means:
            return self._settled(carried, await self._show(flag, carried))
        server_id = flag.server.id
        if self._waiting[server_id] >= MOST_WAITING:
            return self._without_card(flag, carried, means)
        doing = self._begin(flag, means)
        self._waiting[server_id] += 1
        try:
            await asyncio.wait(doing.values(), timeout=PATIENCE.total_seconds())
        except asyncio.CancelledError:
            for task in doing.values():
                task.cancel()
            raise
        finally:
            self._waiting[server_id] -= 1
        carried = replace(carried, deeds=_so_far(doing))
        if any(deed.done for deed in carried.deeds):
            told = await self._notices.tell(flag.notice, flag.message, flag.server)
            if told is not None:
                carried = carried.with_notice(told)
        pending = any(deed.hurdle is Hurdle.PENDING for deed in carried.deeds)
        shown = await self._show(flag, carried, pending=pending)
        if not pending:
            return self._settled(carried, shown)
        if not any(deed.done for deed in carried.deeds):
            self._follow(self._tell_later(flag, doing))
        self._end_later(flag.case, carried, shown, doing)
        return None

    async def finish_without(
        self, decision: RecordedDecision, server: discord.Guild, late: Late
    ) -> Result:
        """Finish what an earlier run left about a message that is gone meanwhile.

        Returns
        -------
        Result
            `Outcome.MESSAGE_GONE` if nothing was done and nothing is to be told. Never raises.
        """
        ground = Ground(decision.id, decision.labels_over, decision.scores)
        deeds = []
        for means in self._means:
            left = await self._left_behind(decision.id, means)
            if left is not None and left.result is DeedResult.DONE:
                deeds.append(Deed(True, means.what, until=left.ends_at()))
            elif left is not None and means.action is Action.DELETE:
                # Begun before the stop, and the message is gone: Discord's answer came too late.
                await self._claims.own(left)
                deeds.append(Deed(True, means.what))
            elif isinstance(means, Timeout) and late.may_time_out and decision.timeout is not None:
                target = Target(
                    channel_id=decision.channel_id,
                    message_id=decision.message_id,
                    author_id=decision.author_id,
                    timeout=decision.timeout,
                    ground=ground,
                )
                deed = await self._claims.do(means, server, target, taken_over=True)
                deeds += [deed] if deed is not None else []
        if not any(deed.done for deed in deeds):
            why = "; ".join(deed.record for deed in deeds if deed.record)
            return Result(Outcome.MESSAGE_GONE, why or None)
        carried = Carried(
            mode=decision.mode,
            action=Action(decision.action),
            deeds=tuple(deeds),
            timeout=decision.timeout,
        )
        case = Case(
            server,
            late.log_channel_id,
            decision.channel_id,
            decision.message_id,
            decision.author_id,
            decision.id,
        )
        make = partial(late_alert_of, decision, server.id)
        shown = await self._posting.show(case, carried, make, again=True)
        if shown.outcome is Outcome.CROWDED_OUT:
            self._posting.crowds.add(case, carried)
        return self._settled(carried, shown)

    async def drain(self) -> None:
        """Leave what takes long to the next start, and tell what is to be told of crowds; for when
        the client closes.
        """
        # Both: an end that is cancelled before it began hands that on to nothing.
        tasks = (*self._ending, *self._doing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for means in self._means:
            await means.stop()
        await self._posting.drain()

    # What is done.

    def _begin(self, flag: Flag, means: Sequence[Means]) -> Doing:
        """Begin everything that is to be done; deletions, which a raid needs most, first."""
        message = flag.message
        target = Target(
            channel_id=message.channel.id,
            message_id=message.id,
            author_id=message.author.id,
            timeout=flag.decision.timeout,
            ground=Ground(flag.decision_id, flag.decision.labels_over, flag.decision.scores),
        )
        doing = {
            one: asyncio.create_task(
                self._do(one, one.spares(message), flag.server, target, flag.recovered),
                name="carry out",
            )
            for one in means
        }
        for task in doing.values():
            self._doing.add(task)
            task.add_done_callback(self._doing.discard)
        return doing

    async def _do(
        self,
        means: Means,
        why_not: str | None,
        server: discord.Guild,
        target: Target,
        taken_over: bool,
    ) -> Deed | None:
        if why_not is not None:
            return Deed(False, means.what, why_not, Hurdle.PROTECTED)
        return await self._claims.do(means, server, target, taken_over=taken_over)

    def _without_card(self, flag: Flag, carried: Carried, means: Sequence[Means]) -> Result | None:
        """Have it done while the message is let go: there is no room for its card anyway."""
        crowded = Result(Outcome.CROWDED_OUT)
        if self._later[flag.server.id] >= MOST_LATER:
            why = tr("Too much is to be done in this server at once.")
            left = tuple(Deed(False, one.what, why, Hurdle.FAILED) for one in means)
            carried = replace(carried, deeds=left)
            self._posting.crowds.add(flag.case, carried)
            return self._settled(carried, crowded)
        self._posting.crowds.expect(flag.case)
        self._end_later(flag.case, carried, crowded, self._begin(flag, means))
        return None

    def _end_later(self, case: Case, carried: Carried, shown: Result, doing: Doing) -> None:
        self._later[case.server.id] += 1
        self._follow(self._end(case, carried, shown, doing))

    def _follow(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="end a flag")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _tell_later(self, flag: Flag, doing: Doing) -> None:
        """Tell the author, should something be done soon; the card was posted before."""
        server_id = flag.server.id
        self._waiting[server_id] += 1
        try:
            await asyncio.wait(doing.values(), timeout=_TELL_WITHIN_S)
        finally:
            self._waiting[server_id] -= 1
        if any(deed.done for deed in _so_far(doing)):
            await self._notices.tell(flag.notice, flag.message, flag.server)

    async def _end(self, case: Case, carried: Carried, shown: Result, doing: Doing) -> None:
        """Wait for what is still being done, write down how it ended, and tell it."""
        try:
            deeds = await asyncio.gather(*doing.values())
        finally:
            self._later[case.server.id] -= 1
        carried = replace(carried, deeds=tuple(deed for deed in deeds if deed is not None))
        result = self._settled(carried, shown)
        try:
            await self._decisions.settle(case.decision_id, result.outcome, result.detail)
        except DatabaseError as error:
            log.error("Decision %d was acted on but not settled: %s", case.decision_id, error)
        if shown.outcome is Outcome.CROWDED_OUT:
            self._posting.crowds.done(case, carried)
        else:
            await self._posting.refresh_in(case.server, case.decision_id)

    async def _left_behind(self, decision_id: int, means: Means) -> RecordedDeed | None:
        try:
            return await self._claims.left_behind(decision_id, means)
        except DatabaseError as error:
            log.error("Decision %d: its deeds cannot be read: %s", decision_id, error)
            return None

    # What is told.

    async def _show(self, flag: Flag, carried: Carried, *, pending: bool = False) -> Result:
        shown = await self._posting.show(
            flag.case, carried, partial(alert_of, flag), again=flag.recovered
        )
        if shown.outcome is Outcome.CROWDED_OUT and pending:
            self._posting.crowds.expect(flag.case)
        elif shown.outcome is Outcome.CROWDED_OUT:
            self._posting.crowds.add(flag.case, carried)
        return shown

    def _settled(self, carried: Carried, shown: Result) -> Result:
        """What is settled: the strongest that was done; what failed is the detail."""
        failed = [f"{deed.what.value}: {deed.record}" for deed in carried.deeds if not deed.done]
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


def _so_far(doing: Doing) -> tuple[Deed, ...]:
    """What became of everything, or that it is not done yet."""
    why = tr("Discord does not let it through yet.")
    deeds = (
        task.result() if task.done() else Deed(False, means.what, why, Hurdle.PENDING)
        for means, task in doing.items()
    )
    return tuple(deed for deed in deeds if deed is not None)


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
    if timeout is None:
        return tr("deleting the message")
    return tr("a timeout of {lasting}", lasting=in_words(timeout))
