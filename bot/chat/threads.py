"""Threads that are archived: Discord changes nothing in one until it is woken."""

from __future__ import annotations

import discord

_ARCHIVED = 50083


def is_asleep(error: discord.HTTPException) -> bool:
    """Whether Discord refused a request because the thread is archived."""
    return error.code == _ARCHIVED


async def wake(server: discord.Guild, thread_id: int) -> None:
    """Bring a thread back among those in use; Discord archives it again after its own time.

    Raises
    ------
    discord.HTTPException
        Discord refuses; a locked thread needs the permission to manage threads.
    """
    thread = await server.fetch_channel(thread_id)
    if isinstance(thread, discord.Thread):
        await thread.edit(archived=False)
