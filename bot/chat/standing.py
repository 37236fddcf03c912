"""What stands above a flag's card and below it: who did what and when, and what can be done still.

Both follow from the database alone, so they are the same whoever writes them, whenever. The card
itself, which quotes the message, never has to be read again for it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from discord.utils import format_dt

from bot.chat.carried import hurdle_in_words
from bot.chat.cut_off_lines import cut_off_line
from bot.chat.durations import in_words
from bot.chat.surfaces import NAMES, TITLE, stands_alone
from bot.language import tr
from bot.storage.history import CutShort, DeedKind, DeedResult, History, RecordedDeed, Verdict
from bot.storage.members import FORGOTTEN

# A line has at most some 150 characters and a message takes 2,000.
_MOST_LINES = 8
# Done within so long of each other by the same moderator, an upholding goes without saying.
_TOGETHER = timedelta(seconds=60)


class Click(StrEnum):
    """What a moderator can do with a card."""

    UPHOLD = "uphold"
    DISMISS = "dismiss"
    DELETE = "delete"
    TIMEOUT = "timeout"
    RENAME = "rename"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a card shows beside the flag itself.

    Attributes
    ----------
    words
        What became of the flag; empty as long as there is nothing to tell.
    clicks
        What can still be done, in the order of the buttons.
    """

    words: str
    clicks: tuple[Click, ...]


FRESH = Standing("", (Click.UPHOLD, Click.DISMISS, Click.DELETE, Click.TIMEOUT))


def standing(history: History, now: datetime) -> Standing:
    """What a card is to show now."""
    return Standing("\n".join(_lines(history)[-_MOST_LINES:]), clicks(history, now))


def undone_by_rules(history: History) -> list[str]:
    """What the server's rules asked for and was not done, a line each: the card tells it itself."""
    lines = (
        _late(deed)
        for deed in history.deeds
        if deed.moderator_id is None
        and deed.result is DeedResult.FAILED
        and deed.kind not in history.open_deeds
    )
    return [line for line in lines if line is not None]


def clicks(history: History, now: datetime) -> tuple[Click, ...]:
    """What can still be done about a flag."""
    judged = None if history.verdict is None else history.verdict.verdict
    timeout = history.timeout(now)
    surface = history.decision.surface
    if stands_alone(surface):
        named = surface in NAMES and history.last(DeedKind.RENAME, DeedResult.DONE) is None
        possible = {
            Click.UPHOLD: judged is None,
            Click.DISMISS: judged is None,
            Click.RENAME: named and judged is not Verdict.DISMISSED,
            Click.UNDO: judged is not None,
        }
        return tuple(click for click, can in possible.items() if can)
    possible = {
        Click.UPHOLD: judged is None,
        Click.DISMISS: judged is None,
        Click.DELETE: judged is not Verdict.DISMISSED and not history.message_gone,
        # Whether its author is still a member, Discord is asked when somebody clicks: who left may
        # be back by then.
        Click.TIMEOUT: judged is not Verdict.DISMISSED
        and timeout is None
        and not history.by_webhook,
        Click.UNDO: judged is not None or timeout is not None,
    }
    return tuple(click for click, can in possible.items() if can)


def _lines(history: History) -> list[str]:
    told: list[tuple[datetime, str]] = []
    if history.edited_at is not None:
        edited = tr("Message edited {when}, after it was flagged", when=_when(history.edited_at))
        told.append((history.edited_at, edited))
    if history.deleted_at is not None and history.deletion is None:
        when = _when(history.deleted_at)
        deleted = tr("Message deleted {when}", when=when)
        if history.decision.surface == TITLE:
            deleted = tr("Thread deleted {when}", when=when)
        told.append((history.deleted_at, deleted))
    for deed in history.deeds:
        words = _deed(deed, history.open_deeds)
        if words is not None:
            told.append((deed.at, words))
    if history.verdict is not None and not _goes_without_saying(history):
        given = history.verdict
        who, when = _who(given.moderator_id), _when(given.at)
        if given.verdict is Verdict.UPHELD:
            words = tr("**Upheld** by {who} {when}", who=who, when=when)
        else:
            words = tr("**Dismissed as a false alarm** by {who} {when}", who=who, when=when)
        told.append((given.at, words))
    return [words for _, words in sorted(told, key=lambda entry: entry[0])]


