"""What is known of a flag after it was raised: verdict, deeds, card. Values only, no SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.storage.decisions import RecordedDecision

# How long a deed may be under way. What is older was left behind by a crash, and is done again.
UNDER_WAY = timedelta(minutes=2)


class Verdict(StrEnum):
    """A moderator's judgement on a flag."""

    UPHELD = "upheld"
    DISMISSED = "dismissed"


class DeedKind(StrEnum):
    """What can be done about a flag."""

    DELETE = "delete"
    TIMEOUT = "timeout"
    RENAME = "rename"
    UNDO = "undo"


class DeedResult(StrEnum):
    """How far a deed has come.

    Of a kind only one stands at a time (`STANDING`): no second is begun beside it.
    """

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    LIFTING = "lifting"
    UNDONE = "undone"


STANDING = (DeedResult.BEGUN, DeedResult.DONE, DeedResult.LIFTING)


class CutShort(StrEnum):
    """How a deed ended in the middle of which a stop came, as it was found out afterwards.

    `NOT_DONE`: what it was to bring about is not so. With a timeout, `OTHER`: another one runs;
    `LEFT`: the member has left; `OVER`: it would be over by now. In these, and with `UNKNOWN`,
    nobody can tell any more whether it was done.
    """

    NOT_DONE = "stopped"
    OTHER = "stopped, another runs"
    LEFT = "stopped, left"
    OVER = "stopped, over"
    UNKNOWN = "stopped, unknown"


@dataclass(frozen=True, slots=True)
class GivenVerdict:
    """A verdict that stands: whose, and since when."""

    verdict: Verdict
    moderator_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordedDeed:
    """Something that was done, or tried, about a flag.

    Attributes
    ----------
    moderator_id
        None: the bot did it by the server's rules.
    at, changed_at
        When it was begun, and when its result last changed.
    duration
        Of a timeout; None otherwise.
    detail
        Why it failed, what ended a timeout that was not lifted, that lifting it was cut short, or
        for `DeedKind.UNDO` the verdict that was taken back; None otherwise.
    """

    id: int
    kind: DeedKind
    moderator_id: int | None
    at: datetime
    duration: timedelta | None
    result: DeedResult
    changed_at: datetime
    detail: str | None

    def ends_at(self) -> datetime | None:
        """When a timeout is over."""
        return None if self.duration is None else self.at + self.duration

    @property
    def cut_short(self) -> CutShort | None:
        """What was found out of it if a stop came in the middle; None otherwise."""
        return CutShort(self.detail) if self.detail in set(CutShort) else None


@dataclass(frozen=True, slots=True)
class CardPlace:
    """Where a flag's card stands."""

    decision_id: int
    channel_id: int
    card_id: int


@dataclass(frozen=True, slots=True)
class History:
    """A decision and everything that came of it.

    Attributes
    ----------
    deeds
        The one begun first first, also those that failed or were undone.
    card
        None if no card was posted, or it is not known where.
    edited_at, deleted_at
        When the flagged message was first edited after it was flagged, and when it was deleted.
    by_webhook
        Whether a webhook wrote it, which nobody can time out.
    open_deeds
        What the bot was still doing when the card was posted, so that the card itself does not tell
        how it ended.
    language
        In which language the card was posted; None: not known.
    """

    decision: RecordedDecision
    verdict: GivenVerdict | None = None
    deeds: tuple[RecordedDeed, ...] = ()
    card: CardPlace | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    by_webhook: bool = False
    open_deeds: frozenset[DeedKind] = frozenset()
    language: str | None = None

    def last(self, kind: DeedKind, *results: DeedResult) -> RecordedDeed | None:
        """The latest deed of a kind that has come to one of these results."""
        found = [deed for deed in self.deeds if deed.kind is kind and deed.result in results]
        return found[-1] if found else None

    @property
    def deletion(self) -> RecordedDeed | None:
        """The deletion by this bot, once it is done."""
        return self.last(DeedKind.DELETE, DeedResult.DONE)

    @property
    def message_gone(self) -> bool:
        """Whether the flagged message was deleted, by anybody."""
        return self.deletion is not None or self.deleted_at is not None

    def timeout(self, now: datetime) -> RecordedDeed | None:
        """The timeout for this flag that still runs."""
        deed = self.last(DeedKind.TIMEOUT, DeedResult.DONE, DeedResult.LIFTING)
        ends_at = None if deed is None else deed.ends_at()
        return deed if ends_at is not None and ends_at > now else None
