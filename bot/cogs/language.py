"""``/language``: in which language the bot posts in a server."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.commands import Refusal, answer, clip, server_of
from bot.chat.languages import locale_of
from bot.language import language_name, language_of, languages, tr
from bot.storage.servers import Servers

# As many as Discord offers for one option.
_MOST_CHOICES = 25


class LanguageOption(app_commands.Transformer):
    """One of the languages that the bot speaks, each by the name that its speakers give it."""

    @property
    def choices(self) -> list[app_commands.Choice[str | int | float]]:
        return [
            app_commands.Choice(name=language_name(one), value=one)
            for one in languages()[:_MOST_CHOICES]
        ]

    async def transform(self, interaction: discord.Interaction[Any], value: str, /) -> str:
        for one in languages():
            if str(value).strip().casefold() in (one.casefold(), language_name(one).casefold()):
                return one
        raise Refusal(
            tr(
                "“{value}” is not a language that I speak. I speak: {languages}. Nothing was "
                "changed.",
                value=clip(value),
                languages=", ".join(language_name(one) for one in languages()),
            )
        )


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class LanguageCommands(
    commands.GroupCog,
    group_name="language",
    group_description="The language of what Hexward posts in this server",
):
    """Chooses the language of cards, notices and lines; who uses a command is answered in theirs.

    Discord itself lets only Community servers choose a language.
    """

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    @app_commands.command(name="set")
    @app_commands.describe(language="The language of alert cards and of everything else posted")
    async def set_(
        self,
        interaction: discord.Interaction[Hexward],
        language: app_commands.Transform[str, LanguageOption],
    ) -> None:
        """Choose the language of what is posted in this server"""
        await self._choose(interaction, language)

    @app_commands.command()
    async def reset(self, interaction: discord.Interaction[Hexward]) -> None:
        """Follow this server’s own language on Discord"""
        await self._choose(interaction, None)

    @app_commands.command()
    async def show(self, interaction: discord.Interaction[Hexward]) -> None:
        """Show the language of what is posted in this server"""
        await interaction.response.defer(ephemeral=True)
        await self._tell(interaction)

    async def _choose(
        self, interaction: discord.Interaction[Hexward], language: str | None
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        await self._servers.set_language(server_of(interaction).id, language)
        await self._tell(interaction)

    async def _tell(self, interaction: discord.Interaction[Hexward]) -> None:
        server = server_of(interaction)
        chosen = (await self._servers.get(server.id)).language
        name = language_name(language_of(locale_of(server)))
        if chosen is not None:
            told = tr(
                "What I post in this server is in **{language}**, as chosen here. `/language "
                "reset` makes it follow the server’s language on Discord.",
                language=name,
            )
        else:
            told = tr(
                "What I post in this server is in **{language}**: that is the server’s language on "
                "Discord, which only Community servers can choose. `/language set` chooses "
                "another.",
                language=name,
            )
        note = tr("-# Who uses a command is answered in the language of their own Discord.")
        await answer(interaction, f"{told}\n{note}")
