"""``/exempt``: whose messages, and which channels, are not screened."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.commands import Refusal, answer, server_id
from bot.chat.lookup import channel_by_id
from bot.storage.servers import ExemptionKind, Servers

AnyChannel = app_commands.AppCommandChannel | app_commands.AppCommandThread


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class ExemptCommands(
    commands.GroupCog, group_name="exempt", group_description="Who and what is not screened"
):
    """Exempts roles and channels, and says whether moderators and bots are screened."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    @app_commands.command()
    @app_commands.describe(
        role="Members with this role", channel="This channel; a category or forum with all in it"
    )
    async def add(
        self,
        interaction: discord.Interaction[Hexward],
        role: discord.Role | None = None,
        channel: AnyChannel | None = None,
    ) -> None:
        """Stop screening a role or a channel"""
        await interaction.response.defer(ephemeral=True)
        server, lines = server_id(interaction), []
        for kind, target in _targets(role, channel):
            new = await self._servers.add_exemption(server, kind, target.id)
            lines.append(f"{target.mention} is {'now' if new else 'already'} exempt.")
        await answer(interaction, "\n".join(lines))

    @app_commands.command()
    @app_commands.describe(role="Members with this role", channel="This channel")
    async def remove(
        self,
        interaction: discord.Interaction[Hexward],
        role: discord.Role | None = None,
        channel: AnyChannel | None = None,
    ) -> None:
        """Screen a role or a channel again"""
        await interaction.response.defer(ephemeral=True)
        server, lines = server_id(interaction), []
        for kind, target in _targets(role, channel):
            was = await self._servers.remove_exemption(server, kind, target.id)
            lines.append(f"{target.mention} {'is screened again' if was else 'was not exempt'}.")
        await answer(interaction, "\n".join(lines))

    @app_commands.command(name="list")
    async def list_all(self, interaction: discord.Interaction[Hexward]) -> None:
        """Show who and what is not screened"""
        await interaction.response.defer(ephemeral=True)
        if interaction.guild is None:
            raise app_commands.NoPrivateMessage
        await self._forget_deleted(interaction.guild)
        settings = await self._servers.get(interaction.guild.id)
        card = discord.Embed(title="Not screened", colour=discord.Colour.blurple())
        roles = [f"<@&{role_id}>" for role_id in sorted(settings.exempt_role_ids)]
        channels = [f"<#{channel_id}>" for channel_id in sorted(settings.exempt_channel_ids)]
        card.add_field(name="Roles", value=_fitting(roles), inline=False)
        card.add_field(name="Channels", value=_fitting(channels), inline=False)
        card.add_field(
            name="Members who can manage messages",
            value="Not screened" if settings.exempt_moderators else "Screened",
        )
        card.add_field(
            name="Bots and webhooks",
            value="Not screened" if settings.exempt_bots else "Screened",
        )
        await answer(interaction, embed=card)

    @app_commands.command()
    @app_commands.describe(exempt="On: members who can manage messages are not screened")
    async def moderators(self, interaction: discord.Interaction[Hexward], exempt: bool) -> None:
        """Choose whether members who can manage messages are screened"""
        await interaction.response.defer(ephemeral=True)
        await self._servers.set_exempt_moderators(server_id(interaction), exempt)
        state = "no longer screened" if exempt else "screened like everybody else"
        await answer(interaction, f"Members who can manage messages are {state}.")

    @app_commands.command()
    @app_commands.describe(exempt="On: messages of other bots and webhooks are not screened")
    async def bots(self, interaction: discord.Interaction[Hexward], exempt: bool) -> None:
        """Choose whether other bots and webhooks are screened"""
        await interaction.response.defer(ephemeral=True)
        await self._servers.set_exempt_bots(server_id(interaction), exempt)
        state = "no longer screened" if exempt else "screened"
        await answer(interaction, f"Messages of other bots and webhooks are {state}.")

    async def _forget_deleted(self, server: discord.Guild) -> None:
        """Drop exemptions of what no longer exists: nobody could name it to remove it."""
        settings = await self._servers.get(server.id)
        if any(server.get_role(role_id) is None for role_id in settings.exempt_role_ids):
            # Nothing is dropped on the cache's word alone: it may be incomplete.
            there = {role.id for role in await server.fetch_roles()}
            for role_id in settings.exempt_role_ids - there:
                await self._servers.remove_exemption(server.id, ExemptionKind.ROLE, role_id)
        for channel_id in settings.exempt_channel_ids:
            try:
                await channel_by_id(server, channel_id)
            except discord.NotFound:
                await self._servers.remove_exemption(server.id, ExemptionKind.CHANNEL, channel_id)
            except discord.HTTPException:
                continue  # hidden from the bot, or Discord is not answering: it may well exist


def _targets(
    role: discord.Role | None, channel: AnyChannel | None
) -> list[tuple[ExemptionKind, discord.Role | AnyChannel]]:
    targets: list[tuple[ExemptionKind, discord.Role | AnyChannel]] = []
    if role is not None:
        targets.append((ExemptionKind.ROLE, role))
    if channel is not None:
        targets.append((ExemptionKind.CHANNEL, channel))
    if not targets:
        raise Refusal("Name a role, a channel or both. Nothing was changed.")
    return targets


def _fitting(mentions: list[str], limit: int = 1_024) -> str:
    """As many mentions as a field holds, and how many more there are."""
    if not mentions:
        return "None"
    text = " ".join(mentions)
    shown = len(mentions)
    while len(text) > limit:
        shown -= 1
        text = " ".join(mentions[:shown]) + f" and {len(mentions) - shown} more"
    return text
