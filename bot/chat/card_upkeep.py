"""Keeps alert cards true after they were posted: what was done, what became of the message, and the
words that mattered.

A card's text above and its buttons follow from the database, and its embed is written by whoever
posted it; the two never overwrite each other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol
from weakref import WeakValueDictionary

import discord

from bot.chat.alert_card import Background
from bot.chat.buttons import AlertView
from bot.chat.faults import STUMBLES
from bot.chat.languages import speaking_as
from bot.chat.standing import FRESH, Standing, standing
from bot.chat.threads import is_asleep, wake
from bot.errors import DatabaseError, HexwardError
from bot.labels import Label
from bot.language import spoken
from bot.logs import describe
from bot.screening.engine import Engine, Priority
from bot.screening.explain import Phrase, driving_phrase
from bot.screening.policy import Decision
from bot.storage.cards import Cards, Change
from bot.storage.history import CardPlace, DeedKind, History
from bot.storage.privacy import Privacy
from bot.storage.verdicts import Verdicts

log = logging.getLogger(__name__)

# Explanations under way or waiting; in a raid the cards of the others stay without.
_MOST_EXPLAINED = 16
_EXPLAINED_AT_ONCE = 2
_EXPLAIN_S = 60.0
# Messages whose edit or deletion is remembered until their cards are known, and cards whose state
# is remembered so that nothing is said twice.
_REMEMBERED = 2_000
# Pauses in seconds before a card is edited again where Discord stumbled.
_AGAIN_S = (1.0, 4.0)


class Shown(Protocol):
    """What a card shows: a flag with the text that was flagged."""

    @property
    def decision(self) -> Decision: ...

    @property
    def decision_id(self) -> int: ...

    @property
    def text(self) -> str: ...

    @property
    def by_webhook(self) -> bool: ...

    @property
    def open_deeds(self) -> frozenset[DeedKind]:
        """What is still being done, so that the card cannot tell how it ends."""

    def card(self, phrase: Phrase | None = None) -> discord.Embed:
        """The card; with `phrase`, the words that drove the highest score."""


class CardUpkeep:
    """Everything about cards that outlives the event that brought them."""

    def __init__(self, engine: Engine, verdicts: Verdicts, cards: Cards, privacy: Privacy) -> None:
        self._engine = engine
        self._privacy = privacy
        self._verdicts = verdicts
        self._cards = cards
        self._changes: OrderedDict[int, Change] = OrderedDict()
        self._shown: OrderedDict[int, Standing] = OrderedDict()
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._explaining: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_EXPLAINED_AT_ONCE)

    async def background(
        self, server_id: int, author_id: int, message_id: int, decision_id: int
    ) -> Background:
        """What puts a flag into its place, as far as the database tells."""
        try:
            days = (await self._privacy.get(server_id)).retention_days
            since = datetime.now(UTC) - timedelta(days=days)
            upheld = await self._verdicts.upheld(server_id, author_id, since)
            first = await self._cards.first(message_id, decision_id)
        except DatabaseError as error:
            log.warning("Server %d: a card lacks its background: %s", server_id, error)
            return Background()
        if first is None:
            return Background(upheld, days)
        url = f"https://discord.com/channels/{server_id}/{first.channel_id}/{first.card_id}"
        return Background(upheld, days, first.decision_id, url)

    async def first_view(self, shown: Shown) -> AlertView:
        """The buttons that a new card gets."""
        decision_id = shown.decision_id
        history = await self._history(decision_id)
        first = FRESH
        if history is not None:
            first = standing(replace(history, by_webhook=shown.by_webhook), datetime.now(UTC))
        self._remember_shown(decision_id, Standing("", first.clicks))
        return AlertView(decision_id, first.clicks)

    async def posted(self, shown: Shown, message_id: int, card: discord.Message) -> None:
        """Remember a card that was posted, and look for the words that drove its highest score.

        Never raises; what takes long goes on in the background.
        """
        place = CardPlace(shown.decision_id, card.channel.id, card.id)
        try:
            await self._cards.put(
                place,
                by_webhook=shown.by_webhook,
                open_deeds=shown.open_deeds,
                language=spoken(),
            )
            # What happened to the message while its card was on the way.
            change = self._changes.get(message_id)
            if change is not None and await self._cards.note(
                {message_id: change}, decision_id=shown.decision_id
            ):
                await self._refresh(shown.decision_id, card, card.guild)
        except DatabaseError as error:
            log.warning("Decision %d: its card is not on record: %s", shown.decision_id, error)
        if shown.text and len(self._explaining) < _MOST_EXPLAINED and shown.decision.labels_over:
            task = asyncio.create_task(self._explain(shown, card), name="explain a flag")
            self._explaining.add(task)
            task.add_done_callback(self._explaining.discard)

    async def stop(self) -> None:
        """Leave unexplained what is not explained yet; for when the client closes."""
        tasks = list(self._explaining)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What became of messages.

    def note(self, message_id: int, change: Change) -> Change:
        """Remember an edit or a deletion, for a card that may be on its way.

        Returns
        -------
        Change
            All that became of the message lately.
        """
        known = self._changes.pop(message_id, Change())
        merged = self._changes[message_id] = Change(
            edited_at=change.edited_at or known.edited_at,
            deleted_at=known.deleted_at or change.deleted_at,
        )
        if len(self._changes) > _REMEMBERED:
            self._changes.popitem(last=False)
        return merged

    # What cards show.

    async def refresh(self, decision_id: int, client: discord.Client) -> bool:
        """Bring what stands above and below a card up to date; one request, or none.

        Never raises. A card in an archived thread wakes it.

        Returns
        -------
        bool
            False if there is a card and it stays as it was.
        """
        history = await self._history(decision_id)
        if history is not None and history.card is not None:
            place = history.card
            channel = client.get_partial_messageable(place.channel_id)
            card = channel.get_partial_message(place.card_id)
            server = client.get_guild(history.decision.server_id)
            return await self._refresh(decision_id, card, server)
        return True

    async def refresh_in(self, server: discord.Guild, decision_id: int) -> None:
        """The same as `refresh`, for a card in the log channel of a server."""
        history = await self._history(decision_id)
        if history is not None and history.card is not None:
            place = history.card
            channel = server.get_channel_or_thread(place.channel_id)
            if isinstance(channel, discord.TextChannel | discord.VoiceChannel | discord.Thread):
                card = channel.get_partial_message(place.card_id)
                await self._refresh(decision_id, card, server)

    async def close(self, card: discord.Message) -> None:
        """Take the buttons away from a card about which nothing can be done. Never raises."""
        try:
            await card.edit(view=None)
        except Exception as error:
            log.warning("An old card keeps its buttons: %s", describe(error))

    async def has_card(self, decision_id: int) -> bool:
        """Whether a card was posted, as far as the database knows."""
        history = await self._history(decision_id)
        return history is not None and history.card is not None

    async def _refresh(
        self,
        decision_id: int,
        card: discord.Message | discord.PartialMessage,
        server: discord.Guild | None,
    ) -> bool:
        async with self._locks.setdefault(decision_id, asyncio.Lock()):
            history = await self._history(decision_id)
            if history is None:
                return True
            # Whoever has clicked is answered in their language. The card keeps its own: what it
            # quotes is not kept, so it cannot be written anew in one that was chosen since.
            with speaking_as(history.language, server):
                now = standing(history, datetime.now(UTC))
                view = AlertView(decision_id, now.clicks)
            if self._shown.get(decision_id) == now:
                return True
            try:
                await _edited(card, now.words or None, view, server)
            except discord.NotFound:
                log.debug("Decision %d: its card is gone", decision_id)
            except Exception as error:
                why = describe(error)
                log.warning("Decision %d: its card stays as it is: %s", decision_id, why)
                return False
            self._remember_shown(decision_id, now)
            return True

    def _remember_shown(self, decision_id: int, now: Standing) -> None:
        self._shown[decision_id] = now
        self._shown.move_to_end(decision_id)
        if len(self._shown) > _REMEMBERED:
            self._shown.popitem(last=False)

    async def _history(self, decision_id: int) -> History | None:
        try:
            return await self._verdicts.history(decision_id)
        except DatabaseError as error:
            log.warning("Decision %d: its history cannot be read: %s", decision_id, error)
            return None

    # The words that mattered.

    async def _explain(self, shown: Shown, card: discord.Message) -> None:
        try:
            async with asyncio.timeout(_EXPLAIN_S), self._slots:
                phrase = await self._phrase(shown, card.guild.id if card.guild else 0)
                if phrase is not None:
                    await card.edit(embed=shown.card(phrase))
        except (HexwardError, TimeoutError, discord.HTTPException) as error:
            # The engine is busy, the card is gone: it stays without.
            log.debug("Decision %d stays unexplained: %s", shown.decision_id, describe(error))
        except Exception as error:
            log.warning("Decision %d stays unexplained: %s", shown.decision_id, describe(error))

    async def _phrase(self, shown: Shown, server_id: int) -> Phrase | None:
        decision = shown.decision
        label = max(decision.labels_over, key=lambda over: decision.scores[over])
        return await driving_phrase(
            shown.text,
            decision.scores,
            Label(label),
            decision.thresholds[label],
            partial(self._engine.score, server_id=server_id, priority=Priority.BULK),
        )


async def _edited(
    card: discord.Message | discord.PartialMessage,
    words: str | None,
    view: AlertView,
    server: discord.Guild | None,
) -> None:
    for pause_s in _AGAIN_S:
        try:
            await card.edit(content=words, view=view)
        except STUMBLES:
            await asyncio.sleep(pause_s)
        except discord.HTTPException as error:
            if server is None or not is_asleep(error):
                raise
            await wake(server, card.channel.id)
        else:
            return
    await card.edit(content=words, view=view)
