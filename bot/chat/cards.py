"""What moderators see: scores as bars, alert cards, answers to checks.

Discord's limits are respected by construction: a description takes 4,096 characters, a field 1,024,
an embed 6,000 in all.
"""

from __future__ import annotations

from datetime import datetime

import discord

from bot.chat.captions import preset_caption
from bot.labels import LABELS, Label, Thresholds
from bot.language import number, tr
from bot.screening.policy import Decision

ALARM = discord.Colour(0xD9534F)
CALM = discord.Colour(0x4F9D69)

_BAR_CELLS = 5


def bar(score: float) -> str:
    """A score as five cells: ``████░`` for 0.8."""
    filled = round(score * _BAR_CELLS)
    return "█" * filled + "░" * (_BAR_CELLS - filled)


def score_table(decision: Decision) -> str:
    """Six lines, one per label: name, bar, score against threshold, a mark where it flags.

    A line has at most 33 characters, which a phone shows unbroken inside an embed, unless a score
    and its threshold are so close that two digits do not tell them apart.
    """
    lines = []
    for label in LABELS:
        score, threshold = decision.scores[label], decision.thresholds[label]
        sign, mark = ("≥", " ⚑") if label in decision.labels_over else ("<", "")
        shown, limit = _told_apart(score, threshold)
        lines.append(f"{label.caption:<13} {bar(score)} {shown} {sign} {limit}{mark}")
    return "```\n" + "\n".join(lines) + "\n```"


def _told_apart(score: float, threshold: float) -> tuple[str, str]:
    """Both numbers with two digits, or as many as rounding needs to keep their order."""
    for digits in range(2, 7):
        shown, limit = f"{score:.{digits}f}", f"{threshold:.{digits}f}"
        if (float(shown) >= float(limit)) == (score >= threshold):
            return shown, limit
    return repr(score), repr(threshold)


def _short(value: float) -> str:
    """Two digits, or more if the number has them: ``0.80``, ``0.8125``."""
    whole, _, digits = f"{value:.4f}".partition(".")
    return f"{whole}.{digits.rstrip('0'):0<2}"


def threshold_table(thresholds: Thresholds, preset: Thresholds) -> str:
    """Six lines, one per label: its threshold, and in brackets the preset's where that differs."""
    lines, differs = [], False
    for label in LABELS:
        own, theirs = thresholds[label], preset[label]
        line = f"{label.caption:<13} {bar(own)} {_short(own)}"
        if own != theirs:
            line, differs = f"{line} ({_short(theirs)})", True
        lines.append(line)
    table = "```\n" + "\n".join(lines) + "\n```"
    legend = tr("-# In brackets: the preset’s value.")
    return f"{table}\n{legend}" if differs else table


def names(labels: tuple[Label, ...]) -> str:
    """Labels as people read them: ``Toxic, Insult``."""
    return ", ".join(label.caption for label in labels)


def verdict_card(decision: Decision, model_version: str, preset: str) -> discord.Embed:
    """The answer to a check: six bars, and what would flag in this server."""
    if decision.flagged:
        title = tr("Would be flagged: {labels}", labels=names(decision.labels_over))
        colour = ALARM
    else:
        title, colour = tr("Would not be flagged"), CALM
    card = discord.Embed(title=title, colour=colour, description=score_table(decision))
    card.set_footer(
        text=tr(
            "Preset {preset} · model {version}",
            preset=preset_caption(preset),
            version=model_version,
        )
    )
    return card


def age(then: datetime, now: datetime) -> str:
    """How long ago, in the largest fitting unit: ``4 s``, ``12 min``, ``3 h``, ``9 d``."""
    seconds = max((now - then).total_seconds(), 0.0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{number(seconds, ',.1f' if seconds < 10 else ',.0f')} s"
