"""Lines about raids after they were posted: clicks on the button for what still stands."""

from __future__ import annotations

from typing import Any

import discord
from discord.ext import commands

from bot.chat.card_upkeep import CardUpkeep
from bot.chat.carried import Hurdle
from bot.chat.client import Hexward
from bot.chat.crowds import Crowds
from bot.chat.standing_button import StandingButton
from bot.chat.standing_desk import StandingDesk
from bot.storage.database import Database
from bot.storage.standing_messages import StandingMessages


class StandingClicks(commands.Cog):
    """Hands the clicks to the desk that deals with them."""

    def __init__(
        self, client: Hexward, database: Database, crowds: Crowds, upkeep: CardUpkeep
    ) -> None:
        messages = StandingMessages(database, gone=Hurdle.GONE.value)
        self._desk = StandingDesk(messages, crowds, upkeep)
        client.add_dynamic_items(StandingButton)
        client.before_close(self._desk.drain)

    @commands.Cog.listener()
    async def on_standing_click(
        self, interaction: discord.Interaction[Any], first: int, last: int, language: str | None
    ) -> None:
        await self._desk.clicked(interaction, first, last, language)
