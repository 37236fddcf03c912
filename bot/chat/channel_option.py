"""The option of commands that takes a channel of whatever kind."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

_Given = app_commands.AppCommandChannel | app_commands.AppCommandThread


class _AnyKind(app_commands.Transformer):
    """Takes whatever channel is offered.

    By itself, discord.py writes down every kind of channel that it knows. That narrows nothing, and
    a server that does not know one of them refuses all commands.
    """

    type = discord.AppCommandOptionType.channel

    async def transform(self, interaction: discord.Interaction[Any], value: _Given, /) -> _Given:
        return value


AnyChannel = app_commands.Transform[_Given, _AnyKind]
