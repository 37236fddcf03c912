"""``/thresholds``: from which score on each label flags in this server."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.cards import threshold_table
from bot.chat.client import Hexward
from bot.chat.commands import LabelOption, Refusal, ThresholdOption, answer, clip, server_id
from bot.labels import Label
from bot.screening.artifact import PRESET_NAMES
from bot.screening.presets import Presets
from bot.storage.servers import Servers, ServerSettings

LabelArgument = app_commands.Transform[Label, LabelOption]


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class ThresholdCommands(
    commands.GroupCog, group_name="thresholds", group_description="When a message is flagged here"
):
    """A server's preset, and its own values over it."""

    def __init__(self, presets: Presets, servers: Servers) -> None:
        self._presets = presets
        self._servers = servers

    @app_commands.command()
    async def show(self, interaction: discord.Interaction[Hexward]) -> None:
        """Show the thresholds of this server"""
        await interaction.response.defer(ephemeral=True)
        settings = await self._servers.get(server_id(interaction))
        await answer(interaction, embed=self._card(settings))

    @app_commands.command(name="set")
    @app_commands.describe(
        label="What to look for", value="Flag from this score on: 0 (everything) to 1 (certain)"
    )
    async def set_value(
        self,
        interaction: discord.Interaction[Hexward],
        label: LabelArgument,
        value: app_commands.Transform[float, ThresholdOption],
    ) -> None:
        """Set the threshold of one label"""
        await interaction.response.defer(ephemeral=True)
        server = server_id(interaction)
        settings = await self._servers.get(server)
        before = self._presets.rules(settings.preset, settings.overrides).thresholds[label]
        await self._servers.set_threshold(server, label, value)
        note = " Every message will be flagged for it." if value == 0 else ""
        await answer(
            interaction,
            f"**{label.caption}** now flags from **{value:g}** on (before: {before:g}).{note}",
        )

    @app_commands.command()
    @app_commands.describe(label="Only this label; without it, all six")
    async def reset(
        self, interaction: discord.Interaction[Hexward], label: LabelArgument | None = None
    ) -> None:
        """Go back to the preset's thresholds"""
        await interaction.response.defer(ephemeral=True)
        server = server_id(interaction)
        await self._servers.reset_threshold(server, label)
        settings = await self._servers.get(server)
        subject = "All thresholds are" if label is None else f"**{label.caption}** is"
        await answer(
            interaction, f"{subject} back at the preset’s values.", embed=self._card(settings)
        )

    @app_commands.command()
    @app_commands.describe(name="How much to flag; replaces the values set by hand")
    @app_commands.choices(
        name=[
            app_commands.Choice(name="relaxed: only what is near certain", value="relaxed"),
            app_commands.Choice(name="balanced: the usual choice", value="balanced"),
            app_commands.Choice(name="strict: flags more, errs more", value="strict"),
        ]
    )
    async def preset(self, interaction: discord.Interaction[Hexward], name: str) -> None:
        """Choose a ready-made set of thresholds"""
        chosen = next((known for known in PRESET_NAMES if known == name.strip().lower()), None)
        if chosen is None:
            raise Refusal(
                f"“{clip(name)}” is not a preset. The presets are: {', '.join(PRESET_NAMES)}."
            )
        await interaction.response.defer(ephemeral=True)
        server = server_id(interaction)
        await self._servers.set_preset(server, chosen)
        settings = await self._servers.get(server)
        await answer(interaction, f"This server now uses **{chosen}**.", embed=self._card(settings))

    def _card(self, settings: ServerSettings) -> discord.Embed:
        preset = self._presets.thresholds(settings.preset)
        rules = self._presets.rules(settings.preset, settings.overrides)
        card = discord.Embed(
            title="Thresholds",
            description=threshold_table(rules.thresholds, preset),
            colour=discord.Colour.blurple(),
        )
        own = len(settings.overrides)
        card.set_footer(text=f"Preset {settings.preset}" + (f", {own} set by hand" if own else ""))
        return card
