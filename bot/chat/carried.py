"""What became of things that were to be done: the words between those who act and cards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.language import tr
from bot.rules import Action, Mode
from bot.storage.history import CutShort

# How long a flag waits with its card for what is done about it; what takes longer is told later.
PATIENCE = timedelta(seconds=5)


class What(StrEnum):
    """What was to be done."""

    DELETE = "delete"
    TIMEOUT = "timeout"
    LIFT_TIMEOUT = "lift_timeout"
    RENAME = "rename"


class Hurdle(StrEnum):
    """What kept a deed from being done, for code; `Deed.why_not` is for people.

    With `UNANSWERED` it may work later; with `PENDING` it is still tried. What a stop came between
    is told by `bot.storage.history.CutShort`.
    """

    MISSING_PERMISSION = "missing_permission"
    PROTECTED = "protected"
    ABOVE = "above"
    GONE = "gone"
    LEFT = "left"
    ALREADY = "already"
    UNANSWERED = "unanswered"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Deed:
    """What became of something that was to be done.

    Attributes
    ----------
    done
        Whether it was.
    what
        What was asked for.
    why_not
        One sentence for moderators; None if it was done.
    hurdle
        The same for code.
    remedy
        What a moderator of the server can do so that it works the next time, where there is
        something.
    until
        For a timeout that was done or was there already: when it ends.
    """

    done: bool
    what: What
    why_not: str | None = None
    hurdle: Hurdle | None = None
    remedy: str | None = None
    until: datetime | None = None

    @property
    def record(self) -> str | None:
        """Why it was not done, for the database, which speaks no language; None if it was."""
        return None if self.done else (self.hurdle or Hurdle.FAILED).value


def hurdle_in_words(record: str | None) -> str:
    """What `Deed.record` says, in a sentence for moderators."""
    match record:
        case Hurdle.MISSING_PERMISSION:
            return tr("I lack a permission for it; `/doctor` says which.")
        case Hurdle.PROTECTED:
            return tr("The member is not to be acted on.")
        case Hurdle.ABOVE:
            return tr("The member’s highest role is not below mine.")
        case Hurdle.GONE:
            return tr("The message was already deleted.")
        case Hurdle.LEFT:
            return tr("The member has left the server.")
        case Hurdle.ALREADY:
            return tr("The member is timed out already, for as long or longer.")
        case Hurdle.UNANSWERED | Hurdle.PENDING:
            return tr("Discord did not let it through in time.")
        case CutShort.NOT_DONE:
            return tr("I was stopped in the middle of it, and did not go on with it afterwards.")
        case _:
            return tr("It failed.")


@dataclass(frozen=True, slots=True)
class Carried:
    """What a flag led to: the facts its card tells.

    Attributes
    ----------
    mode
        The server's mode when it was decided.
    action
        What the server's rules ask for, escalation included.
    deeds
        What was tried, in the order of trying. Empty in *observe*, and for actions that change
        nothing.
    timeout
        How long the author is to be kept quiet, escalation included; None unless `action` is
        `Action.TIMEOUT`.
    escalated_from
        What it would have been without escalation, in words; None if it is the same.
    earlier
        How many earlier flags of the author count: upheld or enforced ones in the escalation's
        window, dismissed ones left out.
    spared
        Why the author may not be acted on, whatever the rules ask for; None otherwise. Filled in
        *observe* as well.
    notice
        What became of the notice to the author, in words; None if none was to be sent.
    """

    mode: Mode = Mode.OBSERVE
    action: Action = Action.ALERT
    deeds: tuple[Deed, ...] = ()
    timeout: timedelta | None = None
    escalated_from: str | None = None
    earlier: int = 0
    spared: str | None = None
    notice: str | None = None

    def deed(self, what: What) -> Deed | None:
        """What became of one thing; None if it was not tried."""
        return next((deed for deed in self.deeds if deed.what is what), None)

    def with_notice(self, notice: str) -> Carried:
        """The same, with what became of the notice."""
        return replace(self, notice=notice)


def in_full(deed: Deed) -> str:
    """Why something was not done, and what can be done about that."""
    return " ".join(words for words in (deed.why_not, deed.remedy) if words)


def hindered(what: What, hurdle: Hurdle, why_not: str) -> Deed:
    """What became of something that was not done."""
    return Deed(False, what, why_not, hurdle)


def lacking(what: What, why_not: str, remedy: str) -> Deed:
    """What became of something for which the bot's role lacks a permission."""
    return Deed(False, what, why_not, Hurdle.MISSING_PERMISSION, remedy=remedy)
