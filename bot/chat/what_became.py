"""How deeds ended in the middle of which a stop came: what is so on Discord now tells it.

A way to do something that is not here yet is a member of `QUESTIONS`: where it is asked, and what
is concluded from the answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import discord

from bot.chat.lookup import messages_by_id
from bot.chat.member_deeds import CLOCKS_DIFFER, in_force
from bot.chat.renaming import another_shows
from bot.chat.stubborn import KEEP_TRYING_S
from bot.storage.cut_off import CutOffDeed
from bot.storage.decisions import RecordedDecision
from bot.storage.history import UNDER_WAY, CutShort, DeedKind, DeedResult, RecordedDeed

# Discord keeps a time to the millisecond.
_ROUNDED = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Became:
    """How a deed ended.

    Attributes
    ----------
    done
        Whether it was done; of a timeout that was being lifted, whether it is over.
    why
        What is so instead, or what ended a timeout that was not lifted.
    at
        When it was done or, of a timeout that was lifted, wanted; or when a timeout that still runs
        was given. None: not known.
    """

    done: bool
    why: CutShort | None = None
    at: datetime | None = None


Ends: TypeAlias = dict[int, Became]
Ask: TypeAlias = Callable[
    [discord.Client, discord.Guild, int, Sequence[CutOffDeed]], Awaitable[Ends]
]


@dataclass(frozen=True, slots=True)
class Question:
    """What Discord is asked about deeds of a kind.

    Attributes
    ----------
    place
        The id of what is asked about: one answer serves for all deeds that have it in common.
    ask
        Gets the server, that id, and the deeds; gives how they ended, by their ids. Raises what
        discord.py raises.
    """

    place: Callable[[RecordedDecision], int]
    ask: Ask


async def _messages(
    client: discord.Client, server: discord.Guild, channel_id: int, begun: Sequence[CutOffDeed]
) -> Ends:
    ids = [one.decision.message_id for one in begun]
    try:
        standing = await messages_by_id(client, server, channel_id, ids)
    except discord.NotFound:
        standing = {}
    return {
        one.deed.id: Became(False, CutShort.NOT_DONE)
        if one.decision.message_id in standing
        else Became(True)
        for one in begun
    }


async def _member(
    _client: discord.Client, server: discord.Guild, member_id: int, begun: Sequence[CutOffDeed]
) -> Ends:
    try:
        # Not from memory: without the intent for members nothing keeps that true.
        member = await server.fetch_member(member_id)
    except discord.NotFound:
        return {one.deed.id: _without_member(one.deed) for one in begun}
    now = discord.utils.utcnow()
    return {one.deed.id: _of_member(one, member, now) for one in begun}


def _without_member(deed: RecordedDeed) -> Became:
    return Became(deed.result is DeedResult.LIFTING, CutShort.LEFT)


def _of_member(one: CutOffDeed, member: discord.Member, now: datetime) -> Became:
    if one.deed.kind is DeedKind.RENAME:
        reset = another_shows(member, one.decision.surface)
        return Became(True) if reset else Became(False, CutShort.NOT_DONE)
    if one.deed.result is DeedResult.LIFTING:
        return lifted(one.deed, member.timed_out_until, now)
    return timed_out(one.deed, member.timed_out_until, now)


def timed_out(deed: RecordedDeed, until: datetime | None, now: datetime) -> Became:
    """Whether a timeout was given.

    Parameters
    ----------
    until
        When the member's timeout ends, or ended; None: there is none.
    """
    ends_at = deed.ends_at()
    if deed.duration is None or ends_at is None:
        return Became(False, CutShort.UNKNOWN)
    if until is not None:
        given_at = until - in_force(deed.duration)
        # Discord is told when it ends, counted from when it is asked.
        if deed.at - _ROUNDED <= given_at <= _asked_by(deed):
            return Became(True, at=max(given_at, deed.at))
        if until > now:
            return Became(False, CutShort.OTHER)
    return Became(False, CutShort.OVER if ends_at <= now else CutShort.NOT_DONE)


def _asked_by(deed: RecordedDeed) -> datetime:
    """When Discord was asked at the latest: what the rules want is tried for longer."""
    if deed.moderator_id is not None:
        return deed.at + UNDER_WAY
    return deed.changed_at + timedelta(seconds=KEEP_TRYING_S) + UNDER_WAY


def lifted(deed: RecordedDeed, until: datetime | None, now: datetime) -> Became:
    """Whether a timeout is over that was being lifted.

    Parameters
    ----------
    until
        When the member's timeout ends, or ended; None: there is none.
    """
    if until is None or until <= now:
        ends_at = deed.ends_at()
        by_itself = until is not None or (ends_at is not None and ends_at <= now)
        if by_itself:
            return Became(True, CutShort.OVER)
        return Became(True, at=deed.changed_at)  # when somebody clicked, not when the bot is back
    if deed.duration is not None:
        given_at = until - in_force(deed.duration)
        # It was given before somebody wanted it lifted; what ends later is another one.
        if given_at > deed.changed_at + CLOCKS_DIFFER:
            return Became(True, CutShort.OTHER)
        return Became(False, CutShort.NOT_DONE, min(max(given_at, deed.at), deed.changed_at))
    return Became(False, CutShort.NOT_DONE)


_ABOUT_MEMBER = Question(lambda decision: decision.author_id, _member)

QUESTIONS: Mapping[DeedKind, Question] = {
    DeedKind.DELETE: Question(lambda decision: decision.channel_id, _messages),
    DeedKind.TIMEOUT: _ABOUT_MEMBER,
    DeedKind.RENAME: _ABOUT_MEMBER,
}
