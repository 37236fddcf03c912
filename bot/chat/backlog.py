"""What could not be screened: put down, told, and found again later."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import discord

from bot.chat.marks import Marks
from bot.chat.missed import Missed
from bot.chat.tally import Tally
from bot.errors import DatabaseError, EngineClosed, Overloaded, TooManyUnderWay
from bot.metrics import Metrics
from bot.storage.servers import Servers
from bot.storage.unscreened import Reason, Unscreened, UnscreenedMessage
from bot.storage.unscreened_lines import UnscreenedLines


class Backlog:
    """The unscreened messages of one connection.

    Parameters
    ----------
    lines
        Where lines about them are remembered that are not final at a stop.
    catching_up
        Whether unscreened messages are screened later.

    Attributes
    ----------
    unscreened
        The messages themselves, in the database.
    tally
        Who was told of them.
    marks
        Up to where each server's messages were dealt with.
    stirred
        Set when there is something new to catch up with.
    """

    def __init__(
        self,
        client: discord.Client,
        servers: Servers,
        unscreened: Unscreened,
        metrics: Metrics,
        lines: UnscreenedLines,
        *,
        catching_up: bool,
    ) -> None:
        self.unscreened = unscreened
        self.tally = Tally(client, servers, lines, catching_up=catching_up)
        self.marks = Marks(unscreened, holding=catching_up)
        self.stirred = asyncio.Event()
        self._metrics = metrics
        unscreened.when_dropped(self.tally.lose)

    def put_down(
        self, server_id: int | None, channel_id: int, message_id: int, error: BaseException
    ) -> None:
        """A message could not be screened because of `error`; its server may not be known."""
        reason = _reason(error)
        if server_id is not None:
            self._put_down(server_id, channel_id, message_id, reason)
            self.stirred.set()
        # What a stop leaves over is told by whoever catches up with it after the next start.
        if reason is not Reason.STOPPED:
            self.tally.add(server_id, channel_id, message_id, error)

    def put_down_missed(self, server_id: int, missed: Missed) -> None:
        """These messages were posted while the bot was away; they are told apart."""
        for channel_id, message_id, _ in missed.messages:
            self._put_down(server_id, channel_id, message_id, Reason.AWAY)

    def _put_down(self, server_id: int, channel_id: int, message_id: int, reason: Reason) -> None:
        self._metrics.unscreened(reason)
        self.unscreened.put_down(
            UnscreenedMessage(
                server_id=server_id,
                channel_id=channel_id,
                message_id=message_id,
                at=datetime.now(UTC),
                reason=reason,
            )
        )


def _reason(error: BaseException) -> Reason:
    if isinstance(error, Overloaded | TooManyUnderWay):
        return Reason.OVERLOADED
    if isinstance(error, DatabaseError):
        return Reason.DATABASE
    if isinstance(error, EngineClosed | asyncio.CancelledError):
        return Reason.STOPPED
    return Reason.FAILED
