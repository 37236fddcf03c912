"""Repeated flags of one author → a longer timeout. Pure: the earlier flags are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.rules import Action, Step
from bot.screening.policy import Decision


@dataclass(frozen=True, slots=True)
class Escalated:
    """A decision with what the author's earlier flags made of it.

    Attributes
    ----------
    decision
        As it is to be recorded and carried out.
    before
        As it was without the earlier flags; None if they changed nothing.
    earlier
        How many earlier flags count, within the longest window that there is.
    """

    decision: Decision
    before: Decision | None = None
    earlier: int = 0


def escalate(
    decision: Decision, steps: Sequence[Step], earlier: Sequence[datetime], now: datetime
) -> Escalated:
    """Raise a decision that deletes or times out to the longest timeout that was earned.

    What a server wants only logged or shown to moderators stays so, however often it comes.

    Parameters
    ----------
    earlier
        When the author's earlier flags were decided that moderators upheld or the bot enforced.
    now
        When `decision` was.
    """
    longest = max((step.window for step in steps), default=None)
    if longest is None:
        return Escalated(decision)
    count = sum(now - longest <= at for at in earlier)
    earned = [
        step.timeout
        for step in steps
        if sum(now - step.window <= at for at in earlier) >= step.flags
    ]
    timeout = max(earned, default=None)
    if timeout is None or not decision.action.acts:
        return Escalated(decision, earlier=count)
    if decision.timeout is not None and decision.timeout >= timeout:
        return Escalated(decision, earlier=count)
    raised = replace(decision, action=Action.TIMEOUT, timeout=timeout)
    return Escalated(raised, decision, count)
