"""``/exempt``: whose messages, and which channels, are not screened."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.captions import and_more
from bot.chat.channel_option import AnyChannel
from bot.chat.client import Hexward
from bot.chat.commands import Refusal, answer, server_id
from bot.chat.exemptions import change_exemptions, refuse_everybody
from bot.chat.lookup import channel_by_id
from bot.language import tr
from bot.storage.servers import ExemptionKind, Servers


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
        if role is not None:
            refuse_everybody(server, (role.id,))
        targets = _targets(role, channel)
        new = await change_exemptions(
            self._servers, server, [(kind, target.id) for kind, target in targets]
        )
        for kind, target in targets:
            if (kind, target.id) in new:
                lines.append(tr("{what} is now exempt.", what=target.mention))
            else:
                lines.append(tr("{what} is already exempt.", what=target.mention))
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
            if was:
                lines.append(tr("{what} is screened again.", what=target.mention))
            else:
                lines.append(tr("{what} was not exempt.", what=target.mention))
        await answer(interaction, "\n".join(lines))

    @app_commands.command(name="list")
    async def list_all(self, interaction: discord.Interaction[Hexward]) -> None:
        """Show who and what is not screened"""
        await interaction.response.defer(ephemeral=True)
        if interaction.guild is None:
            raise app_commands.NoPrivateMessage
        await self._forget_deleted(interaction.guild)
        settings = await self._servers.get(interaction.guild.id)
        card = discord.Embed(title=tr("Not screened"), colour=discord.Colour.blurple())
        roles = [f"<@&{role_id}>" for role_id in sorted(settings.exempt_role_ids)]
        channels = [f"<#{channel_id}>" for channel_id in sorted(settings.exempt_channel_ids)]
        card.add_field(name=tr("Roles"), value=_fitting(roles), inline=False)
        card.add_field(name=tr("Channels"), value=_fitting(channels), inline=False)
        card.add_field(
            name=tr("Members who can manage messages"),
            value=_state(settings.exempt_moderators),
        )
        card.add_field(name=tr("Bots and webhooks"), value=_state(settings.exempt_bots))
        await answer(interaction, embed=card)

    @app_commands.command()
    @app_commands.describe(exempt="On: members who can manage messages are not screened")
    async def moderators(self, interaction: discord.Interaction[Hexward], exempt: bool) -> None:
        """Choose whether members who can manage messages are screened"""
        await interaction.response.defer(ephemeral=True)
        await self._servers.set_exempt_moderators(server_id(interaction), exempt)
        if exempt:
            told = tr("Members who can manage messages are no longer screened.")
        else:
            told = tr("Members who can manage messages are screened like everybody else.")
        await answer(interaction, told)

    @app_commands.command()
    @app_commands.describe(exempt="On: messages of other bots and webhooks are not screened")
    async def bots(self, interaction: discord.Interaction[Hexward], exempt: bool) -> None:
        """Choose whether other bots and webhooks are screened"""
        await interaction.response.defer(ephemeral=True)
        await self._servers.set_exempt_bots(server_id(interaction), exempt)
        if exempt:
            told = tr("Messages of other bots and webhooks are no longer screened.")
        else:
            told = tr("Messages of other bots and webhooks are screened.")
        await answer(interaction, told)

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
        raise Refusal(tr("Name a role, a channel or both. Nothing was changed."))
    return targets


def _fitting(mentions: list[str], limit: int = 1_024) -> str:
    """As many mentions as a field holds, and how many more there are."""
    if not mentions:
        return tr("None")
    text = " ".join(mentions)
    shown = len(mentions)
    while len(text) > limit:
        shown -= 1
        text = and_more(mentions[:shown], len(mentions) - shown, separator=" ")
    return text


def _state(exempt: bool) -> str:
    return tr("Not screened") if exempt else tr("Screened")
