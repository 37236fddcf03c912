"""A spell: a while during which a server's messages went unscreened, told in one line."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import discord

from bot.language import tr, trn
from bot.storage.unscreened import Reason, UnscreenedMessage
from bot.storage.unscreened_lines import UnscreenedLine


@dataclass(slots=True, eq=False)
class Spell:
    """What is known of one spell, and the line in which moderators were told of it.

    Attributes
    ----------
    channels
        How many messages went unscreened, by channel.
    first_at, last_at
        When they were posted or, for those of now, went unscreened.
    away
        Whether they were found later: posted while the bot was away, or left over by an earlier
        run.
    left_out
        Channels in which more was posted while the bot was away than is made up for, and since
        when that is made up for.
    reduced
        Whether only messages that mention the bot can be read.
    waiting
        The messages that are still to be screened.
    screened, gone, lost
        How many were screened since, were deleted before, or will not be screened.
    over
        Whether no more messages will be added.
    line
        The line in the log channel, and what it says.
    """

    server_id: int
    first_at: datetime
    last_at: datetime
    away: bool = False
    channels: Counter[int] = field(default_factory=Counter)
    left_out: Mapping[int, datetime] = field(default_factory=dict)
    reduced: bool = False
    waiting: set[int] = field(default_factory=set)
    screened: int = 0
    gone: int = 0
    lost: int = 0
    over: bool = False
    settled_at: datetime | None = None
    line: discord.Message | discord.PartialMessage | None = None
    told: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def messages(self) -> int:
        """How many went unscreened."""
        return self.channels.total()

    def add(self, channel_id: int, message_id: int, at: datetime) -> None:
        """One more message that is to be screened later; an edit of one that is changes nothing."""
        if message_id in self.waiting:
            return
        self.channels[channel_id] += 1
        self.waiting.add(message_id)
        self.first_at, self.last_at = min(self.first_at, at), max(self.last_at, at)

    def settle(self, message_id: int, now: datetime) -> bool:
        """Take a message off those that wait; False if it was not one of them."""
        if message_id not in self.waiting:
            return False
        self.waiting.discard(message_id)
        if not self.waiting:
            self.settled_at = now
            self.changed.set()
        return True

    def latest_left_out(self) -> list[int]:
        """The channels in which more was posted than is made up for, the latest moment first.

        What is said to be screened must be so in every channel.
        """
        return sorted(self.left_out, key=lambda one: self.left_out[one], reverse=True)

    def stored(self) -> UnscreenedLine | None:
        """What the next run needs to go on with its line; None: there is no line."""
        if self.line is None:
            return None
        places = [channel_id for channel_id, _ in self.channels.most_common()]
        left_out = self.latest_left_out()
        return UnscreenedLine(
            line_id=self.line.id,
            server_id=self.server_id,
            channel_id=self.line.channel.id,
            first_at=self.first_at,
            last_at=self.last_at,
            away=self.away,
            messages=self.messages,
            place_id=places[0] if places else None,
            places=len(places),
            left_out_id=left_out[0] if left_out else None,
            left_out_places=len(left_out),
            left_out_since=self.left_out[left_out[0]] if left_out else None,
            screened=self.screened,
            gone=self.gone,
            lost=self.lost,
        )


# How much earlier a message may have been put down than its spell has counted it.
_A_MOMENT = timedelta(seconds=1)


def resumed(
    stored: UnscreenedLine,
    line: discord.PartialMessage,
    left: Sequence[UnscreenedMessage],
    *,
    reduced: bool = False,
) -> Spell:
    """A spell that an earlier run began to tell of.

    Parameters
    ----------
    left
        What that run has left to be screened, of this spell and of others.
    reduced
        See `Spell.reduced`; as it is now, since nobody has remembered how it was then.
    """
    spell = Spell(
        stored.server_id,
        stored.first_at,
        stored.last_at,
        away=stored.away,
        channels=_places_of(stored),
        left_out=_left_out_of(stored),
        reduced=reduced,
        waiting={one.message_id for one in left if _is_of(stored, one)},
        screened=stored.screened,
        gone=stored.gone,
        lost=stored.lost,
        over=True,
        line=line,
    )
    # What was settled between the last time it was written down and a crash.
    known = spell.screened + spell.gone + spell.lost + len(spell.waiting)
    spell.screened += max(0, spell.messages - known)
    return spell


def _places_of(stored: UnscreenedLine) -> Counter[int]:
    """The channel that is named with almost all messages; of the others only the number is kept."""
    if stored.place_id is None:
        return Counter()
    others = stored.places - 1
    return Counter(
        {stored.place_id: stored.messages - others}
        | {-number: 1 for number in range(1, others + 1)}
    )


def _left_out_of(stored: UnscreenedLine) -> dict[int, datetime]:
    if stored.left_out_id is None or stored.left_out_since is None:
        return {}
    others = range(1, stored.left_out_places)
    return dict.fromkeys([stored.left_out_id, *(-one for one in others)], stored.left_out_since)


def came_at(message: UnscreenedMessage) -> datetime:
    """When a message was posted or, maybe long afterwards, edited."""
    if message.reason is Reason.AWAY:  # found later
        return discord.utils.snowflake_time(message.message_id)
    return message.at


def _is_of(stored: UnscreenedLine, message: UnscreenedMessage) -> bool:
    if stored.away:
        return stored.first_at <= came_at(message) <= stored.last_at
    if message.reason in (Reason.AWAY, Reason.STOPPED):  # told of by whoever finds them
        return False
    return stored.first_at - _A_MOMENT <= message.at <= stored.last_at + _A_MOMENT


def summary(spell: Spell, *, catching_up: bool, stopping: bool = False) -> str:
    """The line that moderators read.

    Times are written for Discord to show in each reader's own time zone.

    Parameters
    ----------
    catching_up
        Whether unscreened messages are screened later at all.
    stopping
        Whether the bot is about to stop.
    """
    sentences = []
    if spell.messages:
        place = _places([channel_id for channel_id, _ in spell.channels.most_common()])
        when = _between(spell.first_at, spell.last_at)
        if spell.away:
            counted = trn(
                "{count:,} message in {place}, posted {when}, went unscreened while Hexward was "
                "away.",
                "{count:,} messages in {place}, posted {when}, went unscreened while Hexward was "
                "away.",
                spell.messages,
                place=place,
                when=when,
            )
        else:
            counted = trn(
                "{count:,} message in {place} could not be screened as it came in, {when}.",
                "{count:,} messages in {place} could not be screened as they came in, {when}.",
                spell.messages,
                place=place,
                when=when,
            )
        sentences.append(counted)
        sentences.append(_since(spell, catching_up=catching_up, stopping=stopping))
    if spell.left_out:
        sentences.append(_left_out(spell))
    return " ".join(sentences)


def _left_out(spell: Spell) -> str:
    latest_first = spell.latest_left_out()
    place, moment = _places(latest_first), _moment(spell.left_out[latest_first[0]])
    if spell.reduced:
        return tr(
            "While Hexward was away, more was posted in {place} than is looked through: there, "
            "what came before {moment} stays unscreened, and of what came later only messages that "
            "mention Hexward are screened.",
            place=place,
            moment=moment,
        )
    return tr(
        "While Hexward was away, more was posted in {place} than is made up for: there, "
        "what came before {moment} stays unscreened.",
        place=place,
        moment=moment,
    )


def _since(spell: Spell, *, catching_up: bool, stopping: bool) -> str:
    """What has become of the messages by now."""
    if not catching_up:
        return tr("Catching up is switched off, so they stay unscreened.")
    by = _moment(spell.settled_at) if spell.settled_at and not spell.waiting else None
    if spell.screened == spell.messages:
        return _all_screened(spell.messages, by)
    clauses = []
    if spell.screened:
        clauses.append(_screened(spell.screened, by))
    if spell.gone:
        clauses.append(
            trn("{count:,} was deleted before", "{count:,} were deleted before", spell.gone)
        )
    if spell.lost:
        clauses.append(trn("{count:,} stays unscreened", "{count:,} stay unscreened", spell.lost))
    if left := len(spell.waiting):
        clauses.append(_left(left, stopping) if clauses else _all_left(spell.messages, stopping))
    return "; ".join(clauses) + "."


def _all_screened(count: int, by: str | None) -> str:
    if by is None:
        return trn("It was screened.", "All of them were screened.", count)
    return trn(
        "It was screened by {moment}.", "All of them were screened by {moment}.", count, moment=by
    )


def _screened(count: int, by: str | None) -> str:
    if by is None:
        return trn("{count:,} was screened since", "{count:,} were screened since", count)
    return trn(
        "{count:,} was screened by {moment}",
        "{count:,} were screened by {moment}",
        count,
        moment=by,
    )


def _left(count: int, stopping: bool) -> str:
    if stopping:
        return trn(
            "{count:,} is to be screened after the next start",
            "{count:,} are to be screened after the next start",
            count,
        )
    return trn(
        "{count:,} is to be screened as soon as there is room",
        "{count:,} are to be screened as soon as there is room",
        count,
    )


def _all_left(count: int, stopping: bool) -> str:
    if stopping:
        return trn(
            "It is to be screened after the next start",
            "They are to be screened after the next start",
            count,
        )
    return trn(
        "It is to be screened as soon as there is room",
        "They are to be screened as soon as there is room",
        count,
    )


def _places(channel_ids: Sequence[int]) -> str:
    """The first channel by name, the others by number."""
    others, channel = len(channel_ids) - 1, f"<#{channel_ids[0]}>"
    if not others:
        return channel
    return trn(
        "{channel} and {count} other channel",
        "{channel} and {count} other channels",
        others,
        channel=channel,
    )


def _between(first: datetime, last: datetime) -> str:
    if int(first.timestamp()) // 60 == int(last.timestamp()) // 60:
        return tr("at {moment}", moment=_moment(first))
    return tr("between {first} and {last}", first=_moment(first), last=_moment(last))


def _moment(at: datetime) -> str:
    return discord.utils.format_dt(at, "t")
