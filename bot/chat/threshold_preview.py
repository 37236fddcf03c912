"""What another threshold would have flagged, in words, a table and a picture."""

from __future__ import annotations

from datetime import date, timedelta
from types import MappingProxyType

import discord

from bot.charts.describe import Columns, Curve, Marker, Picture, Series, Tone
from bot.chat.captions import day_caption
from bot.chat.lookup import ServerChannel
from bot.chat.ruling import rules_at, scope_ids
from bot.chat.threshold_buttons import shortest
from bot.labels import Label
from bot.language import number, thousands, tr, trn
from bot.screening.presets import Presets
from bot.storage.preview import Estimate, Places, Preview
from bot.storage.server_settings import Own, ServerSettings

# Lines of the table; more days are put together by weeks.
_MOST_LINES = 14
# How far the curve goes below the lower of the two thresholds.
_BELOW = 0.1
_STEPS = 100


def places_of(
    server: discord.Guild,
    presets: Presets,
    settings: ServerSettings,
    label: Label,
    channel: ServerChannel | None,
) -> Places:
    """Where a threshold for `label` would hold: in the server, or in a channel or category.

    Of threads that are archived nothing is known here; they count as the server does.
    """
    usual = rules_at(presets, settings, channel).thresholds
    there = [*server.channels, *server.threads]
    if channel is not None:
        there = [one for one in there if channel.id in scope_ids(one)]
    own, untouched = {}, set()
    for one in there if settings.places else []:
        thresholds = rules_at(presets, settings, one).thresholds
        if thresholds != usual:
            own[one.id] = thresholds
        scopes = scope_ids(one)
        narrower = scopes if channel is None else scopes[scopes.index(channel.id) + 1 :]
        chosen = (settings.places.get(scope_id, Own()) for scope_id in narrower)
        if any(label in place.thresholds for place in chosen):
            untouched.add(one.id)
    only = None if channel is None else frozenset([channel.id, *(one.id for one in there)])
    return Places(label, usual, MappingProxyType(own), frozenset(untouched), only)


def preview_card(
    preview: Preview,
    now: float,
    value: float,
    *,
    retention_days: int,
    channel: ServerChannel | None,
) -> discord.Embed:
    """The answer to ``/thresholds preview``."""
    card = discord.Embed(
        title=tr(
            "{label} from {value} on, instead of {now}",
            label=preview.label.caption,
            value=shortest(value),
            now=shortest(now),
        ),
        colour=discord.Colour.blurple(),
    )
    lines = [] if channel is None else [tr("In {channel}", channel=channel.mention)]
    if not preview.flagged and not preview.passed:
        lines.append(
            tr(
                "There is nothing to count yet: no text was screened here since scores are kept. "
                "Ask again in a day or two."
            )
        )
        card.description = "\n".join(lines)
        return card
    lines += [_in_one_sentence(preview, now, value), _table(preview, now, value)]
    if value < now:
        lines += _notes(preview, preview.at(value))
    days = (preview.last - preview.first).days + 1
    if days > retention_days:
        lines.append(
            trn(
                "This server keeps scores for {count} day.",
                "This server keeps scores for {count} days.",
                retention_days,
            )
        )
    card.description = "\n".join(lines)
    card.set_footer(
        text=tr(
            "What would flag under today's thresholds, whichever label it flags for. Days are UTC; "
            "today's is not over."
        )
    )
    return card


def _in_one_sentence(preview: Preview, now: float, value: float) -> str:
    days = (preview.last - preview.first).days + 1
    before, after = preview.at(now), preview.at(value)
    values = {
        "now": shortest(now),
        "value": shortest(value),
        "before": _amount(before),
        "after": _amount(after),
    }
    if days == 1:
        return tr(
            "Of today's texts, **{before}** would flag at {now}, as it is, and **{after}** at "
            "{value}.",
            **values,
        )
    return tr(
        "Of the last {days} days' texts, **{before}** would flag at {now}, as it is, and "
        "**{after}** at {value}.",
        days=days,
        **values,
    )


def _amount(estimate: Estimate) -> str:
    """A number as it may be said: exact, or about so many, with its interval."""
    if estimate.exact:
        return number(round(estimate.count))
    if estimate.count == 0:
        return tr("at most about {most}", most=number(estimate.high))
    return tr(
        "about {count} ({low} to {high})",
        count=number(round(estimate.count)),
        low=number(estimate.low),
        high=number(estimate.high),
    )