def _deed(deed: RecordedDeed, open_deeds: Collection[DeedKind]) -> str | None:
    """One line about a deed; None for what the card says itself or what is under way."""
    who, when = _who(deed.moderator_id), _when(deed.at)
    if deed.kind is DeedKind.UNDO:
        match None if deed.detail is None else Verdict(deed.detail):
            case Verdict.UPHELD:
                return tr("“Upheld” taken back by {who} {when}", who=who, when=when)
            case Verdict.DISMISSED:
                return tr("“False alarm” taken back by {who} {when}", who=who, when=when)
            case _:
                return tr("Undone by {who} {when}", who=who, when=when)
    if deed.moderator_id is None:  # by the server's rules
        if _was_lifted(deed):
            return tr("Timeout lifted {when}", when=_when(deed.changed_at))
        if _stays(deed):
            return tr("Lifting the timeout was interrupted; it was not lifted")
        # The card tells it, unless it had to be posted before.
        return _late(deed) if deed.kind in open_deeds else None
    if deed.result is DeedResult.FAILED:
        # What else went wrong was told to who clicked.
        return None if deed.cut_short is None else cut_off_line(deed, deed.cut_short, who, when)
    if deed.kind is DeedKind.DELETE:
        if deed.result is not DeedResult.DONE:
            return None
        return tr("**Message deleted** by {who} {when}", who=who, when=when)
    if deed.kind is DeedKind.RENAME:
        if deed.result is not DeedResult.DONE:
            return None
        return tr("**Name reset** by {who} {when}", who=who, when=when)
    return _timeout(deed, who, when)


def _timeout(deed: RecordedDeed, who: str, when: str) -> str | None:
    """One line about a timeout that a moderator gave; None while it is under way or if it failed,
    which is told to who clicked."""
    ends_at = deed.ends_at()
    if ends_at is None or deed.duration is None:
        return None  # a timeout has a duration
    lasting = in_words(deed.duration)
    match deed.result:
        case DeedResult.DONE if _stays(deed):
            return tr(
                "**Author timed out** for {lasting} by {who} {when}, until {until}; lifting it was "
                "interrupted",
                lasting=lasting,
                who=who,
                when=when,
                until=format_dt(ends_at, "f"),
            )
        case DeedResult.DONE | DeedResult.LIFTING:
            return tr(
                "**Author timed out** for {lasting} by {who} {when}, until {until}",
                lasting=lasting,
                who=who,
                when=when,
                until=format_dt(ends_at, "f"),
            )
        case DeedResult.UNDONE if deed.detail:
            return tr(
                "Author timed out for {lasting} by {who} {when}; ended",
                lasting=lasting,
                who=who,
                when=when,
            )
        case DeedResult.UNDONE:
            return tr(
                "Author timed out for {lasting} by {who} {when}; lifted {lifted}",
                lasting=lasting,
                who=who,
                when=when,
                lifted=_when(deed.changed_at),
            )
        case _:
            return None


def _late(deed: RecordedDeed) -> str | None:
    """One line about what the bot did, or gave up, once the card was posted."""
    when = _when(deed.changed_at)
    match deed.kind, deed.result:
        case DeedKind.DELETE, DeedResult.DONE:
            return tr("Message deleted {when}", when=when)
        case DeedKind.DELETE, DeedResult.FAILED if deed.cut_short is CutShort.UNKNOWN:
            return tr(
                "Deleting the message was interrupted {when}; whether it is gone is not known",
                when=when,
            )
        case DeedKind.DELETE, DeedResult.FAILED:
            why = hurdle_in_words(deed.detail)
            return tr("Message not deleted {when}: {why}", when=when, why=why)
        case DeedKind.TIMEOUT, DeedResult.DONE | DeedResult.LIFTING:
            return tr("Author timed out {when}", when=when)
        case DeedKind.TIMEOUT, DeedResult.FAILED if deed.cut_short is CutShort.OTHER:
            return tr(
                "Timing the author out was interrupted {when}; afterwards the author was timed "
                "out, but by another timeout",
                when=when,
            )
        case DeedKind.TIMEOUT, DeedResult.FAILED if deed.cut_short not in (
            None,
            CutShort.NOT_DONE,
        ):
            return tr(
                "Timing the author out was interrupted {when}; whether it was done is not known",
                when=when,
            )
        case DeedKind.TIMEOUT, DeedResult.FAILED:
            why = hurdle_in_words(deed.detail)
            return tr("Author not timed out {when}: {why}", when=when, why=why)
        case _:
            return None


def _stays(deed: RecordedDeed) -> bool:
    """Whether a timeout runs on because a stop came when it was being lifted."""
    return (
        deed.kind is DeedKind.TIMEOUT
        and deed.result is DeedResult.DONE
        and deed.cut_short is not None
    )


def _was_lifted(deed: RecordedDeed) -> bool:
    return deed.kind is DeedKind.TIMEOUT and deed.result is DeedResult.UNDONE and not deed.detail


def _goes_without_saying(history: History) -> bool:
    """Whether a moderator's deed that stands says already that they upheld the flag."""
    given = history.verdict
    return (
        given is not None
        and given.verdict is Verdict.UPHELD
        and any(
            deed.moderator_id == given.moderator_id
            and deed.result in (DeedResult.DONE, DeedResult.LIFTING)
            and deed.kind is not DeedKind.UNDO
            and deed.at <= given.at <= deed.changed_at + _TOGETHER
            for deed in history.deeds
        )
    )


def _who(moderator_id: int | None) -> str:
    return tr("a moderator") if moderator_id in (None, FORGOTTEN) else f"<@{moderator_id}>"


def _when(moment: datetime) -> str:
    return format_dt(moment, "R")
