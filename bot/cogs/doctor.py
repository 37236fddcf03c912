"""``/doctor``: what keeps Hexward from its work in this server, and the way out."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.checkup import Checkup
from bot.chat.client import Hexward
from bot.chat.commands import answer, server_of
from bot.chat.findings import findings_card, problems
from bot.language import tr, trn


class DoctorCommand(commands.Cog):
    """Looks at permissions, roles, channels and rules, and at the bot's own health."""

    def __init__(self, checkup: Checkup) -> None:
        self._checkup = checkup

    @app_commands.command()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def doctor(self, interaction: discord.Interaction[Hexward]) -> None:
        """Find out what keeps Hexward from its work here"""
        await interaction.response.defer(ephemeral=True)
        findings = await self._checkup.whole(server_of(interaction))
        count = len(problems(findings))
        title = tr("Everything is well")
        if count:
            title = trn("{count} thing to look at", "{count} things to look at", count)
        await answer(interaction, embed=findings_card(findings, title))
