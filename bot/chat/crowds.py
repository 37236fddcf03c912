"""Flags that came faster than Discord takes alerts: one line for all of them, kept true.

The line is posted a moment after the first of them and edited until nothing more comes and nothing
more is to be done. It says what was deleted and what still stands.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import discord

from bot.chat.carried import Carried, Hurdle, What, in_full
from bot.chat.flag import Case
from bot.chat.languages import speaking_to
from bot.chat.standing_button import StandingView
from bot.chat.unseen import Unseen
from bot.language import tr, trn
from bot.logs import describe

log = logging.getLogger(__name__)

# Seconds before a line is posted, and between two looks at whether it is still true.
SUM_UP_EVERY_S = 10.0
# So many looks without news end a crowd; what comes later gets a line of its own.
_QUIET_LOOKS = 3
# Reasons why messages stand that a line names; a sentence or two each, and a message takes 2,000
# characters.
_MOST_REASONS = 3
_MOST_LATER = 3

Post = Callable[[Case, str, discord.ui.View | None], Awaitable[discord.Message | None]]


@dataclass(slots=True)
class Crowd:
    """Flags of a server that have no card.

    Attributes
    ----------
    lone
        Those of them that are titles and names.
    pending
        Those about which something is still to be done.
    deleted, gone
        Those whose message this bot has deleted, and those where somebody else was faster.
    timed_out
        Members, by id.
    standing
        Messages that were to be deleted and stand, by channel id and reason.
    told
        Flags that a line in the log channel tells of.
    first
        The lowest number of their decisions.
    later
        What moderators have done about it since, a sentence each.
    """

    latest: Case
    count: int = 0
    lone: int = 0
    pending: int = 0
    deleted: int = 0
    gone: int = 0
    timed_out: set[int] = field(default_factory=set)
    standing: Counter[tuple[int, str]] = field(default_factory=Counter)
    told: int = 0
    first: int = 0
    later: list[str] = field(default_factory=list)

    @property
    def untold(self) -> int:
        """Flags about which everything is done and which no line tells of yet."""
        return max(0, self.count - self.pending - self.told)

    def add(self, case: Case) -> None:
        """Count a flag."""
        self.count += 1
        self.first = min(self.first or case.decision_id, case.decision_id)
        if case.decision_id > self.latest.decision_id:  # deeds end in another order
            self.latest = case

    def note(self, case: Case, carried: Carried) -> None:
        """Count what was done about a flag that was added."""
        for deed in carried.deeds:
            if deed.what is What.TIMEOUT:
                if deed.done:
                    self.timed_out.add(case.author_id)
            elif deed.what is not What.DELETE:
                continue
            elif deed.done:
                self.deleted += 1
            elif deed.hurdle is Hurdle.GONE:
                self.gone += 1
            else:
                self.standing[case.channel_id, in_full(deed)] += 1

    def words(self, *, stopping: bool = False) -> str:
        """The line as it is true now.

        Parameters
        ----------
        stopping
            Whether what is pending has to wait until the bot runs again.
        """
        messages = self.count - self.lone
        lines = []
        if self.lone:
            lines.append(
                trn(
                    "{count:,} more title or name was flagged, faster than Discord takes alerts. "
                    "It is in the log of decisions.",
                    "{count:,} more titles and names were flagged, faster than Discord takes "
                    "alerts. They are in the log of decisions.",
                    self.lone,
                )
            )
        if messages:
            lines.append(
                trn(
                    "{count:,} more message was flagged, faster than Discord takes alerts. It is "
                    "in the log of decisions, number {last}.",
                    "{count:,} more messages were flagged, faster than Discord takes alerts. They "
                    "are in the log of decisions, up to number {last}.",
                    messages,
                    last=self.latest.decision_id,
                )
            )
        done = []
        if self.deleted == messages > 1:
            done.append(tr("All of them were deleted."))
        elif self.deleted:
            done.append(
                trn(
                    "{count:,} of them was deleted.",
                    "{count:,} of them were deleted.",
                    self.deleted,
                )
            )
        if self.gone:
            done.append(
                trn(
                    "{count:,} of them was gone already.",
                    "{count:,} of them were gone already.",
                    self.gone,
                )
            )
        if self.timed_out:
            done.append(
                trn(
                    "{count:,} member was timed out.",
                    "{count:,} members were timed out.",
                    len(self.timed_out),
                )
            )
        if self.pending:
            done.append(_left(self.pending, stopping=stopping))
        lines += [" ".join(done)] if done else []
        return "\n".join([*lines, *self._standing(), *self.later[-_MOST_LATER:]])

    def button(self) -> StandingView | None:
        """What a moderator can do about what stands; None: nothing does."""
        return StandingView(self.first, self.latest.decision_id) if self.standing else None

    def _standing(self) -> list[str]:
        """What still stands and why, and how to get rid of it."""
        lines = [
            trn(
                "**{count:,} flagged message in {channel} still stands:** {why}",
                "**{count:,} flagged messages in {channel} still stand:** {why}",
                count,
                channel=f"<#{channel_id}>",
                why=why,
            )
            for (channel_id, why), count in self.standing.most_common(_MOST_REASONS)
        ]
        if rest := sum(self.standing.values()) - sum(
            count for _, count in self.standing.most_common(_MOST_REASONS)
        ):
            lines.append(
                trn(
                    "**{count:,} more flagged message still stands**, for other reasons.",
                    "**{count:,} more flagged messages still stand**, for other reasons.",
                    rest,
                )
            )
        if lines:
            lines.append(
                tr(
                    "To get rid of them, put right what is in the way and click the button, delete "
                    "them by hand, or ban who wrote them and have Discord delete their messages. "
                    "The button also deletes what still stands of messages with a card of their "
                    "own."
                )
            )
        return lines


def without_standing(words: str) -> str:
    """A line of which everything is gone that it says still stands.

    For a line that an earlier run has posted, in whatever language: what stands begins with two
    asterisks, and how to get rid of it is said in the line behind.
    """
    kept, before = [], False
    for line in words.split("\n"):
        stands = line.startswith("**")
        if not (stands or before):
            kept.append(line)
        before = stands
    return "\n".join(kept)


class Crowds:
    """Keeps a line for each server in which flags crowd.

    Parameters
    ----------
    post
        Posts a line in the log channel of a case's server; None where that cannot be done.
    unseen
        Who hears of flags that no line tells of, should the line not be posted.
    """

    def __init__(self, post: Post, unseen: Unseen) -> None:
        self._post = post
        self._unseen = unseen
        self._crowds: dict[int, Crowd] = {}
        self._lines: dict[int, _Line] = {}

    def add(self, case: Case, carried: Carried) -> None:
        """Count a flag about which nothing more is done."""
        crowd = self._crowd(case)
        crowd.add(case)
        crowd.note(case, carried)
        self._unseen.await_line(case.server.id, crowd.untold)

    def add_lone(self, case: Case) -> None:
        """Count the flag of a title or a name."""
        crowd = self._crowd(case)
        crowd.add(case)
        crowd.lone += 1
        self._unseen.await_line(case.server.id, crowd.untold)

    def expect(self, case: Case) -> None:
        """Count a flag about which something is still to be done; `done` says how it ended."""
        crowd = self._crowd(case)
        crowd.add(case)
        crowd.pending += 1

    def done(self, case: Case, carried: Carried) -> None:
        """Everything was done, or tried, about a flag that was expected."""
        crowd = self._crowds.get(case.server.id)
        if crowd is not None and crowd.pending:
            crowd.pending -= 1
            crowd.note(case, carried)
            self._unseen.await_line(case.server.id, crowd.untold)

    async def amend(self, server_id: int, line_id: int, words: str | None, *, stands: bool) -> bool:
        """Have a line say at once what a moderator has done. Never raises.

        Parameters
        ----------
        words
            One sentence; None: nothing worth telling.
        stands
            Whether something stands nevertheless.

        Returns
        -------
        bool
            False: that line is not kept up to date any more.
        """
        line = self._lines.get(server_id)
        if line is None or not line.is_message(line_id):
            return False
        crowd = self._crowds[server_id]
        if words is not None:
            crowd.later.append(words)
        if not stands:
            crowd.standing.clear()
        await line.say(crowd)
        return True

    async def drain(self) -> None:
        """Tell at once what is still to be told; for when the client closes."""
        crowds, self._crowds = self._crowds, {}
        lines, self._lines = self._lines, {}
        for line in lines.values():
            line.telling.cancel()
        await asyncio.gather(
            *(lines[server_id].say(crowd, stopping=True) for server_id, crowd in crowds.items())
        )
        for server_id, crowd in crowds.items():
            self._unseen.await_line(server_id, crowd.untold)

    def _crowd(self, case: Case) -> Crowd:
        server_id = case.server.id
        crowd = self._crowds.get(server_id)
        if crowd is None:
            crowd = self._crowds[server_id] = Crowd(case)
            telling = asyncio.create_task(self._tell(server_id, crowd), name="sum up flags")
            self._lines[server_id] = _Line(self._post, telling)
        return crowd

    async def _tell(self, server_id: int, crowd: Crowd) -> None:
        """Post a crowd's line in time and keep it true until there is nothing more to add."""
        before, quiet = "", 0
        while quiet < _QUIET_LOOKS:
            await asyncio.sleep(SUM_UP_EVERY_S)
            await self._lines[server_id].say(crowd)
            self._unseen.await_line(server_id, crowd.untold)
            words = crowd.words()
            quiet = quiet + 1 if words == before and not crowd.pending else 0
            before = words
        del self._crowds[server_id], self._lines[server_id]
        self._unseen.give_up_line(crowd.latest.server, crowd.untold)
        log.warning(
            "Server %d: %d flags came faster than Discord takes alerts, the database has them; "
            "messages that were to be deleted and stand: %d",
            server_id,
            crowd.count,
            sum(crowd.standing.values()),
        )


