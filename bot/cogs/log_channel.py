"""``/logchannel``: where this server's moderators see what was flagged."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.channel_option import AnyChannel
from bot.chat.client import Hexward
from bot.chat.commands import answer, server_id
from bot.chat.log_channel import Trouble, checked_log_channel, find_log_channel, is_public
from bot.language import tr
from bot.storage.decisions import Outcome
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
        channel: AnyChannel,
    ) -> None:
        """Post alerts in this channel"""
        await interaction.response.defer(ephemeral=True)
        if interaction.guild is None:
            raise app_commands.NoPrivateMessage
        found = await checked_log_channel(interaction.guild, channel.id)
        await self._servers.set_log_channel(server_id(interaction), channel.id)
        lines = [tr("Alerts are now posted in {channel}.", channel=channel.mention)]
        if is_public(found):
            lines.append(
                tr(
                    "Everybody can read that channel. Alerts show what was flagged and who wrote "
                    "it; a channel for moderators only is the better place."
                )
            )
        await answer(interaction, "\n".join(lines))

    @app_commands.command()
    async def clear(self, interaction: discord.Interaction[Hexward]) -> None:
        """Post no more alerts"""
        await interaction.response.defer(ephemeral=True)
        server = server_id(interaction)
        before = (await self._servers.get(server)).log_channel_id
        await self._servers.set_log_channel(server, None)
        await answer(
            interaction,
            tr("There was no log channel.")
            if before is None
            else tr(
                "Alerts are no longer posted in {channel}. Flags are still logged.",
                channel=f"<#{before}>",
            ),
        )

    @app_commands.command()
    async def show(self, interaction: discord.Interaction[Hexward]) -> None:
        """Show where alerts are posted, and whether the bot can post there"""
        await interaction.response.defer(ephemeral=True)
        channel_id = (await self._servers.get(server_id(interaction))).log_channel_id
        await answer(interaction, await _state(interaction, channel_id))


async def _state(interaction: discord.Interaction[Hexward], channel_id: int | None) -> str:
    if interaction.guild is None:
        raise app_commands.NoPrivateMessage
    match await find_log_channel(interaction.guild, channel_id):
        case Trouble(Outcome.NO_LOG_CHANNEL):
            return tr(
                "No log channel is set, so nobody sees alerts. Choose one with `/logchannel set`."
            )
        case Trouble(Outcome.LOG_CHANNEL_GONE):
            return tr(
                "The log channel is gone, so nobody sees alerts. Choose another with `/logchannel "
                "set`."
            )
        case Trouble() as trouble:
            return tr(
                "Alerts belong in {channel}, but there I lack {permissions}, so nobody sees them. "
                "Give my role that in the channel’s own permissions, or choose another channel "
                "with `/logchannel set`.",
                channel=f"<#{channel_id}>",
                permissions=trouble.lacking,
            )
        case _:
            return tr("Alerts are posted in {channel}.", channel=f"<#{channel_id}>")
