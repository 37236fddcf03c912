"""Finds out what became of deeds that a stop cut off in the middle, such as a moderator's click."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from datetime import datetime

import discord

from bot.chat.card_upkeep import CardUpkeep
from bot.chat.faults import STUMBLES
from bot.chat.stubborn import KEEP_TRYING_S, pauses
from bot.chat.what_became import QUESTIONS, Became, Question
from bot.errors import DatabaseError
from bot.logs import describe
from bot.storage.cut_off import CutOffDeed, CutOffDeeds
from bot.storage.history import CutShort, DeedKind, DeedResult
from bot.storage.verdicts import Verdicts

log = logging.getLogger(__name__)

# The next start looks into the rest.
_MOST = 1_000

Places = dict[tuple[Question, discord.Guild, int], list[CutOffDeed]]


class CutOff:
    """Writes down what was done after all and what was not, and has the cards tell it.

    Nothing is done here: what was not done is left to the moderators, who see it and can click
    again at once.
    """

    def __init__(self, deeds: CutOffDeeds, verdicts: Verdicts, upkeep: CardUpkeep) -> None:
        self._deeds = deeds
        self._verdicts = verdicts
        self._upkeep = upkeep

    async def look_into(
        self,
        client: discord.Client,
        before: datetime,
        absent: set[int],
        server_id: int | None = None,
    ) -> None:
        """See to what was begun before a moment; for some minutes where Discord does not answer.

        Never raises.

        Parameters
        ----------
        absent
            Gets, at once, servers that are not there, and in which there is something to look into.
        server_id
            Only in this server; None: in all that are there.
        """
        places: Places = defaultdict(list)
        try:
            for one in await self._deeds.left(before, _MOST):
                server = client.get_guild(one.decision.server_id)
                if server is None or server.unavailable:
                    absent.add(one.decision.server_id)
                elif server_id in (None, server.id):
                    question = QUESTIONS[one.deed.kind]
                    places[question, server, question.place(one.decision)].append(one)
        except DatabaseError as error:
            log.error("Deeds that were cut off could not be looked up: %s", error)
        loop = asyncio.get_running_loop()
        until = loop.time() + KEEP_TRYING_S
        for pause_s in pauses():
            places = {
                place: begun
                for place, begun in places.items()
                if not await self._ended(client, *place, begun)
            }
            if not places or loop.time() + pause_s > until:
                break
            await asyncio.sleep(pause_s)

    async def _ended(
        self,
        client: discord.Client,
        question: Question,
        server: discord.Guild,
        place_id: int,
        begun: list[CutOffDeed],
    ) -> bool:
        """Look into what has something in common; False if Discord may tell it a moment later."""
        try:
            try:
                ends = await question.ask(client, server, place_id, begun)
            except discord.Forbidden:
                ends = {one.deed.id: Became(False, CutShort.UNKNOWN) for one in begun}
            for one in begun:
                await self._write_down(one, ends[one.deed.id])
                # One after the other: there is no hurry, and others need Discord's limits, too.
                await self._upkeep.refresh(one.decision.id, client)
        except STUMBLES:
            return False
        except Exception as error:  # also an answer that discord.py cannot parse
            log.warning(
                "Server %d: what became of deeds is not known: %s", server.id, describe(error)
            )
        return True

    async def _write_down(self, one: CutOffDeed, became: Became) -> None:
        why = None if became.why is None else became.why.value
        if one.deed.result is DeedResult.LIFTING:
            await self._verdicts.lifted(
                one.deed.id,
                done=became.done,
                detail=why,
                at=became.at,
                claimed_at=one.deed.changed_at,
            )
            return
        # Perhaps it was deleted together with many others, of which nobody has judged each.
        judges = one.deed.kind is not DeedKind.DELETE
        await self._verdicts.finish(
            one.deed.id, done=became.done, detail=why, judges=judges, at=became.at
        )
