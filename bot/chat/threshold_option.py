"""Thresholds that are offered while one is typed."""

from __future__ import annotations

from collections.abc import Iterator

from discord import app_commands

from bot.chat.captions import preset_caption
from bot.chat.threshold_buttons import shortest
from bot.labels import Label
from bot.language import tr
from bot.screening.artifact import PRESET_NAMES
from bot.screening.presets import Presets
from bot.screening.suggestion import Suggestion


def value_choices(
    typed: str | float, label: Label, now: float, presets: Presets, suggested: Suggestion
) -> list[app_commands.Choice[float]]:
    """What a label's threshold is, was suggested and is in each preset, as far as it fits.

    Parameters
    ----------
    typed
        What stands there by now; where nothing does, discord.py gives not a number (NaN).
    """
    begun = "" if typed != typed else str(typed).strip().replace(",", ".")
    offered: dict[float, str] = {}
    for value, why in _offers(label, now, presets, suggested):
        if shortest(value).startswith(begun):
            also = offered.get(value)
            offered[value] = why if also is None else f"{also}, {why}"
    return [
        app_commands.Choice(name=f"{shortest(value)}: {why}"[:100], value=value)
        for value, why in offered.items()
    ]


def _offers(
    label: Label, now: float, presets: Presets, suggested: Suggestion
) -> Iterator[tuple[float, str]]:
    yield now, tr("as it is now")
    if suggested.changes and suggested.threshold is not None:
        yield suggested.threshold, tr("suggested by verdicts")
    for name in PRESET_NAMES:
        yield presets.thresholds(name)[label], tr("preset {name}", name=preset_caption(name))
