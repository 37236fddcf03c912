"""A small bot of the real one's shape, for trying the sandbox without it."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from pathlib import Path

import aiosqlite
import discord
from discord import app_commands
from discord.ext import commands, tasks

GERMAN = {"check": "prüfen", "text": "wortlaut", "Check message": "Nachricht prüfen"}


class GermanTexts(app_commands.Translator):
    """The toy bot's commands in the one other language that it has."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        return GERMAN.get(string.message) if locale is discord.Locale.german else None


class ToyBot(commands.Bot):
    """Scores in a worker thread behind a bounded queue, records with aiosqlite, alerts, answers.

    A text is harmful when it has "idiot" in it.

    Attributes
    ----------
    scored
        The texts, in order.
    beats
        How often its background loop has run, twenty times a second.
    """

    def __init__(self, database: Path, *, inference_s: float = 0.0) -> None:
        intents = discord.Intents.default()
        intents.message_content = True
        super().__init__("!", intents=intents)
        self.log_channel_id = 0
        self.inference_s = inference_s
        self.scored: list[str] = []
        self.beats = 0
        self.asked = 0
        self._database = database
        self._waiting: asyncio.Queue[tuple[str, asyncio.Future[bool]]] = asyncio.Queue(8)
        self._work: queue.Queue[tuple[str, asyncio.Future[bool]] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._infer)

    async def setup_hook(self) -> None:
        self._log = await aiosqlite.connect(self._database)
        await self._log.execute("create table flags (message_id integer, text_length integer)")
        self._thread.start()
        self._server = asyncio.create_task(self._serve())
        self._heart.start()
        await self.tree.set_translator(GermanTexts())
        self.tree.add_command(app_commands.Command(name="check", description="…", callback=check))
        self.tree.add_command(app_commands.ContextMenu(name="Check message", callback=check_menu))
        await self.tree.sync()

    async def close(self) -> None:
        await super().close()
        self._heart.cancel()
        self._server.cancel()
        self._work.put(None)
        self._thread.join()
        await self._log.close()

    @tasks.loop(seconds=0.05)
    async def _heart(self) -> None:
        self.beats += 1

    async def _serve(self) -> None:
        while True:
            self._work.put(await self._waiting.get())

    def _infer(self) -> None:
        while (job := self._work.get()) is not None:
            text, future = job
            time.sleep(self.inference_s)
            self.loop.call_soon_threadsafe(future.set_result, "idiot" in text)

    async def score(self, text: str) -> bool:
        self.asked += 1
        future: asyncio.Future[bool] = self.loop.create_future()
        await self._waiting.put((text, future))
        return await future

    async def on_message(self, message: discord.Message) -> None:
        if message.author.bot:
            return
        surfaces = [message.content, *(part.content for part in message.message_snapshots)]
        await self._screen(message, " ".join(filter(None, surfaces)))

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        if not event.message.author.bot:
            await self._screen(event.message, event.message.content)

    async def _screen(self, message: discord.Message, text: str) -> None:
        harmful = await self.score(text)
        self.scored.append(text)
        if not harmful:
            return
        await self._log.execute("insert into flags values (?, ?)", (message.id, len(text)))
        await self._log.commit()
        channel = self.get_channel(self.log_channel_id)
        assert isinstance(channel, discord.TextChannel)
        alert = discord.Embed(title="Flagged", description=f"||{text}||")
        alert.add_field(name="Author", value=message.author.mention)
        await channel.send(embed=alert)


@app_commands.default_permissions(manage_messages=True)
async def check(interaction: discord.Interaction[ToyBot], text: str) -> None:
    await interaction.response.defer(ephemeral=True)
    harmful = await interaction.client.score(text)
    spoken = f"{interaction.locale}, {interaction.guild_locale}"
    words = f"{'harmful' if harmful else 'harmless'} ({spoken})"
    await interaction.followup.send(words, ephemeral=True)


@app_commands.default_permissions(manage_messages=True)
async def check_menu(interaction: discord.Interaction[ToyBot], message: discord.Message) -> None:
    await interaction.response.defer(ephemeral=True)
    harmful = await interaction.client.score(message.content)
    await interaction.followup.send("harmful" if harmful else "harmless", ephemeral=True)