def _table(preview: Preview, now: float, value: float) -> str:
    days = days_of(preview)
    size = 1 if len(days) <= _MOST_LINES else 7
    heads = [tr("day") if size == 1 else tr("week of"), shortest(now), shortest(value)]
    rows, unknown = [heads], [False]
    for first in range(0, len(days), size):
        together = days[first : first + size]
        counts = [
            sum((preview.at(threshold, day).count for day in together), 0.0)
            for threshold in (now, value)
        ]
        rows.append([day_caption(together[0]), *(number(round(count)) for count in counts)])
        unknown.append(value < now and any(day not in preview.sampled for day in together))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row, mark in zip(rows, unknown, strict=True):
        line = "  ".join(f"{word:>{width}}" for word, width in zip(row, widths, strict=True))
        lines.append(f"{line} ?" if mark else line)
    return "```\n" + "\n".join(lines) + "\n```"


def _notes(preview: Preview, counted: Estimate) -> list[str]:
    """What a number of texts that passed rests on."""
    notes = []
    if not counted.exact:
        known = sum(stock.known for stock in preview.passed)
        passed = sum(stock.stands_for for stock in preview.passed)
        notes.append(
            tr(
                "Of this server's {passed} texts that passed, the scores of {known} are kept; the "
                "rest is reckoned from them.",
                passed=number(passed),
                known=number(known),
            )
        )
    missing = [day for day in days_of(preview) if day not in preview.sampled]
    if missing:
        notes.append(
            trn(
                "On {count} day (?) no scores were kept of what passed, or nothing passed: only "
                "what was flagged is counted there.",
                "On {count} days (?) no scores were kept of what passed, or nothing passed: only "
                "what was flagged is counted there.",
                len(missing),
            )
        )
    return notes


def days_of(preview: Preview) -> list[date]:
    """The days of a preview, in their order."""
    length = (preview.last - preview.first).days + 1
    return [preview.first + timedelta(days=number) for number in range(length)]


def preview_picture(preview: Preview, now: float, value: float) -> Picture | None:
    """Day by day, and over all thresholds around the two; None where nothing would flag."""
    days = days_of(preview)
    before = [preview.at(now, day).count for day in days]
    after = [preview.at(value, day).count for day in days]
    if not any(before) and not any(after):
        return None
    both = tuple(min(pair) for pair in zip(before, after, strict=True))
    rest = tuple(abs(one - two) for one, two in zip(before, after, strict=True))
    if value <= now:
        names = (
            tr("at {value}", value=shortest(now)),
            tr("more at {value}", value=shortest(value)),
        )
        tones = (Tone.MAIN, Tone.BAD)
    else:
        names = (
            tr("at {value}", value=shortest(value)),
            tr("only at {value}", value=shortest(now)),
        )
        tones = (Tone.MAIN, Tone.MUTED)
    columns = Columns(
        title=tr("Flagged texts by day"),
        names=tuple(day_caption(day) for day in days),
        series=tuple(
            Series(name, values, tone)
            for name, values, tone in zip(names, (both, rest), tones, strict=True)
        ),
    )
    return Picture(((columns,), (_curve(preview, now, value),)), thousands())


def _curve(preview: Preview, now: float, value: float) -> Curve:
    lowest = max(int((min(now, value) - _BELOW) * _STEPS), 0)
    xs = sorted({step / _STEPS for step in range(lowest, _STEPS + 1)} | {now, value})
    heights = preview.curve(xs)
    at = dict(zip(xs, heights, strict=True))
    markers = [Marker(now, _caption(tr("now"), at[now]), Tone.MUTED)]
    if value != now:
        markers.append(Marker(value, _caption(shortest(value), at[value]), Tone.BAD))
    return Curve(
        title=tr("All days, by threshold for {label}", label=preview.label.caption),
        points=tuple(zip(xs, heights, strict=True)),
        markers=tuple(markers),
        x_caption=tr("threshold"),
        steps=True,
    )


def _caption(name: str, height: float) -> str:
    return f"{name}: {number(round(height))}"
