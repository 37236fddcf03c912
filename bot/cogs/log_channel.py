"""``/logchannel``: where this server's moderators see what was flagged."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.actions import ALERT_PERMISSIONS
from bot.chat.client import Hexward, missing_permissions
from bot.chat.commands import Refusal, answer, server_id
from bot.chat.lookup import channel_by_id
from bot.storage.servers import Servers


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class LogChannelCommands(
    commands.GroupCog, group_name="logchannel", group_description="Where alerts are posted"
):
    """Chooses the channel for alerts, after making sure the bot may speak there."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    @app_commands.command(name="set")
    @app_commands.describe(channel="A channel that only moderators can read")
    async def set_channel(
        self,
        interaction: discord.Interaction[Hexward],
        channel: discord.TextChannel | discord.VoiceChannel | discord.Thread,
    ) -> None:
        """Post alerts in this channel"""
        await interaction.response.defer(ephemeral=True)
        if lacking := missing_permissions(channel, ALERT_PERMISSIONS):
            raise Refusal(
                f"I cannot post alerts in {channel.mention}: there I lack {', '.join(lacking)}. "
                "Nothing was changed."
            )
        await self._servers.set_log_channel(server_id(interaction), channel.id)
        warning = ""
        if channel.permissions_for(channel.guild.default_role).view_channel:
            warning = (
                "\nEverybody can read that channel. Alerts show what was flagged and who wrote it; "
                "a channel for moderators only is the better place."
            )
        await answer(interaction, f"Alerts are now posted in {channel.mention}.{warning}")

    @app_commands.command()
    async def clear(self, interaction: discord.Interaction[Hexward]) -> None:
        """Post no more alerts"""
        await interaction.response.defer(ephemeral=True)
        server = server_id(interaction)
        before = (await self._servers.get(server)).log_channel_id
        await self._servers.set_log_channel(server, None)
        await answer(
            interaction,
            "There was no log channel."
            if before is None
            else f"Alerts are no longer posted in <#{before}>. Flags are still logged.",
        )

    @app_commands.command()
    async def show(self, interaction: discord.Interaction[Hexward]) -> None:
        """Show where alerts are posted, and whether the bot can post there"""
        await interaction.response.defer(ephemeral=True)
        channel_id = (await self._servers.get(server_id(interaction))).log_channel_id
        await answer(interaction, await _state(interaction, channel_id))


async def _state(interaction: discord.Interaction[Hexward], channel_id: int | None) -> str:
    if channel_id is None:
        return "No log channel is set, so nobody sees alerts. Choose one with `/logchannel set`."
    if interaction.guild is None:
        raise app_commands.NoPrivateMessage
    try:
        channel = await channel_by_id(interaction.guild, channel_id)
        lacking = missing_permissions(channel, ALERT_PERMISSIONS)
    except discord.NotFound:
        return "The log channel was deleted. Choose another with `/logchannel set`."
    except discord.Forbidden:
        lacking = ["View Channel"]
    if lacking:
        return f"Alerts belong in <#{channel_id}>, but there I lack {', '.join(lacking)}."
    return f"Alerts are posted in <#{channel_id}>."
