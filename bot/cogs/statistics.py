"""``/stats``: what was flagged in this server lately, and how well; of no member in particular."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import discord
from discord import app_commands
from discord.ext import commands

from bot.charts.describe import Picture
from bot.charts.drawing import Charts
from bot.chat.client import Hexward
from bot.chat.commands import answer, server_id
from bot.chat.statistics_card import PICTURE, statistics_card, statistics_picture
from bot.errors import ChartError
from bot.language import tr, trn
from bot.storage.privacy import MOST_RETENTION_DAYS, Privacy
from bot.storage.statistics import Statistics
from bot.storage.unscreened import Unscreened

_DAYS = 30


class StatisticsCommand(commands.Cog):
    """Answers with numbers and a picture of them."""

    def __init__(
        self, statistics: Statistics, privacy: Privacy, unscreened: Unscreened, charts: Charts
    ) -> None:
        self._statistics = statistics
        self._privacy = privacy
        self._unscreened = unscreened
        self._charts = charts

    @app_commands.command()
    @app_commands.default_permissions(manage_messages=True)
    @app_commands.guild_only()
    @app_commands.describe(days="How many days back, today included; 30 if you name none")
    async def stats(
        self,
        interaction: discord.Interaction[Hexward],
        days: app_commands.Range[int, 1, MOST_RETENTION_DAYS] = _DAYS,
    ) -> None:
        """Show what was flagged in this server lately, and how often rightly"""
        await interaction.response.defer(ephemeral=True)
        server = server_id(interaction)
        kept = (await self._privacy.get(server)).retention_days
        today = datetime.now(UTC).date()
        found = await self._statistics.of(server, today - timedelta(min(days, kept) - 1), today)
        card = statistics_card(found, await self._unscreened.count(server))
        notes = []
        if kept < days:
            notes.append(
                trn(
                    "This server keeps decisions for one day, so no more is shown.",
                    "This server keeps decisions for {count} days, so no more are shown.",
                    kept,
                )
            )
        files = []
        picture = statistics_picture(found)
        if picture is not None:
            png = await self._drawn(picture)
            if png is None:
                notes.append(tr("The picture could not be drawn this time; the numbers are whole."))
            else:
                files.append(discord.File(io.BytesIO(png), PICTURE))
                card.set_image(url=f"attachment://{PICTURE}")
        await answer(interaction, "\n".join(notes), embed=card, files=files)

    async def _drawn(self, picture: Picture) -> bytes | None:
        try:
            return await self._charts.draw(picture)
        except ChartError:  # the log says why
            return None
