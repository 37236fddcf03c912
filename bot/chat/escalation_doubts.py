"""What is odd about an escalation, though it is possible: sentences for who chooses it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.chat.durations import in_words
from bot.language import tr
from bot.rules import Step


def doubts(steps: Sequence[Step], retention_days: int) -> list[str]:
    """What will not be as the steps make one think, a sentence each; empty if all is well.

    Parameters
    ----------
    retention_days
        For so long decisions are kept, and can be counted.
    """
    return [*forgotten(steps, retention_days), *_milder(steps)]


def forgotten(steps: Sequence[Step], retention_days: int) -> list[str]:
    """A sentence if steps count flags that are deleted before their window ends."""
    kept = timedelta(days=retention_days)
    longest = max((step.window for step in steps), default=kept)
    if longest <= kept:
        return []
    return [
        tr(
            "The escalation looks back {window}, but flags are deleted when they are {kept} old, "
            "and then count no more: choose a shorter window with `/escalation set`, or keep flags "
            "longer with `/privacy retention`.",
            window=in_words(longest),
            kept=in_words(kept),
        )
    ]


def _milder(steps: Sequence[Step]) -> list[str]:
    """A sentence on the first step whose timeout is shorter than that of a lower one."""
    in_order = sorted(steps, key=lambda step: step.flags)
    for place, step in enumerate(in_order):
        for lower in in_order[:place]:
            if lower.timeout > step.timeout:
                return [
                    tr(
                        "The step with {more} flags has a shorter timeout ({short}) than the one "
                        "with {fewer} ({long}). Where both apply, the longer timeout is given.",
                        more=step.flags,
                        short=in_words(step.timeout),
                        fewer=lower.flags,
                        long=in_words(lower.timeout),
                    )
                ]
    return []