class _Line:
    """A crowd's line in the log channel, and what it says so far."""

    def __init__(self, post: Post, telling: asyncio.Task[None]) -> None:
        self.telling = telling
        self._post = post
        self._message: discord.Message | None = None
        self._told = ""
        # What was true first must not be what is read last.
        self._turn = asyncio.Lock()

    def is_message(self, message_id: int) -> bool:
        """Whether the line is this message."""
        return self._message is not None and self._message.id == message_id

    async def say(self, crowd: Crowd, *, stopping: bool = False) -> None:
        """Post or edit it, if there is something new to say. Never raises."""
        async with self._turn:
            await self._say(crowd, stopping=stopping)

    async def _say(self, crowd: Crowd, *, stopping: bool) -> None:
        with speaking_to(crowd.latest.server):  # also at the stop, which is no event of a server's
            words, view = crowd.words(stopping=stopping), crowd.button()
        told = crowd.count - crowd.pending
        if words == self._told:
            return
        if self._message is None:
            self._message = await self._post(crowd.latest, words, view)
            if self._message is not None:
                self._told, crowd.told = words, told
            return
        try:
            await self._message.edit(content=words, view=view)
        except discord.NotFound:
            pass  # somebody has deleted the line; that is their right
        except Exception as error:
            log.warning(
                "Server %d: a line about flags stays as it is: %s",
                crowd.latest.server.id,
                describe(error),
            )
            return
        self._told, crowd.told = words, told


def _left(count: int, *, stopping: bool) -> str:
    if stopping:
        return trn(
            "{count:,} of them is still to be dealt with, which is done when Hexward runs again.",
            "{count:,} of them are still to be dealt with, which is done when Hexward runs again.",
            count,
        )
    return trn(
        "{count:,} of them is still to be dealt with.",
        "{count:,} of them are still to be dealt with.",
        count,
    )
