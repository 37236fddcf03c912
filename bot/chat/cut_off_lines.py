"""What cards tell of clicks in the middle of which a stop came: nobody could be answered."""

from __future__ import annotations

from datetime import timedelta

from bot.chat.durations import in_words
from bot.language import tr
from bot.storage.history import CutShort, DeedKind, RecordedDeed


def cut_off_line(deed: RecordedDeed, found: CutShort, who: str, when: str) -> str:
    """One line about a moderator's click, and what was found afterwards.

    Parameters
    ----------
    who, when
        The moderator, and the time of the click, as Discord shows them.
    """
    match deed.kind, found:
        case DeedKind.DELETE, CutShort.NOT_DONE:
            return tr(
                "Deletion by {who} {when} was interrupted; the message still stood",
                who=who,
                when=when,
            )
        case DeedKind.DELETE, _:
            return tr(
                "Deletion by {who} {when} was interrupted; whether the message is gone "
                "is not known",
                who=who,
                when=when,
            )
        case DeedKind.RENAME, CutShort.NOT_DONE:
            return tr(
                "Resetting of the name by {who} {when} was interrupted; it was not reset",
                who=who,
                when=when,
            )
        case DeedKind.RENAME, _:
            return tr(
                "Resetting of the name by {who} {when} was interrupted; whether it was "
                "reset is not known",
                who=who,
                when=when,
            )
    lasting = in_words(deed.duration or timedelta())
    match found:
        case CutShort.NOT_DONE:
            return tr(
                "Timeout for {lasting} by {who} {when} was interrupted; afterwards the author "
                "was not timed out",
                lasting=lasting,
                who=who,
                when=when,
            )
        case CutShort.OTHER:
            return tr(
                "Timeout for {lasting} by {who} {when} was interrupted; afterwards the author "
                "was timed out, but by another timeout",
                lasting=lasting,
                who=who,
                when=when,
            )
        case CutShort.LEFT:
            return tr(
                "Timeout for {lasting} by {who} {when} was interrupted; the author had left, so "
                "whether it was given is not known",
                lasting=lasting,
                who=who,
                when=when,
            )
        case CutShort.OVER:
            return tr(
                "Timeout for {lasting} by {who} {when} was interrupted; whether it was "
                "given is not known, and it would be over by now",
                lasting=lasting,
                who=who,
                when=when,
            )
        case CutShort.UNKNOWN:
            return tr(
                "Timeout for {lasting} by {who} {when} was interrupted; whether it was "
                "given is not known",
                lasting=lasting,
                who=who,
                when=when,
            )
