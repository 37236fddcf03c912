"""What stands above a flag's card and below it: who did what and when, and what can be done still.

Both follow from the database alone, so they are the same whoever writes them, whenever. The card
itself, which quotes the message, never has to be read again for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from discord.utils import format_dt

from bot.chat.carried import PATIENCE
from bot.chat.durations import in_words
from bot.language import tr
from bot.storage.history import DeedKind, DeedResult, History, RecordedDeed, Verdict
from bot.storage.members import FORGOTTEN

# A line has at most some 150 characters and a message takes 2,000.
_MOST_LINES = 8
# Done within so long of each other by the same moderator, an upholding goes without saying.
_TOGETHER = timedelta(seconds=60)
# What took the bot so long was told above the card and not in it. A little less than cards wait,
# since it is begun a moment before it is written down as begun.
_LATE = PATIENCE - timedelta(seconds=5)


class Click(StrEnum):
    """What a moderator can do with a card."""

    UPHOLD = "uphold"
    DISMISS = "dismiss"
    DELETE = "delete"
    TIMEOUT = "timeout"
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


def clicks(history: History, now: datetime) -> tuple[Click, ...]:
    """What can still be done about a flag."""
    judged = None if history.verdict is None else history.verdict.verdict
    timeout = history.timeout(now)
    possible = {
        Click.UPHOLD: judged is None,
        Click.DISMISS: judged is None,
        Click.DELETE: judged is not Verdict.DISMISSED and not history.message_gone,
        Click.TIMEOUT: judged is not Verdict.DISMISSED and timeout is None,
        Click.UNDO: judged is not None or timeout is not None,
    }
    return tuple(click for click, can in possible.items() if can)


def _lines(history: History) -> list[str]:
    told: list[tuple[datetime, str]] = []
    if history.edited_at is not None:
        told.append(
            (history.edited_at, f"Message edited {_when(history.edited_at)}, after it was flagged")
        )
    if history.deleted_at is not None and history.deletion is None:
        told.append((history.deleted_at, f"Message deleted {_when(history.deleted_at)}"))
    for deed in history.deeds:
        words = _deed(deed)
        if words is not None:
            told.append((deed.at, words))
    if history.verdict is not None and not _goes_without_saying(history):
        given = history.verdict
        heading = "Upheld" if given.verdict is Verdict.UPHELD else "Dismissed as a false alarm"
        told.append((given.at, f"**{heading}** by {_who(given.moderator_id)} {_when(given.at)}"))
    return [words for _, words in sorted(told, key=lambda entry: entry[0])]


def _deed(deed: RecordedDeed) -> str | None:
    """One line about a deed; None for what the card says itself or what is under way."""
    if deed.kind is DeedKind.UNDO:
        taken = {
            Verdict.UPHELD: "“Upheld” taken back",
            Verdict.DISMISSED: "“False alarm” taken back",
            None: "Undone",
        }[None if deed.detail is None else Verdict(deed.detail)]
        return f"{taken} by {_who(deed.moderator_id)} {_when(deed.at)}"
    if deed.moderator_id is None:  # by the server's rules
        if _was_lifted(deed):
            return f"Timeout lifted {_when(deed.changed_at)}"
        # The card tells it, unless it had to be posted before.
        return _late(deed) if deed.changed_at - deed.at >= _LATE else None
    by = f"by {_who(deed.moderator_id)} {_when(deed.at)}"
    if deed.kind is DeedKind.DELETE:
        return f"**Message deleted** {by}" if deed.result is DeedResult.DONE else None
    lasting = "" if deed.duration is None else f" for {in_words(deed.duration)}"
    match deed.result:
        case DeedResult.DONE | DeedResult.LIFTING:
            ends_at = deed.ends_at()
            until = "" if ends_at is None else f", until {format_dt(ends_at, 'f')}"
            return f"**Author timed out**{lasting} {by}{until}"
        case DeedResult.UNDONE:
            ended = "ended" if deed.detail else f"lifted {_when(deed.changed_at)}"
            return f"Author timed out{lasting} {by}; {ended}"
        case _:  # under way, or it failed, which is told to who clicked
            return None


def _late(deed: RecordedDeed) -> str | None:
    """One line about what the bot did, or gave up, long after it had begun it."""
    when = _when(deed.changed_at)
    match deed.kind, deed.result:
        case DeedKind.DELETE, DeedResult.DONE:
            return tr("Message deleted {when}", when=when)
        case DeedKind.DELETE, DeedResult.FAILED:
            return tr("Message not deleted {when}: {why}", when=when, why=deed.detail or "?")
        case DeedKind.TIMEOUT, DeedResult.DONE | DeedResult.LIFTING:
            return tr("Author timed out {when}", when=when)
        case DeedKind.TIMEOUT, DeedResult.FAILED:
            return tr("Author not timed out {when}: {why}", when=when, why=deed.detail or "?")
        case _:
            return None


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
    return "a moderator" if moderator_id in (None, FORGOTTEN) else f"<@{moderator_id}>"


def _when(moment: datetime) -> str:
    return format_dt(moment, "R")
