"""What moderators' verdicts say of thresholds, as a table with what it rests on."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.chat.captions import percent_caption
from bot.chat.threshold_buttons import shortest
from bot.labels import Label
from bot.language import number, tr, trn
from bot.screening.suggestion import Precision, Suggestion


def suggestion_card(suggestions: Sequence[Suggestion], wanted: float) -> discord.Embed:
    """The answer to ``/thresholds suggest``: a field for each label, and how to read it."""
    card = discord.Embed(
        title=tr("Thresholds at which {share} of flags are right", share=percent_caption(wanted)),
        colour=discord.Colour.blurple(),
        description=tr(
            "From moderators' verdicts on flags of this server: upheld is right, dismissed is a "
            "false alarm. A threshold is suggested when the lower end of its interval reaches "
            "{share}, also for those flags that the label raised alone, once they are enough.",
            share=percent_caption(wanted),
        ),
    )
    for suggestion in suggestions:
        card.add_field(name=_heading(suggestion), value=_finding(suggestion, wanted), inline=False)
    card.set_footer(
        text=tr(
            "A verdict counts for every label that was over its threshold. Intervals are meant to "
            "hold the truth 90 times of 100. What was never flagged has no verdict, so nothing is "
            "known below thresholds that have held."
        )
    )
    return card


def suggested_values(suggestions: Sequence[Suggestion]) -> dict[Label, float]:
    """The thresholds that differ from those of now."""
    return {
        one.label: one.threshold for one in suggestions if one.changes and one.threshold is not None
    }


def _heading(suggestion: Suggestion) -> str:
    label, now = suggestion.label.caption, shortest(suggestion.now)
    if suggestion.changes and suggestion.threshold is not None:
        return tr(
            "{label}: {now} → {value}", label=label, now=now, value=shortest(suggestion.threshold)
        )
    return tr("{label}: {now}", label=label, now=now)


def _finding(suggestion: Suggestion, wanted: float) -> str:
    now, expected = suggestion.at_now, suggestion.expected
    if not suggestion.enough and suggestion.elsewhere:
        return trn(
            "Not enough verdicts yet: {verdicts}, and at least {needed} are needed. {count:,} more "
            "does not count at this threshold: a higher one held then, or its score lies below.",
            "Not enough verdicts yet: {verdicts}, and at least {needed} are needed. {count:,} more "
            "do not count at this threshold: a higher one held then, or their scores lie below.",
            suggestion.elsewhere,
            verdicts=number(now.verdicts),
            needed=suggestion.needed,
        )
    if not suggestion.enough:
        return tr(
            "Not enough verdicts yet: {verdicts}, and at least {needed} are needed.",
            verdicts=number(now.verdicts),
            needed=suggestion.needed,
        )
    if expected is None:
        return tr(
            "Right now {found}. No threshold is known at which {share} is sure.",
            found=_found(now),
            share=percent_caption(wanted),
        )
    if not suggestion.changes:
        return tr("Stays as it is: {found}.", found=_found(now))
    return tr("Now {found}. Then {expected}.", found=_found(now), expected=_found(expected))


def _found(precision: Precision) -> str:
    """How many were right, and between what the truth lies."""
    if not precision.verdicts:
        return tr("there are no verdicts")
    return trn(
        "{upheld} of {count} verdict right: {share} ({low} to {high})",
        "{upheld} of {count} verdicts right: {share} ({low} to {high})",
        precision.verdicts,
        upheld=number(precision.upheld),
        share=percent_caption(precision.share),
        low=percent_caption(precision.low),
        high=percent_caption(precision.high),
    )
