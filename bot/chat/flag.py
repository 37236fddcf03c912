"""A flag on its way from the decision to what is done about it: values only."""

from __future__ import annotations

from dataclasses import dataclass, field

import discord

from bot.chat.surfaces import Surface
from bot.screening.policy import Decision
from bot.storage.decisions import Outcome
from bot.storage.server_settings import Notice


@dataclass(frozen=True, slots=True)
class Case:
    """A flag by its ids: enough to act on it and to tell of it once its text is let go.

    Attributes
    ----------
    log_channel_id
        Where its moderators want to be told; None: nowhere.
    channel_id, message_id
        Where the message stands. For a title both are the thread's id; for a name they are the
        server's and the member's.
    """

    server: discord.Guild
    log_channel_id: int | None
    channel_id: int
    message_id: int
    author_id: int
    decision_id: int


@dataclass(frozen=True, slots=True)
class Flag:
    """A recorded decision together with what it is about, ready to be acted on.

    Attributes
    ----------
    before
        The decision as it was without escalation; None if that changed nothing.
    earlier
        How many earlier flags of the author count.
    notice
        What the author is to be told.
    recovered
        Whether an earlier run has left it, perhaps in the middle of acting.
    """

    decision_id: int
    decision: Decision
    surface: Surface
    message: discord.Message
    server: discord.Guild
    log_channel_id: int | None
    model_version: str
    before: Decision | None = None
    earlier: int = 0
    notice: Notice = field(default_factory=Notice)
    recovered: bool = False

    @property
    def case(self) -> Case:
        """The same by its ids."""
        return Case(
            self.server,
            self.log_channel_id,
            self.message.channel.id,
            self.message.id,
            self.message.author.id,
            self.decision_id,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an action; `detail` is for the log of decisions, without message text."""

    outcome: Outcome
    detail: str | None = None
