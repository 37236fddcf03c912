"""The button under the line about a raid: what still stands is to be deleted.

Between which numbers the decisions are, and the language of the line, stand in its custom id, so it
works as long as the line stands, also after a restart of the bot. A click becomes an
``on_standing_click`` of the client.
"""

from __future__ import annotations

import re
from typing import Any, Self

import discord

from bot.language import spoken, tr


class StandingButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    # Lines of before have no language.
    template=r"hexward:standing:(?P<first>[0-9]{1,18})-(?P<last>[0-9]{1,18})"
    r"(?::(?P<language>[A-Za-z-]{1,16}))?",
):
    """Has the messages deleted that were to be, and stand.

    Parameters
    ----------
    first, last
        Between which numbers the decisions are.
    language
        The line's; None: not known.
    """

    def __init__(self, first: int, last: int, language: str | None) -> None:
        super().__init__(
            discord.ui.Button(
                label=tr("Delete what still stands"),
                style=discord.ButtonStyle.danger,
                custom_id=f"hexward:standing:{first}-{last}{f':{language}' if language else ''}",
            )
        )
        self.first = first
        self.last = last
        self.language = language

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(int(match["first"]), int(match["last"]), match["language"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        interaction.client.dispatch(
            "standing_click", interaction, self.first, self.last, self.language
        )


class StandingView(discord.ui.View):
    """The button alone, in the language at hand, which is that of the line above it."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__(timeout=None)
        self.add_item(StandingButton(first, last, spoken()))
