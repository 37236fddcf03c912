"""What is said to who clicked a button: who was first, what was undone and what was not."""

from __future__ import annotations

import discord

from bot.language import tr
from bot.storage.history import DeedKind, DeedResult, GivenVerdict, History, RecordedDeed, Verdict
from bot.storage.members import FORGOTTEN


def taken_back(verdict: Verdict) -> str:
    """Which verdict is taken back."""
    if verdict is Verdict.UPHELD:
        return tr("The verdict that the flag was right is taken back.")
    return tr("The verdict that it was a false alarm is taken back.")


def lasting_deeds(history: History) -> str | None:
    """What nobody can undo."""
    if history.deletion is not None:
        return tr("The message stays deleted: Discord cannot bring a deleted message back.")
    if history.last(DeedKind.RENAME, DeedResult.DONE) is not None:
        return tr("The name is not put back, since nobody keeps what it was.")
    return None


def done_before(deed: RecordedDeed, moderator_id: int) -> str:
    """Who has done it already, or is about to."""
    who, when = _who(deed.moderator_id), discord.utils.format_dt(deed.at, "R")
    yours = deed.moderator_id == moderator_id
    if deed.result is DeedResult.BEGUN:
        if yours:
            return tr("You clicked that a moment ago; it is under way.")
        return tr("{who} clicked that a moment ago; it is under way.", who=who)
    if deed.kind is DeedKind.DELETE:
        if yours:
            return tr("You deleted the message already, {when}.", when=when)
        return tr("{who} deleted the message already, {when}.", who=who, when=when)
    if deed.kind is DeedKind.RENAME:
        if yours:
            return tr("You reset the name already, {when}.", when=when)
        return tr("{who} reset the name already, {when}.", who=who, when=when)
    if yours:
        return tr("You timed the author out already, {when}.", when=when)
    return tr("{who} timed the author out already, {when}.", who=who, when=when)


def judged_before(given: GivenVerdict, moderator_id: int) -> str:
    """Who has judged the flag already."""
    who, when = _who(given.moderator_id), discord.utils.format_dt(given.at, "R")
    yours = given.moderator_id == moderator_id
    if given.verdict is Verdict.UPHELD:
        if yours:
            return tr("You upheld this already, {when}. Undo takes it back.", when=when)
        return tr("{who} upheld this already, {when}. Undo takes it back.", who=who, when=when)
    if yours:
        return tr("You dismissed this already, {when}. Undo takes it back.", when=when)
    return tr("{who} dismissed this already, {when}. Undo takes it back.", who=who, when=when)


def _who(moderator_id: int | None) -> str:
    if moderator_id is None:
        return "Hexward"
    if moderator_id == FORGOTTEN:
        return tr("Another moderator")
    return f"<@{moderator_id}>"
