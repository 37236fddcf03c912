"""The buttons under an alert card, and the choice of a timeout's length.

What they are about stands in their custom ids, so they work for as long as the card stands, also
after a restart of the bot. They do nothing by themselves: a click becomes an ``on_flag_click`` or
``on_timeout_choice`` of the client, and whoever listens does it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Self

import discord

from bot.chat.durations import in_words
from bot.chat.standing import Click
from bot.language import tr

TIMEOUTS = (
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=7),
    timedelta(days=28),
)
"""The timeouts that can be chosen."""


def _caption(click: Click) -> str:
    match click:
        case Click.UPHOLD:
            return tr("Uphold")
        case Click.DISMISS:
            return tr("Dismiss")
        case Click.DELETE:
            return tr("Delete")
        case Click.TIMEOUT:
            return tr("Timeout…")
        case Click.RENAME:
            return tr("Reset name")
        case Click.UNDO:
            return tr("Undo")


class FlagButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=rf"hexward:(?P<click>{'|'.join(Click)}):(?P<decision>[0-9]{{1,18}})",
):
    """One button under a card."""

    def __init__(self, click: Click, decision_id: int) -> None:
        style = discord.ButtonStyle.danger if click is Click.DELETE else None
        super().__init__(
            discord.ui.Button(
                label=_caption(click),
                style=style or discord.ButtonStyle.secondary,
                custom_id=f"hexward:{click}:{decision_id}",
            )
        )
        self.click = click
        self.decision_id = decision_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(Click(match["click"]), int(match["decision"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        interaction.client.dispatch("flag_click", interaction, self.click, self.decision_id)


class TimeoutChoice(
    discord.ui.DynamicItem[discord.ui.Select[Any]],
    template=r"hexward:timeout-for:(?P<decision>[0-9]{1,18})",
):
    """The menu in which a moderator chooses how long a timeout is to last."""

    def __init__(self, decision_id: int) -> None:
        super().__init__(
            discord.ui.Select(
                placeholder=tr("How long?"),
                custom_id=f"hexward:timeout-for:{decision_id}",
                options=[
                    discord.SelectOption(
                        label=in_words(duration), value=str(int(duration.total_seconds()))
                    )
                    for duration in TIMEOUTS
                ],
            )
        )
        self.decision_id = decision_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(int(match["decision"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        # Read from the event: nothing but the bot's own options is believed.
        event: Mapping[str, Any] = {**(interaction.data or {})}
        values = event.get("values")
        chosen = next((one for one in TIMEOUTS if [f"{one.total_seconds():.0f}"] == values), None)
        if chosen is not None:
            interaction.client.dispatch("timeout_choice", interaction, self.decision_id, chosen)


class AlertView(discord.ui.View):
    """The row of buttons under a card.

    Parameters
    ----------
    clicks
        The buttons, in their order.
    """

    def __init__(self, decision_id: int, clicks: Iterable[Click]) -> None:
        super().__init__(timeout=None)
        for click in clicks:
            self.add_item(FlagButton(click, decision_id))


class TimeoutView(discord.ui.View):
    """The menu of timeouts, which only the moderator who asked for it sees."""

    def __init__(self, decision_id: int) -> None:
        super().__init__(timeout=None)
        self.add_item(TimeoutChoice(decision_id))
