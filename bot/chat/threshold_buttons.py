"""The button that sets thresholds which were shown beforehand.

The values stand in its custom id, so it works after a restart of the bot. It does nothing by
itself: a click becomes an ``on_thresholds_click`` of the client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

import discord

from bot.labels import LABELS, Label
from bot.language import tr

_NOT_SET = "-"
# Six values of at most nine characters, and an id, stay below the 100 that Discord takes.
_VALUE = r"(?:-|[01]|0\.[0-9]{1,7})"


class ThresholdsButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=rf"hexward:thresholds:(?P<scope>[0-9]{{1,20}}):(?P<values>{_VALUE}(?:/{_VALUE}){{5}})",
):
    """Sets some labels' thresholds.

    Parameters
    ----------
    channel_id
        The scope they are set in; None: the whole server.
    values
        The new thresholds, with at most seven digits each.
    """

    def __init__(self, values: Mapping[Label, float], channel_id: int | None = None) -> None:
        written = "/".join(
            shortest(values[label]) if label in values else _NOT_SET for label in LABELS
        )
        super().__init__(
            discord.ui.Button(
                label=tr("Set it") if len(values) == 1 else tr("Set these"),
                style=discord.ButtonStyle.primary,
                custom_id=f"hexward:thresholds:{channel_id or 0}:{written}",
            )
        )
        self.values = MappingProxyType(dict(values))
        self.channel_id = channel_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        written = match["values"].split("/")
        values = {
            label: float(value)
            for label, value in zip(LABELS, written, strict=True)
            if value != _NOT_SET
        }
        return cls(values, int(match["scope"]) or None)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        interaction.client.dispatch("thresholds_click", interaction, self.values, self.channel_id)


class ThresholdsView(discord.ui.View):
    """The button alone; only the moderator who asked sees it."""

    def __init__(self, values: Mapping[Label, float], channel_id: int | None = None) -> None:
        super().__init__(timeout=None)
        self.add_item(ThresholdsButton(values, channel_id))


def shortest(value: float) -> str:
    """A threshold with as many of seven digits as it has: ``0.8``, ``1``."""
    return f"{value + 0.0:.7f}".rstrip("0").rstrip(".")
