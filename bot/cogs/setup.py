"""``/setup``: one panel with everything a new server has to choose."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.commands import server_of
from bot.chat.setup_desk import SetupDesk
from bot.chat.setup_parts import Choice, SetupPart


class SetupCommand(commands.Cog):
    """Shows the panel, and hands what is chosen in it to the desk."""

    def __init__(self, client: Hexward, desk: SetupDesk) -> None:
        self._desk = desk
        client.add_dynamic_items(SetupPart)
        client.before_close(desk.drain)

    @app_commands.command()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def setup(self, interaction: discord.Interaction[Hexward]) -> None:
        """Set Hexward up for this server, step by step"""
        await interaction.response.defer(ephemeral=True)
        panel = await self._desk.panel(server_of(interaction))
        await interaction.followup.send(view=panel, ephemeral=True)

    @commands.Cog.listener()
    async def on_setup_choice(self, interaction: discord.Interaction[Any], choice: Choice) -> None:
        await self._desk.chosen(interaction, choice)
