"""What is kept of texts that pass: that there was one, and of some the scores."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime

import discord

from bot.chat.lookup import ServerChannel
from bot.labels import Scores
from bot.storage.decisions import Decisions
from bot.storage.samples import ScoreSamples

# Members who have to write in a channel before scores are kept under it.
COMPANY = 5
_REMEMBERED = 10_000


class Company:
    """Tells in which channels several members write.

    Where one member alone writes, as in a ticket, the channel would say whose scores these are.
    """

    def __init__(self, enough: int = COMPANY, remembered: int = _REMEMBERED) -> None:
        self._enough = enough
        self._remembered = remembered
        # Who was seen in a channel; None once they were enough, so that no more ids are held.
        self._seen: OrderedDict[int, set[int] | None] = OrderedDict()

    def note(self, channel_id: int, author_id: int) -> bool:
        """Take note of who writes; whether that channel has company enough."""
        seen = self._seen.setdefault(channel_id, set())
        self._seen.move_to_end(channel_id)
        if len(self._seen) > self._remembered:
            self._seen.popitem(last=False)
        if seen is None:
            return True
        seen.add(author_id)
        if len(seen) < self._enough:
            return False
        self._seen[channel_id] = None
        return True


class Passed:
    """Counts texts that pass and hands their scores on to be sampled."""

    def __init__(self, decisions: Decisions, samples: ScoreSamples) -> None:
        self._decisions = decisions
        self._samples = samples
        self._company = Company()

    def note(
        self,
        server_id: int,
        scores: Sequence[Scores],
        *,
        author_id: int,
        channel: ServerChannel | None,
    ) -> None:
        """Take note of texts of one author. Nothing is written yet, and nothing can fail.

        Parameters
        ----------
        channel
            Where they stand; those in a thread count with its channel. None for a name.
        """
        now = datetime.now(UTC)
        self._decisions.count_passed(server_id, now, len(scores))
        channel_id = None if channel is None else counted_under(channel)
        if channel_id is not None and not self._company.note(channel_id, author_id):
            channel_id = None
        for one in scores:
            self._samples.add(server_id, channel_id, one, now)


def counted_under(channel: ServerChannel) -> int:
    """The channel or forum under which scores are kept: for a thread the one it belongs to."""
    return channel.parent_id if isinstance(channel, discord.Thread) else channel.id
