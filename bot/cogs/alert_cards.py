"""Alert cards after they were posted: clicks on their buttons, and what becomes of messages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord
from discord.ext import commands

from bot.chat.buttons import FlagButton, TimeoutChoice
from bot.chat.card_changes import CardChanges
from bot.chat.card_upkeep import CardUpkeep
from bot.chat.client import Hexward
from bot.chat.desk import Desk
from bot.chat.standing import Click
from bot.storage.cards import Cards
from bot.storage.verdicts import Verdicts


class AlertCards(commands.Cog):
    """Hands what happens around cards to those who deal with it."""

    def __init__(
        self, client: Hexward, verdicts: Verdicts, cards: Cards, upkeep: CardUpkeep
    ) -> None:
        self._desk = Desk(client, verdicts, cards, upkeep)
        self._changes = CardChanges(client, cards, upkeep)
        client.add_dynamic_items(FlagButton, TimeoutChoice)
        client.before_close(self._desk.drain)
        client.before_close(self._changes.stop)
        client.before_close(upkeep.stop)

    @commands.Cog.listener()
    async def on_flag_click(
        self, interaction: discord.Interaction[Any], click: Click, decision_id: int
    ) -> None:
        await self._desk.clicked(interaction, click, decision_id)

    @commands.Cog.listener()
    async def on_timeout_choice(
        self, interaction: discord.Interaction[Any], decision_id: int, duration: timedelta
    ) -> None:
        await self._desk.chosen(interaction, decision_id, duration)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        # Discord also sends updates in which nobody edited anything: a link that unfolds, a pin.
        # Those of a message that was edited before name that edit's time, which is told already.
        edited_at = discord.utils.parse_time(event.data.get("edited_timestamp"))
        if event.guild_id is not None and edited_at is not None:
            self._changes.edited(event.message_id, edited_at)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        if event.guild_id is not None:
            self._changes.deleted([event.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        if event.guild_id is not None:
            self._changes.deleted(event.message_ids)

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        self._changes.channel_deleted(channel.guild.id, channel.id)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        self._changes.channel_deleted(event.guild_id, event.thread_id)
