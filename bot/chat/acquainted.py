"""Servers of which Discord has told the name alone, as in the first moments after a start.

Their channels, roles and members come a little later; a click may come before.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import discord

from bot.language import tr

_LOOK_EVERY_S = 0.05


async def acquainted(interaction: discord.Interaction[Any], patience_s: float) -> bool:
    """Wait until the bot knows the server in which somebody asks for something.

    Returns
    -------
    bool
        Whether it does, at the latest after `patience_s` seconds.
    """
    patient_until = time.monotonic() + patience_s
    # Asked for anew each time: a server that was just joined is another object once it is known.
    # Every server has the role that everybody has; it goes by the server's own id.
    while (server := interaction.guild) is not None and server.get_role(server.id) is None:
        if time.monotonic() >= patient_until:
            return False
        await asyncio.sleep(_LOOK_EVERY_S)
    return True


def just_started() -> str:
    """What is said to who asks for something before the bot knows the server."""
    return tr(
        "I have only just started, and Discord has told me nothing of this server yet. Try again "
        "in a moment."
    )
