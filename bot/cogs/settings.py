"""``/settings``: everything that moderators chose as one file, out and in."""

from __future__ import annotations

import io
import logging

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.commands import Refusal, answer, server_id, server_of
from bot.chat.escalation_doubts import doubts
from bot.chat.exemptions import refuse_everybody
from bot.chat.faults import DISCORD_FAULTS
from bot.chat.readiness import shortcomings
from bot.chat.settings_changes import changes
from bot.chat.settings_elsewhere import find_elsewhere, without
from bot.chat.settings_panel import ImportPanel, changes_card
from bot.chat.settings_problems import in_sentences
from bot.errors import DatabaseError
from bot.language import tr
from bot.logs import describe
from bot.rules import Mode
from bot.storage.retention import Retention
from bot.storage.servers import Servers
from bot.storage.settings_document import BadFile
from bot.storage.settings_file import MOST_BYTES, Chosen, over, read, write

log = logging.getLogger(__name__)


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class SettingsCommands(
    commands.GroupCog,
    group_name="settings",
    group_description="All settings of this server as a file",
):
    """Hands a server's settings out as a file, and takes such a file whole or not at all."""

    def __init__(self, servers: Servers, retention: Retention) -> None:
        self._servers = servers
        self._retention = retention

    @app_commands.command()
    async def export(self, interaction: discord.Interaction[Hexward]) -> None:
        """Get all settings of this server as a file"""
        await interaction.response.defer(ephemeral=True)
        raw = write(await self._servers.chosen(server_id(interaction)))
        await interaction.followup.send(
            tr(
                "These are all settings of this server. `/settings import` takes the file back, "
                "here or in another server."
            ),
            file=discord.File(io.BytesIO(raw), filename="hexward-settings.json"),
            ephemeral=True,
        )

    @app_commands.command(name="import")
    @app_commands.describe(file="A file that /settings export has made; it may be edited")
    async def import_file(
        self, interaction: discord.Interaction[Hexward], file: discord.Attachment
    ) -> None:
        """Look at what a file would change, and apply it"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        try:
            found = read(await _fetched(file))
        except BadFile as error:
            raise Refusal(in_sentences(error)) from None
        if found.exempt is not None:
            refuse_everybody(server.id, found.exempt.roles)
        before = await self._servers.chosen(server.id)
        wanted = over(found, before)
        elsewhere = await find_elsewhere(server, wanted, ask=found.server in (None, server.id))
        after = without(wanted, elsewhere, before)
        lines = changes(before, after)
        odd: list[str] = []
        if (before.settings.escalation, before.retention_days) != (
            after.settings.escalation,
            after.retention_days,
        ):
            odd = doubts(after.settings.escalation, after.retention_days)
        card = changes_card(lines, elsewhere, odd)
        if not lines:
            await answer(interaction, embed=card)
            return

        async def apply() -> str:
            return await self._apply(server, before, after)

        panel = ImportPanel(interaction.client.questions, apply, leaving_out=bool(elsewhere))
        panel.message = await interaction.followup.send(
            embed=card, view=panel, ephemeral=True, wait=True
        )

    async def _apply(self, server: discord.Guild, before: Chosen, after: Chosen) -> str:
        if not await self._servers.replace_all(before, after):
            return tr(
                "The settings of this server were changed meanwhile, so nothing of the file was "
                "applied. Import it once more to see what it would change now."
            )
        log.info("Server %d: settings were imported", server.id)
        kept = (after.retention_days, after.excerpt_days)
        if kept != (before.retention_days, before.excerpt_days):
            try:
                await self._retention.purge_server(server.id)
            except DatabaseError as error:  # the daily purge makes up for it
                log.warning("Server %d: nothing was purged yet: %s", server.id, describe(error))
        lines = [tr("The settings of the file hold now.")]
        if after.settings.mode is Mode.ENFORCE:
            lines += [f"⚠️ {sentence}" for sentence in shortcomings(server, after.settings)]
        return "\n".join(lines)


async def _fetched(file: discord.Attachment) -> bytes:
    if file.size > MOST_BYTES:
        raise Refusal(
            tr(
                "This file is too large to be one of settings: at most {most} KiB are read. "
                "Nothing was changed.",
                most=MOST_BYTES // 1024,
            )
        )
    try:
        return await file.read()
    except DISCORD_FAULTS:
        raise Refusal(
            tr("Discord does not hand out this file. Attach it again. Nothing was changed.")
        ) from None
