"""What a look at something found, and how it is told: the worst first, each with the way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import discord

from bot.chat.cards import ALARM, CALM
from bot.language import trn

# What a card's description takes.
MOST_CHARACTERS = 4_096

_NOTE = discord.Colour(0xE0A030)


class Level(StrEnum):
    """How bad a finding is."""

    GOOD = "ok"
    DOUBTFUL = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    subject
        A word or two; empty where a heading says it.
    what
        What was found, in a sentence.
    remedy
        The way out, in a sentence; empty where there is nothing to mend.
    """

    level: Level
    subject: str
    what: str
    remedy: str = ""


_MARKS = {Level.BAD: "❌", Level.DOUBTFUL: "⚠️", Level.GOOD: "✅"}
_COLOURS = {Level.BAD: ALARM, Level.DOUBTFUL: _NOTE, Level.GOOD: CALM}
_URGENCY = {level: place for place, level in enumerate(_MARKS)}


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The same findings, problems first; those of one level keep their order."""
    return sorted(findings, key=lambda finding: _URGENCY[finding.level])


def problems(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that somebody should do something about, the worst first."""
    return [one for one in worst_first(findings) if one.level is not Level.GOOD]


def told(findings: Sequence[Finding], most: int = MOST_CHARACTERS) -> str:
    """Findings as lines of Discord's markdown, as many as fit.

    Parameters
    ----------
    most
        Characters that there is room for. What does not fit is counted in a last line.
    """
    pieces = [_line(finding) for finding in findings]
    shown = len(pieces)
    text = "\n".join(pieces)
    while len(text) > most and shown:
        shown -= 1
        left = len(pieces) - shown
        rest = trn("… and {count} finding more.", "… and {count} findings more.", left)
        text = "\n".join([*pieces[:shown], rest])
    return text


def findings_card(findings: Iterable[Finding], title: str) -> discord.Embed:
    """All findings in a card whose colour is that of the worst."""
    ordered = worst_first(findings)
    worst = ordered[0].level if ordered else Level.GOOD
    return discord.Embed(title=title, description=told(ordered), colour=_COLOURS[worst])


def _line(finding: Finding) -> str:
    subject = f"**{finding.subject}** · " if finding.subject else ""
    line = f"{_MARKS[finding.level]} {subject}{finding.what}"
    return f"{line}\n-# → {finding.remedy}" if finding.remedy else line
