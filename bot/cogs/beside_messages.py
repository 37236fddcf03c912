"""``/screening``: what is looked at beside messages."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.commands import answer, server_id
from bot.chat.intents import Privileged, reduced
from bot.language import tr
from bot.storage.servers import Servers


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class ScreeningCommands(
    commands.GroupCog,
    group_name="screening",
    group_description="What is looked at beside messages",
):
    """Chooses whether titles and names are screened."""

    def __init__(self, client: Hexward, servers: Servers) -> None:
        self._client = client
        self._servers = servers

    @app_commands.command()
    @app_commands.describe(screen="Whether titles of threads and forum posts are screened")
    async def titles(self, interaction: discord.Interaction[Hexward], screen: bool) -> None:
        """Screen the titles of threads and forum posts, or leave them alone"""
        await interaction.response.defer(ephemeral=True)
        await self._servers.set_screen_titles(server_id(interaction), screen)
        await answer(interaction, _titles(screen))

    @app_commands.command()
    @app_commands.describe(screen="Whether the names under which members are seen are screened")
    async def names(self, interaction: discord.Interaction[Hexward], screen: bool) -> None:
        """Screen the names of members who join or change theirs, or leave them alone"""
        await interaction.response.defer(ephemeral=True)
        await self._servers.set_screen_names(server_id(interaction), screen)
        await answer(interaction, self._names(screen))

    @app_commands.command()
    async def show(self, interaction: discord.Interaction[Hexward]) -> None:
        """Show what is looked at in this server"""
        await interaction.response.defer(ephemeral=True)
        settings = await self._servers.get(server_id(interaction))
        whole = self._client.asked.message_content
        messages = tr("Messages are screened.") if whole else reduced()
        lines = [messages, _titles(settings.screen_titles), self._names(settings.screen_names)]
        await answer(interaction, "\n".join(lines))

    def _names(self, screen: bool) -> str:
        if not screen:
            return tr("Names of members are left alone.")
        if self._client.asked.members:
            return tr("Names are screened when a member joins or changes theirs.")
        cannot = tr(
            "Names are to be screened, but cannot be. Discord tells this bot nothing of names: it "
            "runs without the Server Members intent. Whoever hosts it has to set "
            "MEMBERS_INTENT=true."
        )
        return f"{cannot} {Privileged.MEMBERS.remedy}"


def _titles(screen: bool) -> str:
    if screen:
        return tr("Titles of threads and forum posts are screened.")
    return tr("Titles of threads and forum posts are left alone.")
