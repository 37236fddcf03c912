"""``/check`` and Apps → Check message: what the bot thinks of a text, told to one moderator."""

from __future__ import annotations

import asyncio
from functools import partial

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.captions import reads_english_only
from bot.chat.cards import verdict_card
from bot.chat.client import Hexward
from bot.chat.commands import Refusal, answer, server_id
from bot.chat.faults import DISCORD_FAULTS
from bot.chat.passages import passages
from bot.chat.ruling import rules_at
from bot.chat.surfaces import Part, Surface, parts
from bot.language import is_english, tr
from bot.screening.engine import Engine, Priority
from bot.screening.normalize import views
from bot.screening.policy import decide
from bot.screening.presets import Presets
from bot.storage.servers import Servers

_LONGEST_TEXT = 4_000


class CheckCommands(commands.Cog):
    """Scores a text on request. Nothing is logged and nobody else sees the answer."""

    def __init__(self, client: Hexward, engine: Engine, presets: Presets, servers: Servers) -> None:
        self._client = client
        self._engine = engine
        self._presets = presets
        self._servers = servers
        self._menu = app_commands.ContextMenu(
            name=app_commands.locale_str("Check message"), callback=self.check_message
        )
        self._menu.default_permissions = discord.Permissions(manage_messages=True)
        self._menu.guild_only = True

    async def cog_load(self) -> None:
        self._client.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        self._client.tree.remove_command(self._menu.name, type=self._menu.type)

    @app_commands.command()
    @app_commands.default_permissions(manage_messages=True)
    @app_commands.guild_only()
    @app_commands.describe(text="What to score; only you see the answer")
    async def check(
        self,
        interaction: discord.Interaction[Hexward],
        text: app_commands.Range[str, 1, _LONGEST_TEXT],
    ) -> None:
        """Score a text against this server's thresholds"""
        await interaction.response.defer(ephemeral=True)
        await self._answer(interaction, [text])

    async def check_message(
        self, interaction: discord.Interaction[Hexward], message: discord.Message
    ) -> None:
        """Score a message that stands in a channel, with everything in it that is screened."""
        await interaction.response.defer(ephemeral=True)
        texts = []
        for part in parts(message):
            surface = await _read(part)
            texts += passages(surface.text) if surface is not None else []
        await self._answer(interaction, texts)

    async def _answer(self, interaction: discord.Interaction[Hexward], texts: list[str]) -> None:
        texts = await asyncio.to_thread(_legible, texts)
        if not texts:
            raise Refusal(tr("There is no text in it to check."))
        settings = await self._servers.get(server_id(interaction))
        score = partial(
            self._engine.score, server_id=server_id(interaction), priority=Priority.CHECK
        )
        scores = await score(texts[0])
        for text in texts[1:]:
            scores = scores.highest(await score(text))
        channel = interaction.channel
        if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            channel = None
        decision = decide(scores, rules_at(self._presets, settings, channel), settings.mode)
        card = verdict_card(decision, self._engine.model.version, settings.preset)
        if not is_english():
            card.description = f"{card.description}\n{reads_english_only()}"
        await answer(interaction, embed=card)


def _legible(texts: list[str]) -> list[str]:
    """Those with something that a reader can see."""
    return [text for text in texts if any(view.strip() for view in views(text))]


async def _read(part: Part) -> Surface | None:
    try:
        return await part.read()
    except DISCORD_FAULTS:
        raise Refusal(
            tr("A text file in it could not be fetched from Discord. Try again.")
        ) from None
