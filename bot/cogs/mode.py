"""``/mode``: whether actions are carried out, or only told."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.commands import answer, server_of
from bot.chat.readiness import shortcomings, wanted
from bot.language import tr
from bot.rules import Mode
from bot.storage.servers import Servers, ServerSettings


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class ModeCommands(
    commands.GroupCog, group_name="mode", group_description="Whether Hexward acts or only tells"
):
    """Turns a server from observing to enforcing and back."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    @app_commands.command()
    async def observe(self, interaction: discord.Interaction[Hexward]) -> None:
        """Act on nothing; cards say what would have been done"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        await self._servers.set_mode(server.id, Mode.OBSERVE)
        await answer(
            interaction,
            tr(
                "This server now **observes**: nothing is deleted and nobody is timed out. Cards "
                "say what would have been done."
            ),
        )

    @app_commands.command()
    async def enforce(self, interaction: discord.Interaction[Hexward]) -> None:
        """Carry out the actions chosen with /actions"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        await self._servers.set_mode(server.id, Mode.ENFORCE)
        settings = await self._servers.get(server.id)
        await answer(
            interaction,
            "\n".join(
                [
                    tr("This server now **enforces**: actions are carried out."),
                    *_notes(server, settings),
                ]
                if wanted(settings).acts
                else [
                    tr(
                        "This server now **enforces**, but no label does more than alert: nothing "
                        "but alerts will happen. Choose what is done with `/actions set`; labels "
                        "without a choice alert."
                    )
                ]
            ),
        )

    @app_commands.command()
    async def show(self, interaction: discord.Interaction[Hexward]) -> None:
        """Show the mode, and what is in the way of it"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        settings = await self._servers.get(server.id)
        if settings.mode is Mode.OBSERVE:
            lines = [
                tr(
                    "This server **observes**: nothing is deleted and nobody is timed out. `/mode "
                    "enforce` has the actions carried out."
                )
            ]
        elif wanted(settings).acts:
            lines = [tr("This server **enforces**: actions are carried out.")]
        else:
            told = tr(
                "This server **enforces**, but no label does more than alert: nothing but alerts "
                "happens. Choose what is done with `/actions set`; labels without a choice alert."
            )
            await answer(interaction, told)
            return
        await answer(interaction, "\n".join([*lines, *_notes(server, settings)]))


def _notes(server: discord.Guild, settings: ServerSettings) -> list[str]:
    """What a moderator should know about acting in this server."""
    if not wanted(settings).acts:
        return [
            tr(
                "So far no label does more than alert. Choose what is done with `/actions set`; "
                "labels without a choice alert."
            )
        ]
    lacking = shortcomings(server, settings)
    if not lacking:
        return [tr("I have every permission that the chosen actions need.")]
    return [f"⚠️ {sentence}" for sentence in lacking]
