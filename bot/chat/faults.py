"""What a request to Discord ends in where Discord or the line fails, and not our own code."""

from __future__ import annotations

import aiohttp
import discord

DISCORD_FAULTS = (discord.DiscordException, aiohttp.ClientError, OSError)
"""A refusal; a connection that was cut, which discord.py hands on as it is; no network; no time."""

STUMBLES = (discord.DiscordServerError, aiohttp.ClientError, OSError)
"""Those that say nothing about what was asked: the same may well work a moment later."""
