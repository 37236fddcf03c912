"""Deletes what was flagged, many messages in one request where a raid brings many.

Discord takes a few single deletions a second in a channel, and up to a hundred messages in one
request. Nothing lingers for company: what comes while a request is under way goes with the next.
What Discord does not answer is tried again, for some minutes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import discord

from bot.chat.audit import REASON_LENGTH, Ground, joint_reason
from bot.chat.carried import Deed, Hurdle, What
from bot.chat.message_deeds import delete_message, delete_messages
from bot.chat.stubborn import KEEP_TRYING_S, pauses
from bot.language import tr

# Messages of a server that may wait; of each a few numbers are kept.
MOST_WAITING = 10_000
# Discord's bound on messages in one request.
_MOST = 100
# Discord refuses a request with a message of two weeks in it; an edit may flag one.
_YOUNG = timedelta(days=13)


@dataclass(slots=True)
class _Message:
    """A message that waits.

    Attributes
    ----------
    until
        When it is given up, in the loop's time.
    alone
        Whether it goes in a request of its own, because one with others failed.
    """

    ground: Ground
    future: asyncio.Future[Deed]
    until: float
    alone: bool = False


@dataclass(slots=True)
class _Channel:
    """What waits in one channel, by message id, and whoever deletes it."""

    server: discord.Guild
    waiting: dict[int, _Message] = field(default_factory=dict)
    work: asyncio.Task[None] | None = None


class Deletions:
    """Deletes messages for the bot itself."""

    def __init__(self) -> None:
        self._channels: dict[int, _Channel] = {}
        self._waiting: Counter[int] = Counter()

    async def delete(
        self, server: discord.Guild, channel_id: int, message_id: int, ground: Ground
    ) -> Deed:
        """Delete a message; two who ask for the same one get the same answer.

        Parameters
        ----------
        ground
            For the server's audit log. Several that share a request stand there together.

        Returns
        -------
        Deed
            Never raises, unless this is stopped meanwhile.
        """
        channel = self._channels.get(channel_id)
        if channel is not None and message_id in channel.waiting:
            return await asyncio.shield(channel.waiting[message_id].future)
        if self._waiting[server.id] >= MOST_WAITING:
            why = tr("Too many messages wait to be deleted in this server.")
            return Deed(False, What.DELETE, why, Hurdle.FAILED)
        if channel is None:
            channel = self._channels[channel_id] = _Channel(server)
            channel.work = asyncio.create_task(
                self._work(channel_id, channel), name="delete messages"
            )
        loop = asyncio.get_running_loop()
        message = _Message(ground, loop.create_future(), loop.time() + KEEP_TRYING_S)
        channel.waiting[message_id] = message
        self._waiting[server.id] += 1
        message.future.add_done_callback(lambda _: self._leave(server.id))
        return await asyncio.shield(message.future)

    async def stop(self) -> None:
        """Leave what still waits; whoever waits for it is cancelled."""
        works = [channel.work for channel in self._channels.values() if channel.work is not None]
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        # A task that was cancelled before it began has cleared nothing away.
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            for message in channel.waiting.values():
                message.future.cancel()

    def _leave(self, server_id: int) -> None:
        self._waiting[server_id] -= 1
        if not self._waiting[server_id]:
            del self._waiting[server_id]

    async def _work(self, channel_id: int, channel: _Channel) -> None:
        batch: dict[int, _Message] = {}
        pause = pauses()
        try:
            while channel.waiting:
                batch, reason = _take(channel.waiting)
                deed = await _delete(channel.server, channel_id, batch, reason)
                if deed.hurdle is Hurdle.UNANSWERED:
                    _answer(_given_up(batch), deed)
                    await self._again(channel, batch, next(pause))
                elif deed.hurdle is Hurdle.FAILED and len(batch) > 1:
                    # One that Discord does not take must not keep the others from being deleted.
                    for message in batch.values():
                        message.alone = True
                    await self._again(channel, batch, 0.0)
                else:
                    pause = pauses()
                    _answer(batch, deed)
        finally:
            # Reached with something left only if this task itself is cancelled.
            del self._channels[channel_id]
            for message in (*batch.values(), *channel.waiting.values()):
                message.future.cancel()

    async def _again(self, channel: _Channel, batch: dict[int, _Message], pause_s: float) -> None:
        """Put those that have no answer yet before all others, after a pause."""
        again = {key: message for key, message in batch.items() if not message.future.done()}
        channel.waiting = {**again, **channel.waiting}
        if channel.waiting:
            await asyncio.sleep(pause_s)


async def _delete(
    server: discord.Guild, channel_id: int, batch: Mapping[int, _Message], reason: str
) -> Deed:
    if len(batch) == 1:
        (message_id,) = batch
        return await delete_message(server, channel_id, message_id, reason)
    return await delete_messages(server, channel_id, list(batch), reason)


def _answer(batch: Mapping[int, _Message], deed: Deed) -> None:
    for message in batch.values():
        if not message.future.done():
            message.future.set_result(deed)


def _given_up(batch: Mapping[int, _Message]) -> dict[int, _Message]:
    now = asyncio.get_running_loop().time()
    return {key: message for key, message in batch.items() if message.until <= now}


def _take(waiting: dict[int, _Message]) -> tuple[dict[int, _Message], str]:
    """The first that wait, as many as one request and one reason hold; they wait no more.

    An old message goes alone.
    """
    oldest = discord.utils.time_snowflake(discord.utils.utcnow() - _YOUNG)
    batch: dict[int, _Message] = {}
    for message_id, message in waiting.items():
        alone = message.alone or message_id < oldest
        if batch and alone:
            continue
        batch[message_id] = message
        if alone or len(batch) == _MOST:
            break
    reason = joint_reason([message.ground for message in batch.values()])
    while len(batch) > 1 and len(reason) > REASON_LENGTH:
        batch.popitem()
        reason = joint_reason([message.ground for message in batch.values()])
    for message_id in batch:
        del waiting[message_id]
    return batch, reason
