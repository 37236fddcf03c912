"""``/thresholds``: from which score on each label flags in this server."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.cards import threshold_table
from bot.chat.client import Hexward
from bot.chat.commands import LabelOption, Refusal, ThresholdOption, answer, clip, server_of
from bot.chat.rule_options import (
    AnyChannel,
    check_room,
    forget_deleted_places,
    resolve_channel,
)
from bot.chat.ruling import rules_at
from bot.labels import Label
from bot.screening.artifact import PRESET_NAMES
from bot.screening.policy import Rules
from bot.screening.presets import Presets
from bot.storage.servers import Servers

_MOST_SHOWN = 30

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
    @app_commands.describe(channel="What holds in this channel, forum or category")
    async def show(
        self, interaction: discord.Interaction[Hexward], channel: AnyChannel | None = None
    ) -> None:
        """Show the thresholds of this server, or of a channel"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        await forget_deleted_places(self._servers, server)
        await answer(interaction, embed=await self._card(server, channel))

    @app_commands.command(name="set")
    @app_commands.describe(
        label="What to look for",
        value="Flag from this score on: 0 (everything) to 1 (certain)",
        channel="Only in this channel, forum or category",
    )
    async def set_value(
        self,
        interaction: discord.Interaction[Hexward],
        label: LabelArgument,
        value: app_commands.Transform[float, ThresholdOption],
        channel: AnyChannel | None = None,
    ) -> None:
        """Set the threshold of one label"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        await check_room(self._servers, server.id, channel)
        before = (await self._rules(server, channel)).thresholds[label]
        channel_id = None if channel is None else channel.id
        await self._servers.set_threshold(server.id, label, value, channel_id=channel_id)
        where = "" if channel is None else f" in {channel.mention}"
        note = " Every message will be flagged for it." if value == 0 else ""
        await answer(
            interaction,
            f"**{label.caption}** now flags from **{value:g}** on{where} (before: {before:g})."
            f"{note}",
        )

    @app_commands.command()
    @app_commands.describe(
        label="Only this label; without it, all six",
        channel="Only the values of this channel, forum or category",
    )
    async def reset(
        self,
        interaction: discord.Interaction[Hexward],
        label: LabelArgument | None = None,
        channel: AnyChannel | None = None,
    ) -> None:
        """Go back to the preset's thresholds, or in a channel to the server's"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        channel_id = None if channel is None else channel.id
        await self._servers.reset_threshold(server.id, label, channel_id=channel_id)
        subject = "All thresholds are" if label is None else f"**{label.caption}** is"
        told = "back at the preset’s values."
        if channel is not None:
            told = f"back, in {channel.mention}, at what holds around it."
        card = await self._card(server, channel)
        await answer(interaction, f"{subject} {told}", embed=card)

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
        server = server_of(interaction)
        await self._servers.set_preset(server.id, chosen)
        card = await self._card(server)
        await answer(interaction, f"This server now uses **{chosen}**.", embed=card)

    async def _rules(self, server: discord.Guild, channel: AnyChannel | None) -> Rules:
        place = None if channel is None else await resolve_channel(server, channel)
        return rules_at(self._presets, await self._servers.get(server.id), place)

    async def _card(
        self, server: discord.Guild, channel: AnyChannel | None = None
    ) -> discord.Embed:
        rules = await self._rules(server, channel)
        settings = await self._servers.get(server.id)
        preset = self._presets.thresholds(settings.preset)
        card = discord.Embed(
            title="Thresholds",
            description=threshold_table(rules.thresholds, preset),
            colour=discord.Colour.blurple(),
        )
        own = len(settings.overrides)
        card.set_footer(text=f"Preset {settings.preset}" + (f", {own} set by hand" if own else ""))
        if channel is not None:
            card.description = f"In {channel.mention}\n{card.description}"
        elif places := [f"<#{id_}>" for id_, own in settings.places.items() if own.thresholds]:
            more = len(places) - _MOST_SHOWN
            others = " ".join(places[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")
            card.add_field(name="Values of their own", value=others, inline=False)
        return card
