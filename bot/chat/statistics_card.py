"""A server's sums as moderators see them: an embed with the numbers, and a picture of them."""

from __future__ import annotations

from datetime import UTC, datetime, time

import discord
from discord.utils import format_dt

from bot.charts.describe import Bars, Columns, Picture, Series, Tone
from bot.chat.captions import day_caption, percent_caption
from bot.labels import LABELS
from bot.language import number, thousands, tr, trn
from bot.storage.statistics import Deeds, Flags, ServerStatistics

PICTURE = "statistics.png"
"""The name of the attached picture, which the embed shows."""

_COLOUR = discord.Colour(0x56B4E9)
# So many of the hours are named.
_BUSIEST = 3
# With fewer verdicts than this a rate says little.
_FEW = 10


def statistics_card(found: ServerStatistics, unscreened: int) -> discord.Embed:
    """The numbers.

    Parameters
    ----------
    unscreened
        Messages that went unscreened and were not caught up with.
    """
    card = discord.Embed(
        title=trn(
            "The last day in this server",
            "The last {count} days in this server",
            (found.last - found.first).days + 1,
        ),
        colour=_COLOUR,
        description=_overview(found),
    )
    if found.flags.all:
        card.add_field(
            name=tr("Flags by label: all · upheld · false alarms"),
            value=_by_label(found),
            inline=False,
        )
        card.add_field(name=tr("Verdicts"), value=_verdicts(found.flags), inline=False)
        card.add_field(name=tr("What was done"), value=_done(found), inline=False)
    if any(found.hours):
        card.add_field(name=tr("Busiest hours"), value=_busiest(found), inline=False)
    if unscreened:
        card.add_field(
            name=tr("Unscreened"),
            value=trn(
                "One message is still to be caught up with.",
                "{count:,} messages are still to be caught up with.",
                unscreened,
            ),
            inline=False,
        )
    card.set_footer(
        text=tr(
            "Days are counted in UTC. A flag with two labels counts for both. In brackets: the "
            "share of false alarms among the flags that were judged."
        )
    )
    return card


def _overview(found: ServerStatistics) -> str:
    if not found.screened:
        return tr("Nothing was screened in this time.")
    texts = trn("**One** text was screened.", "**{count:,}** texts were screened.", found.screened)
    flags = trn(
        "**One** was flagged, {share} of them.",
        "**{count:,}** were flagged, {share} of them.",
        found.flags.all,
        share=percent_caption(found.flags.all / found.screened),
    )
    return f"{texts}\n{flags if found.flags.all else tr('None was flagged.')}"


def _by_label(found: ServerStatistics) -> str:
    """A line for each label that was flagged; a table with these words is wider than a phone."""
    lines = []
    for label in LABELS:
        flags = found.labels[label]
        if not flags.all:
            continue
        counts = " · ".join(number(one) for one in (flags.all, flags.upheld, flags.dismissed))
        rate = flags.false_alarm_rate
        share = "" if rate is None else f" ({percent_caption(rate)})"
        lines.append(f"**{label.caption}** {counts}{share}")
    return "\n".join(lines)


def _verdicts(flags: Flags) -> str:
    rate = flags.false_alarm_rate
    if rate is None:
        return tr("No flag was judged yet, so how many were false alarms is not known.")
    lines = [
        trn(
            "{rate} false alarms, by one verdict.",
            "{rate} false alarms, by {count:,} verdicts.",
            flags.judged,
            rate=percent_caption(rate),
        )
    ]
    if flags.judged < _FEW:
        lines.append(tr("So few verdicts say little."))
    if flags.unjudged:
        lines.append(
            trn("One flag was not judged.", "{count:,} flags were not judged.", flags.unjudged)
        )
    return "\n".join(lines)


def _done(found: ServerStatistics) -> str:
    lines = [
        tr(
            "Messages deleted: {rules:,} by this server’s rules, {moderators:,} by moderators.",
            rules=found.deletions.by_rules,
            moderators=found.deletions.by_moderators,
        ),
        tr(
            "Members timed out: {rules:,} times by this server’s rules, {moderators:,} by "
            "moderators.",
            rules=found.timeouts.by_rules,
            moderators=found.timeouts.by_moderators,
        ),
    ]
    if found.deletions == found.timeouts == Deeds():
        lines = [tr("No message was deleted and nobody was timed out.")]
    if found.timeouts.lifted:
        lines.append(
            trn(
                "One of these timeouts was lifted.",
                "{count:,} of these timeouts were lifted.",
                found.timeouts.lifted,
            )
        )
    if found.observed:
        lines.append(
            trn(
                "One message was left to moderators that the rules would have deleted if enforced.",
                "{count:,} messages were left to moderators that the rules would have deleted if "
                "enforced.",
                found.observed,
            )
        )
    return "\n".join(lines)


def _busiest(found: ServerStatistics) -> str:
    """The hours in the reader's own time, which only Discord knows."""
    order = sorted(range(24), key=lambda hour: (-found.hours[hour], hour))
    lines = []
    for hour in order[:_BUSIEST]:
        if found.hours[hour]:
            moment = datetime.combine(found.last, time(hour), UTC)
            lines.append(
                trn(
                    "From {time}: one text",
                    "From {time}: {count:,} texts",
                    found.hours[hour],
                    time=format_dt(moment, "t"),
                )
            )
    lines.append(tr("These are in your time; the picture shows UTC."))
    return "\n".join(lines)


def statistics_picture(found: ServerStatistics) -> Picture | None:
    """The picture; None where there is nothing to be seen."""
    rows: list[tuple[Bars | Columns, ...]] = []
    beneath: list[Bars | Columns] = []
    if found.flags.all:
        days = tuple(found.days)
        rows.append(
            (
                Columns(
                    tr("Flags by day"),
                    tuple(day_caption(day) for day in days),
                    _series(tuple(found.days[day] for day in days)),
                ),
            )
        )
        beneath.append(
            Bars(
                tr("Flags by label"),
                tuple(label.caption for label in LABELS),
                _series(tuple(found.labels[label] for label in LABELS)),
                tuple(number(found.labels[label].all) for label in LABELS),
            )
        )
    if any(found.hours):
        beneath.append(
            Columns(
                tr("Texts by hour (UTC)"),
                tuple(str(hour) for hour in range(24)),
                (Series("", tuple(map(float, found.hours))),),
            )
        )
    if beneath:
        rows.append(tuple(beneath))
    return Picture(tuple(rows), thousands()) if rows else None


def _series(flags: tuple[Flags, ...]) -> tuple[Series, ...]:
    return (
        Series(tr("Upheld"), tuple(float(one.upheld) for one in flags), Tone.BAD),
        Series(tr("False alarm"), tuple(float(one.dismissed) for one in flags), Tone.MAIN),
        Series(tr("Not judged"), tuple(float(one.unjudged) for one in flags), Tone.MUTED),
    )
