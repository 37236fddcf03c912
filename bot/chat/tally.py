"""Counts what went unscreened and says so: to the host in one line a minute, to each server in one
line per spell, never in one per message.

A spell's line is posted when no more messages went unscreened for a moment, or after a few minutes
at the latest; from then on it is kept up to date, until all that it speaks of is settled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum

import discord

from bot.chat.faults import STUMBLES
from bot.chat.languages import speaking_to
from bot.chat.log_channel import find_log_channel
from bot.chat.spells import Spell, resumed, summary
from bot.errors import DatabaseError
from bot.logs import describe
from bot.storage.servers import Servers
from bot.storage.unscreened import UnscreenedMessage
from bot.storage.unscreened_lines import UnscreenedLines

log = logging.getLogger(__name__)

# Seconds between two lines in the host's log.
HOST_EVERY_S = 60.0
# Seconds without another unscreened message after which a spell is over.
QUIET_S = 15.0
# Seconds between two looks at a line that is not final yet.
EVERY_S = 120.0
# Seconds for which it is tried to post a line to which nothing will be added.
KEEP_TRYING_S = 3_600.0
# Seconds that telling the rest may take at the stop.
_LAST_WORDS_S = 5.0
# Spells of a server of which something is still to be told; before more, the oldest is let go.
_MOST_SPELLS = 20


class Settled(Enum):
    """What became of a message that had gone unscreened."""

    SCREENED = "screened"
    GONE = "gone"
    LOST = "lost"


class Tally:
    """Messages that could not be screened, and who was told of them.

    Parameters
    ----------
    lines
        Where lines are remembered that are not final at a stop.
    catching_up
        Whether such messages are screened later.
    """

    def __init__(
        self,
        client: discord.Client,
        servers: Servers,
        lines: UnscreenedLines,
        *,
        catching_up: bool,
    ) -> None:
        self._client = client
        self._servers = servers
        self._lines = lines
        self._catching_up = catching_up
        self._count = 0
        self._why = ""
        self._timer: asyncio.TimerHandle | None = None
        self._current: dict[int, Spell] = {}
        self._spells: dict[int, list[Spell]] = {}
        self._telling: dict[Spell, asyncio.Task[None]] = {}
        self._quiet_at: dict[Spell, float] = {}
        # Those of which the host knows that they cannot be told.
        self._complained: set[Spell] = set()
        # By server: what became of messages that no spell speaks of yet.
        self._noted: dict[int, dict[int, Settled]] = {}
        self._stopped = False

    def add(
        self, server_id: int | None, channel_id: int, message_id: int, error: BaseException
    ) -> None:
        """Count one message; the host hears of the first at once, of the others within a minute."""
        if not self._count:  # not for each of thousands a second
            self._why = describe(error)
        self._count += 1
        if self._timer is None and not self._stopped:
            self._report()
            self._timer = asyncio.get_running_loop().call_later(HOST_EVERY_S, self._timer_ended)
        if server_id is None:
            return
        self._noted.get(server_id, {}).pop(message_id, None)  # an edit: it waits once more
        now = datetime.now(UTC)
        spell = self._current.get(server_id)
        if spell is None:
            spell = self._current[server_id] = Spell(server_id, now, now)
            self._begin(spell)
        spell.add(channel_id, message_id, now)
        if not self._catching_up:
            spell.waiting.clear()  # nobody will ever ask for it
        self._quiet_at[spell] = asyncio.get_running_loop().time() + QUIET_S

    def note(self, server_id: int) -> None:
        """Begin to note what becomes of messages that are not told of yet, until `add_away`.

        What an earlier run has left is screened while it is still being listed.
        """
        self._noted[server_id] = {}

    async def resume(self, server_id: int, left: Sequence[UnscreenedMessage]) -> set[int]:
        """Go on with the lines that an earlier run has left in a server, after `note`.

        Parameters
        ----------
        left
            What that run has left to be screened.

        Returns
        -------
        set of int
            The ids of those messages that these lines tell of.

        Raises
        ------
        DatabaseError
            If it cannot be looked up; nothing is gone on with then.
        """
        taken: set[int] = set()
        noted = self._noted.get(server_id, {})
        lines = await self._lines.of(server_id)
        for stored in lines[:-_MOST_SPELLS]:
            await self._lines.drop(stored.line_id)
        for stored in lines[-_MOST_SPELLS:]:
            channel = self._client.get_partial_messageable(stored.channel_id)
            line = channel.get_partial_message(stored.line_id)
            untaken = [one for one in left if one.message_id not in taken]
            spell = resumed(stored, line, untaken, reduced=self._reduced)
            taken |= spell.waiting
            for message_id in spell.waiting & noted.keys():
                _settle(spell, message_id, noted.pop(message_id))
            self._begin(spell)
        return taken

    def add_away(
        self,
        server_id: int,
        messages: Sequence[tuple[int, int, datetime]],
        left_out: Mapping[int, datetime],
    ) -> None:
        """Messages found later: (channel id, message id, when it was posted) each.

        Those that were settled since `note` are told as what became of them.

        Parameters
        ----------
        left_out
            See `Spell.left_out`.
        """
        noted = self._noted.pop(server_id, {})
        known = {one for spell in self._spells.get(server_id, ()) for one in spell.waiting}
        news = [message for message in messages if message[1] not in known]
        if not news and not left_out:
            return
        first = min((at for *_, at in news), default=datetime.now(UTC))
        spell = Spell(
            server_id,
            first,
            first,
            away=True,
            left_out=left_out,
            reduced=self._reduced,
            over=True,
        )
        for channel_id, message_id, at in news:
            spell.add(channel_id, message_id, at)
        log.info("Server %d: messages posted while away, now caught up: %d", server_id, len(news))
        for message_id, how in noted.items():
            _settle(spell, message_id, how)
        self._begin(spell)

    def settle(self, server_id: int, message_id: int, how: Settled) -> None:
        """Say what became of a message that had gone unscreened."""
        told = [_settle(spell, message_id, how) for spell in self._spells.get(server_id, ())]
        if server_id in self._noted and not any(told):
            self._noted[server_id][message_id] = how

    def lose(self, message_ids: Collection[int]) -> None:
        """These messages, of whatever servers, will not be screened."""
        lost = set(message_ids)
        untold = set(lost)
        for server_id, spells in list(self._spells.items()):
            for spell in spells:
                untold -= spell.waiting
                for message_id in spell.waiting & lost:
                    self.settle(server_id, message_id, Settled.LOST)
        for noted in self._noted.values():  # a server that they are not of takes no notice
            noted.update(dict.fromkeys(untold, Settled.LOST))

    @property
    def _reduced(self) -> bool:
        return not self._client.intents.message_content

    async def stop(self) -> None:
        """Tell the rest; nothing more is counted."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._report()
        tellings = list(self._telling.values())
        for telling in tellings:
            telling.cancel()
        await asyncio.gather(*tellings, return_exceptions=True)
        spells = [spell for spells in self._spells.values() for spell in spells]
        if spells:
            last_words = asyncio.gather(*(self._say(spell, stopping=True) for spell in spells))
            try:
                async with asyncio.timeout(_LAST_WORDS_S):
                    await last_words
            except TimeoutError:
                log.warning("Discord did not take every line about unscreened messages in time")

    # The host's line.

    def _report(self) -> None:
        if self._count:
            log.warning("Messages unscreened: %d; the first because: %s", self._count, self._why)
            self._count = 0

    def _timer_ended(self) -> None:
        self._timer = None
        if self._count:
            self._report()
            self._timer = asyncio.get_running_loop().call_later(HOST_EVERY_S, self._timer_ended)

    # A server's line.

    def _begin(self, spell: Spell) -> None:
        spells = self._spells.setdefault(spell.server_id, [])
        spells.append(spell)
        if self._stopped:
            return
        if len(spells) > _MOST_SPELLS:
            oldest = spells[0]
            if (telling := self._telling.pop(oldest, None)) is not None:
                telling.cancel()
            self._let_go(oldest)  # a task that has not run yet would not do it
        self._telling[spell] = asyncio.create_task(self._tell(spell), name="tell of a spell")

    async def _tell(self, spell: Spell) -> None:
        """Post a spell's line in time and keep it true, until there is nothing more to add."""
        loop = asyncio.get_running_loop()
        try:
            look_at = loop.time() + EVERY_S
            while not spell.over:
                quiet_at = self._quiet_at[spell]
                if quiet_at <= loop.time():
                    spell.over = True
                    del self._current[spell.server_id]
                elif look_at <= loop.time():
                    look_at = loop.time() + EVERY_S
                    await self._say(spell)
                else:
                    await asyncio.sleep(min(quiet_at, look_at) - loop.time())
            if spell.away and spell.waiting:
                await _settled_or_due(spell)
            await self._keep_true(spell)
        finally:
            self._telling.pop(spell, None)
            if not self._stopped:
                self._let_go(spell)

    async def _keep_true(self, spell: Spell) -> None:
        """Say what becomes of a spell that is over; the end of it for a while, until it is said."""
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + KEEP_TRYING_S
        while True:
            spell.changed.clear()
            waiting = bool(spell.waiting)
            if waiting:
                give_up_at = clock() + KEEP_TRYING_S
            said = await self._say(spell)
            if not waiting and (said or clock() >= give_up_at):
                return
            await _settled_or_due(spell)

    def _let_go(self, spell: Spell) -> None:
        if self._current.get(spell.server_id) is spell:
            del self._current[spell.server_id]
        self._quiet_at.pop(spell, None)
        self._complained.discard(spell)
        spells = self._spells.get(spell.server_id, [])
        if spell in spells:
            spells.remove(spell)
        if not spells:
            self._spells.pop(spell.server_id, None)

    async def _say(self, spell: Spell, *, stopping: bool = False) -> bool:
        """Post or edit a spell's line, if there is something new to say and a place for it.

        Returns
        -------
        bool
            False if Discord or the database stumbled, so that the same may well work later.
        """
        with speaking_to(self._client.get_guild(spell.server_id)):
            words = summary(spell, catching_up=self._catching_up, stopping=stopping)
        if words == spell.told:
            return True
        try:
            if spell.line is not None:
                spell.line = await spell.line.edit(content=words)
            elif (channel := await self._log_channel(spell.server_id)) is not None:
                spell.line = await channel.send(words, nonce=_nonce(spell))
                if spell.line.content != words:  # it is there from an earlier try
                    spell.line = await spell.line.edit(content=words)
            spell.told = words
            await self._remember(spell)
        except discord.NotFound:
            spell.told = words  # somebody has deleted the line; that is their right
            await self._forget(spell)
        except Exception as error:
            if spell not in self._complained:
                self._complained.add(spell)
                log.warning(
                    "Server %d: its moderators could not be told of unscreened messages: %s",
                    spell.server_id,
                    describe(error),
                )
            return not isinstance(error, (DatabaseError, *STUMBLES))
        return True

    async def _remember(self, spell: Spell) -> None:
        """Have the next run find a line that is not final."""
        stored = spell.stored()
        if stored is None or not spell.waiting:
            await self._forget(spell)
            return
        try:
            await self._lines.put(stored)
        except DatabaseError as error:
            log.warning("A line about unscreened messages is not on record: %s", error)

    async def _forget(self, spell: Spell) -> None:
        if spell.line is None:
            return
        try:
            await self._lines.drop(spell.line.id)
        except DatabaseError as error:
            log.warning("A line about unscreened messages stays on record: %s", error)

    async def _log_channel(self, server_id: int) -> discord.abc.Messageable | None:
        server = self._client.get_guild(server_id)
        if server is None:
            return None
        settings = await self._servers.get(server_id)
        channel = await find_log_channel(server, settings.log_channel_id)
        return channel if isinstance(channel, discord.abc.Messageable) else None


async def _settled_or_due(spell: Spell) -> None:
    """Wait until all that a spell speaks of is settled, or until its line is to be looked at."""
    try:
        async with asyncio.timeout(EVERY_S):
            await spell.changed.wait()
    except TimeoutError:
        pass


def _nonce(spell: Spell) -> str:
    """What lets Discord drop the second of two lines if it took the first without saying so.

    It does so for some minutes; a line that is tried again after that may stand there twice. At
    most 25 characters.
    """
    return f"{int(spell.first_at.timestamp() * 1000):x}-{spell.server_id:x}"[:25]


def _settle(spell: Spell, message_id: int, how: Settled) -> bool:
    """Count what became of a message; False if it was not one of the spell's."""
    if not spell.settle(message_id, datetime.now(UTC)):
        return False
    spell.screened += how is Settled.SCREENED
    spell.gone += how is Settled.GONE
    spell.lost += how is Settled.LOST
    return True
