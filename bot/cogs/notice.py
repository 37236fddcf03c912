"""``/notice``: whether the author of a message that was acted on is told, and how."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.commands import Refusal, answer, server_id
from bot.chat.notices import usual_text
from bot.language import tr
from bot.storage.server_settings import LONGEST_NOTICE, Notice, NoticeWay
from bot.storage.servers import Servers

Text = app_commands.Range[str, 1, LONGEST_NOTICE]


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class NoticeCommands(
    commands.GroupCog,
    group_name="notice",
    group_description="What authors are told when something was done",
):
    """Chooses what the author is told once a message was deleted or its author timed out."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    @app_commands.command()
    @app_commands.describe(text="In your own words, up to 500 characters; without it, the usual")
    async def channel(
        self, interaction: discord.Interaction[Hexward], text: Text | None = None
    ) -> None:
        """Tell authors in the channel"""
        await self._choose(interaction, NoticeWay.CHANNEL, text)

    @app_commands.command()
    @app_commands.describe(text="In your own words, up to 500 characters; without it, the usual")
    async def dm(self, interaction: discord.Interaction[Hexward], text: Text | None = None) -> None:
        """Tell authors by direct message"""
        await self._choose(interaction, NoticeWay.DM, text)

    @app_commands.command()
    async def off(self, interaction: discord.Interaction[Hexward]) -> None:
        """Tell authors nothing"""
        await self._choose(interaction, NoticeWay.OFF, None)

    @app_commands.command()
    async def show(self, interaction: discord.Interaction[Hexward]) -> None:
        """Show what authors are told"""
        await interaction.response.defer(ephemeral=True)
        notice = (await self._servers.get(server_id(interaction))).notice
        await answer(interaction, _told(notice))

    async def _choose(
        self, interaction: discord.Interaction[Hexward], way: NoticeWay, text: str | None
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        own = None if text is None else text.strip()
        if own == "":
            raise Refusal(
                tr(
                    "The text is blank: there is nothing in it but spaces. Type some words, or "
                    "leave `text` out for the usual ones. Nothing was changed."
                )
            )
        if own is not None and not 0 < len(own) <= LONGEST_NOTICE:
            raise Refusal(
                tr(
                    "The text must have 1 to {most} characters. Nothing was changed.",
                    most=LONGEST_NOTICE,
                )
            )
        notice = Notice(way, own)
        await self._servers.set_notice(server_id(interaction), notice)
        await answer(interaction, _told(notice))


def _told(notice: Notice) -> str:
    match notice.way:
        case NoticeWay.OFF:
            return tr("Authors are not told.")
        case NoticeWay.CHANNEL:
            way = tr("Authors are told in the channel, where everybody sees it:")
        case NoticeWay.DM:
            way = tr("Authors are told by direct message:")
    text = notice.text or usual_text()
    quoted = "\n".join(f"> {line}" for line in text.splitlines())
    when = tr("This is for when something was done, not for alerts.")
    return f"{way}\n{quoted}\n{when}"
