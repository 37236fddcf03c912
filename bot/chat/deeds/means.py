"""What everything that can be done about a flag has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

import discord

from bot.chat.audit import Ground
from bot.chat.captions import and_more
from bot.chat.carried import Deed, What
from bot.rules import Action
from bot.storage.decisions import Outcome
from bot.storage.history import DeedKind
from bot.storage.server_settings import ServerSettings


@dataclass(frozen=True, slots=True)
class Target:
    """What something is done to, by ids: the message itself may be gone.

    Attributes
    ----------
    timeout
        How long the author is to be kept quiet, where the rules ask for that.
    ground
        For the server's audit log.
    begun_ends_at
        When a timeout ends that an earlier run began and may have given; None if none did.
    """

    channel_id: int
    message_id: int
    author_id: int
    timeout: timedelta | None
    ground: Ground
    begun_ends_at: datetime | None = None


class Means(ABC):
    """One thing that the bot can do.

    Attributes
    ----------
    action
        It is done for this action and for every stronger one.
    what, kind
        What it is called on cards, and on record, where it is claimed before it is done.
    outcome
        What a decision is settled as when this is the strongest that was done.
    """

    action: ClassVar[Action]
    what: ClassVar[What]
    kind: ClassVar[DeedKind]
    outcome: ClassVar[Outcome]

    def spares(self, message: discord.Message) -> str | None:
        """Why it must not be done about this message, in a sentence; None if it may.

        Asks nothing of Discord: it is told in *observe* as well.
        """
        return None

    @abstractmethod
    async def do(self, server: discord.Guild, target: Target) -> Deed:
        """Do it, again where Discord gives no answer. Never raises."""

    async def stop(self) -> None:
        """Leave what is not done yet, for the next start; for when the client closes."""
        return

    @staticmethod
    @abstractmethod
    def shortcomings(server: discord.Guild, settings: ServerSettings) -> list[str]:
        """What the bot lacks to do it in a server: a sentence each, with the way out."""


def listed(mentions: list[str], most: int = 10) -> str:
    """The first of many mentions, and how many more there are."""
    return and_more(mentions[:most], len(mentions) - most)
