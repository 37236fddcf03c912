"""``/status``: how the bot is doing, for whoever hosts it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import discord
from discord import app_commands
from discord.ext import commands

from bot import __version__
from bot.chat.client import Hexward
from bot.chat.commands import Refusal, answer
from bot.chat.intents import REDUCED
from bot.memory import resident_bytes
from bot.metrics import Batch, Metrics
from bot.screening.engine import Engine
from bot.screening.observing import Figures
from bot.storage.database import Database
from bot.storage.unscreened import Unscreened


class StatusCommand(commands.Cog):
    """Answers the owner of the bot's application, or a member of the team that owns it."""

    def __init__(
        self,
        client: Hexward,
        engine: Engine,
        metrics: Metrics,
        database: Database,
        unscreened: Unscreened,
    ) -> None:
        self._client = client
        self._engine = engine
        self._metrics = metrics
        self._database = database
        self._unscreened = unscreened
        self._began = time.monotonic()

    @app_commands.command()
    @app_commands.default_permissions(administrator=True)
    @app_commands.guild_only()
    async def status(self, interaction: discord.Interaction[Hexward]) -> None:
        """Show how Hexward is doing; for its host only"""
        await interaction.response.defer(ephemeral=True)
        if not await self._client.is_owner(interaction.user):
            raise Refusal("Only whoever hosts this bot can ask for its status.")
        await answer(interaction, embed=await self._card())

    async def _card(self) -> discord.Embed:
        figures, recent = self._engine.figures(), self._metrics.recent()
        backlog, size = await self._unscreened.count(), await self._database.size_bytes()
        up = timedelta(seconds=int(time.monotonic() - self._began))
        card = discord.Embed(title=f"Hexward {__version__}", timestamp=datetime.now(UTC))
        for name, value in (
            ("Model", self._engine.model.version),
            ("Connected for", str(up)),
            ("Latency to Discord", _seconds(self._client.latency)),
            ("Servers", f"{len(self._client.guilds):,}"),
            ("Reads", _reads(self._client)),
            ("Waiting", f"{figures.waiting:,} texts of {figures.waiting_servers:,} servers"),
            (
                f"Last {_minutes(recent.window_s)}",
                f"{recent.per_s:,.1f} texts a second\n"
                f"p50 {_seconds(recent.p50_s)}, p99 {_seconds(recent.p99_s)}",
            ),
            ("Repeats answered from memory", _share_of_repeats(figures)),
            ("A batch, on average", _batch(self._metrics.average_batch())),
            ("Refused, failed", f"{figures.refused:,}, {figures.failed:,}"),
            ("Unscreened messages", f"{backlog:,} to be caught up with"),
            ("Database", _bytes(size)),
            ("Memory", _bytes(resident_bytes())),
        ):
            card.add_field(name=name, value=value)
        return card


def _share_of_repeats(figures: Figures) -> str:
    repeats = figures.answered_from_cache + figures.joined_in_flight
    answered = repeats + figures.scored
    return f"{repeats / answered:.0%} of {answered:,}" if answered else "none yet"


def _batch(batch: Batch | None) -> str:
    if batch is None:
        return "none yet"
    windows = f"{batch.windows:,.1f} windows, {batch.padding_share:.0%} padding"
    return f"{windows}, {_seconds(batch.inference_s)}"


def _seconds(seconds: float | None) -> str:
    if seconds is None or seconds != seconds or seconds == float("inf"):
        return "–"
    return f"{seconds * 1000:,.1f} ms" if seconds < 10 else f"{seconds:,.1f} s"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _bytes(count: int | None) -> str:
    return "–" if count is None else f"{count / 2**20:,.1f} MiB"


def _reads(client: Hexward) -> str:
    what = "all messages" if client.asked.message_content else f"not all messages. {REDUCED}"
    return f"{what}\nand names" if client.asked.members else what
