"""The button under the line about a raid: what still stands is to be deleted.

Between which numbers the decisions are stands in its custom id, so it works as long as the line
stands, also after a restart of the bot. A click becomes an ``on_standing_click`` of the client.
"""

from __future__ import annotations

import re
from typing import Any, Self

import discord

from bot.language import tr


class StandingButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"hexward:standing:(?P<first>[0-9]{1,18})-(?P<last>[0-9]{1,18})",
):
    """Has the messages deleted that were to be, and stand."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__(
            discord.ui.Button(
                label=tr("Delete what still stands"),
                style=discord.ButtonStyle.danger,
                custom_id=f"hexward:standing:{first}-{last}",
            )
        )
        self.first = first
        self.last = last

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(int(match["first"]), int(match["last"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        interaction.client.dispatch("standing_click", interaction, self.first, self.last)


class StandingView(discord.ui.View):
    """The button alone."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__(timeout=None)
        self.add_item(StandingButton(first, last))
