"""Deletes what was flagged, many messages in one request where a raid brings many.

Discord takes a few single deletions a second in a channel, and up to a hundred messages in one
request. Nothing lingers for company: what comes while a request is under way goes with the next.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import discord

from bot.chat.enforcement import Deed, delete_message, delete_messages

# Discord's bounds: messages in one request, characters of a reason for the audit log.
_MOST = 100
_REASON_LENGTH = 512
# Discord refuses a request with a message of two weeks in it; an edit may flag one.
_YOUNG = timedelta(days=13)


@dataclass(slots=True)
class _Channel:
    """What waits in one channel, by message id, and whoever deletes it."""

    server: discord.Guild
    waiting: dict[int, tuple[str, asyncio.Future[Deed]]] = field(default_factory=dict)


class Deletions:
    """Deletes messages for the bot itself. How many may wait is for the caller to bound."""

    def __init__(self) -> None:
        self._channels: dict[int, _Channel] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def delete(
        self, server: discord.Guild, channel_id: int, message_id: int, reason: str
    ) -> Deed:
        """Delete a message; two who ask for the same one get the same answer.

        Parameters
        ----------
        reason
            For the server's audit log. Several that share a request stand there together.

        Returns
        -------
        Deed
            Never raises.
        """
        channel = self._channels.get(channel_id)
        if channel is None:
            channel = self._channels[channel_id] = _Channel(server)
            task = asyncio.create_task(self._work(channel_id, channel), name="delete messages")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if message_id in channel.waiting:
            future = channel.waiting[message_id][1]
        else:
            future = asyncio.get_running_loop().create_future()
            channel.waiting[message_id] = reason, future
        return await asyncio.shield(future)

    async def _work(self, channel_id: int, channel: _Channel) -> None:
        batch: dict[int, tuple[str, asyncio.Future[Deed]]] = {}
        try:
            while channel.waiting:
                batch, reason = _take(channel.waiting)
                if len(batch) == 1:
                    (message_id,) = batch
                    deed = await delete_message(channel.server, channel_id, message_id, reason)
                else:
                    deed = await delete_messages(channel.server, channel_id, list(batch), reason)
                for _, future in batch.values():
                    if not future.done():
                        future.set_result(deed)
        finally:
            # Reached with something left only if this task itself is cancelled.
            del self._channels[channel_id]
            for _, future in (*batch.values(), *channel.waiting.values()):
                future.cancel()


def _take(
    waiting: dict[int, tuple[str, asyncio.Future[Deed]]],
) -> tuple[dict[int, tuple[str, asyncio.Future[Deed]]], str]:
    """The first that wait, as many as one request and one reason hold; they wait no more.

    An old message goes alone.
    """
    oldest = discord.utils.time_snowflake(discord.utils.utcnow() - _YOUNG)
    batch: dict[int, tuple[str, asyncio.Future[Deed]]] = {}
    reason = ""
    for message_id, (own, future) in list(waiting.items()):
        if batch and message_id < oldest:
            continue
        longer = f"{reason}; {own}" if reason else own
        if batch and (len(batch) == _MOST or len(longer) > _REASON_LENGTH):
            break
        reason = longer
        batch[message_id] = own, future
        del waiting[message_id]
        if message_id < oldest:
            break
    return batch, reason
