"""Finds out what became of deletions that a stop cut off in the middle of a moderator's click."""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import datetime, timedelta

import discord

from bot.chat.card_upkeep import CardUpkeep
from bot.chat.faults import DISCORD_FAULTS
from bot.chat.lookup import messages_by_id
from bot.errors import DatabaseError
from bot.logs import describe
from bot.storage.cut_off import CutOffDeletions
from bot.storage.decisions import RecordedDecision
from bot.storage.verdicts import Verdicts

log = logging.getLogger(__name__)

# What was clicked longer ago has been looked at again, or does not matter any more.
_OLDEST = timedelta(hours=24)
# Beyond so many, cards tell it when somebody clicks.
_MOST = 200

Begun = list[tuple[int, RecordedDecision]]


class CutOff:
    """Writes down what was done after all, and has the cards tell it.

    A message that still stands is left to the moderators: they see it, and can click again.
    """

    def __init__(self, deletions: CutOffDeletions, verdicts: Verdicts, upkeep: CardUpkeep) -> None:
        self._deletions = deletions
        self._verdicts = verdicts
        self._upkeep = upkeep

    async def look_into(
        self, client: discord.Client, until: datetime, server_id: int | None = None
    ) -> set[int]:
        """See to what was begun before a moment.

        Parameters
        ----------
        server_id
            Only in this server; None: in all that are there.

        Returns
        -------
        set of int
            Servers that are not there, and in which there is something to look into. Never raises.
        """
        absent: set[int] = set()
        places: defaultdict[tuple[discord.Guild, int], Begun] = defaultdict(list)
        try:
            for deed_id, decision in await self._deletions.begun(until - _OLDEST, until, _MOST):
                server = client.get_guild(decision.server_id)
                if server is None or server.unavailable:
                    absent.add(decision.server_id)
                elif server_id in (None, server.id):
                    places[server, decision.channel_id].append((deed_id, decision))
        except DatabaseError as error:
            log.error("Deletions that were cut off could not be looked up: %s", error)
        for (server, channel_id), begun in places.items():
            try:
                await self._look_in(client, server, channel_id, begun)
            except (DatabaseError, *DISCORD_FAULTS) as error:
                log.warning(
                    "Server %d: what became of deletions is not known: %s",
                    server.id,
                    describe(error),
                )
        return absent

    async def _look_in(
        self, client: discord.Client, server: discord.Guild, channel_id: int, begun: Begun
    ) -> None:
        ids = [decision.message_id for _, decision in begun]
        try:
            standing = await messages_by_id(client, server, channel_id, ids)
        except discord.NotFound:
            standing = {}
        for deed_id, decision in begun:
            if decision.message_id not in standing:
                # Perhaps it was deleted together with many others, of which nobody has judged each.
                await self._verdicts.finish(deed_id, done=True, judges=False)
                # One after the other: there is no hurry, and others need Discord's limits, too.
                await self._upkeep.refresh(decision.id, client)
