"""``/status``: how the bot is doing, for whoever hosts it."""

from __future__ import annotations

from datetime import UTC, datetime

import discord
from discord import app_commands
from discord.ext import commands
from discord.utils import format_dt

from bot import __version__
from bot.chat.captions import percent_caption
from bot.chat.client import Hexward
from bot.chat.commands import Refusal, answer
from bot.language import number, tr
from bot.memory import resident_bytes
from bot.metrics import Batch, Metrics, Recent
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
        self._began = datetime.now(UTC)

    @app_commands.command()
    @app_commands.default_permissions(administrator=True)
    @app_commands.guild_only()
    async def status(self, interaction: discord.Interaction[Hexward]) -> None:
        """Show how Hexward is doing; for its host only"""
        await interaction.response.defer(ephemeral=True)
        if not await self._client.is_owner(interaction.user):
            raise Refusal(tr("Only whoever hosts this bot can ask for its status."))
        await answer(interaction, embed=await self._card())

    async def _card(self) -> discord.Embed:
        figures, recent = self._engine.figures(), self._metrics.recent()
        backlog, size = await self._unscreened.count(), await self._database.size_bytes()
        card = discord.Embed(title=f"Hexward {__version__}", timestamp=datetime.now(UTC))
        for name, value in (
            (tr("Model"), self._engine.model.version),
            (tr("Started"), format_dt(self._began, "R")),
            (tr("Latency to Discord"), _seconds(self._client.latency)),
            (tr("Servers"), number(len(self._client.guilds))),
            (tr("Reads"), _reads(self._client)),
            (
                tr("Texts waiting"),
                tr(
                    "{texts:,} (servers: {servers:,})",
                    texts=figures.waiting,
                    servers=figures.waiting_servers,
                ),
            ),
            (
                tr("Last {time}", time=_minutes(recent.window_s)),
                _speed(recent),
            ),
            (tr("Repeats answered from memory"), _share_of_repeats(figures)),
            (tr("A batch, on average"), _batch(self._metrics.average_batch())),
            (
                tr("Not scored"),
                tr(
                    "{refused:,} refused, {failed:,} failed",
                    refused=figures.refused,
                    failed=figures.failed,
                ),
            ),
            (tr("Scoring lanes restarted"), number(figures.worker_restarts)),
            (
                tr("Unscreened messages"),
                tr(
                    "{count:,} since the start, {left:,} to be caught up with",
                    count=self._metrics.unscreened_so_far,
                    left=backlog,
                ),
            ),
            (tr("Database"), _bytes(size)),
            (tr("Memory"), _bytes(resident_bytes())),
        ):
            card.add_field(name=name, value=value)
        return card


def _speed(recent: Recent) -> str:
    """How many texts, and how long they took; older messages wait for those of the moment."""
    lines = [tr("{rate:,.1f} texts a second", rate=recent.per_s)]
    if recent.live is not None:
        lines.append(
            tr(
                "p50 {p50}, p99 {p99}",
                p50=_seconds(recent.live.p50_s),
                p99=_seconds(recent.live.p99_s),
            )
        )
    else:
        lines.append(tr("No message was screened as it was posted."))
    if recent.caught_up is not None:
        lines.append(
            tr(
                "Caught up with: p50 {p50}, p99 {p99}",
                p50=_seconds(recent.caught_up.p50_s),
                p99=_seconds(recent.caught_up.p99_s),
            )
        )
    return "\n".join(lines)


def _share_of_repeats(figures: Figures) -> str:
    repeats = figures.answered_from_cache + figures.joined_in_flight
    answered = repeats + figures.scored
    if not answered:
        return tr("none yet")
    return tr(
        "{share} of {answered:,}", share=percent_caption(repeats / answered), answered=answered
    )


def _batch(batch: Batch | None) -> str:
    if batch is None:
        return tr("none yet")
    return tr(
        "{windows:,.1f} windows, {padding} padding, {time}; {waited} in the queue before",
        windows=batch.windows,
        padding=percent_caption(batch.padding_share),
        time=_seconds(batch.inference_s),
        waited=_seconds(batch.waited_s),
    )


def _seconds(seconds: float | None) -> str:
    if seconds is None or seconds != seconds or seconds == float("inf"):
        return "–"
    if seconds < 10:
        return f"{number(seconds * 1000, ',.1f')} ms"
    return f"{number(seconds, ',.1f')} s"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _bytes(count: int | None) -> str:
    return "–" if count is None else f"{number(count / 2**20, ',.1f')} MiB"


def _reads(client: Hexward) -> str:
    match client.asked.message_content, client.asked.members:
        case True, True:
            return tr("all messages, and names")
        case True, False:
            return tr("all messages")
        case False, True:
            return tr("messages that mention me, and names: Message Content is off")
        case _:
            return tr("messages that mention me alone: Message Content is off")
