"""A page of a server's decisions as moderators see it.

Ids, scores and what became of each flag; never a message's text, which stands on Discord alone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import discord
from discord.utils import format_dt

from bot.chat.durations import in_words
from bot.chat.lookup import permissions_in
from bot.chat.standing import standing, undone_by_rules
from bot.chat.surfaces import MESSAGE_WORDS, words
from bot.language import tr
from bot.rules import Action, Mode
from bot.storage.decisions import Outcome, RecordedDecision
from bot.storage.history import History
from bot.storage.journal import Page
from bot.storage.members import FORGOTTEN

PER_PAGE = 5
"""Entries on one page. With a heading each they stay below the 6,000 characters of an embed."""

_ENTRY_LIMIT = 1_000
_COLOUR = discord.Colour(0x56B4E9)


def page_card(
    page: Page, server: discord.Guild, reader: discord.Member, now: datetime
) -> discord.Embed:
    """The page, without a heading.

    Parameters
    ----------
    reader
        Nothing is told of channels that they cannot see.
    """
    card = discord.Embed(colour=_COLOUR)
    if not page.entries:
        card.description = tr("There is no such decision in the log.")
    for history in page.entries:
        decision = history.decision
        card.add_field(
            name=tr("Decision {number}", number=str(decision.id)),
            value=_entry(history, server, now)
            if _may_see(decision, server, reader)
            else tr("In a channel that you cannot see."),
            inline=False,
        )
    return card


def _may_see(decision: RecordedDecision, server: discord.Guild, reader: discord.Member) -> bool:
    channel = server.get_channel_or_thread(decision.channel_id)
    return channel is None or permissions_in(channel, reader).view_channel


def _entry(history: History, server: discord.Guild, now: datetime) -> str:
    decision = history.decision
    lines = [_who_and_where(history, server), _labels(decision), _what(history)]
    lines += [_would(history)] if decision.mode is Mode.OBSERVE else []
    lines += undone_by_rules(history)
    lines += standing(history, now).words.splitlines()
    told = "\n".join(line for line in lines if line)
    # Whole lines, so that no mention or time is cut in two.
    while len(told) > _ENTRY_LIMIT and "\n" in told:
        told = told.rpartition("\n")[0]
    return told


def _who_and_where(history: History, server: discord.Guild) -> str:
    """When, who and where, with a link to the message where there is one."""
    decision = history.decision
    when = format_dt(decision.decided_at, "f")
    if decision.author_id == FORGOTTEN:
        return tr("{when} · the author asked to be forgotten", when=when)
    facts = {
        "when": when,
        # Discord would show a mention of it as nothing but the number.
        "who": tr("a webhook") if history.by_webhook else f"<@{decision.author_id}>",
        "where": f"<#{decision.channel_id}>",
        "what": words(decision.surface) + _edited(decision),
    }
    root = decision.surface.partition("/")[0].partition("-")[0]
    if root not in (*MESSAGE_WORDS, "forward"):  # a title or a name: there is no message
        return tr("{when} · {who} · {what}", when=when, who=facts["who"], what=facts["what"])
    url = f"https://discord.com/channels/{server.id}/{decision.channel_id}/{decision.message_id}"
    return tr("{when} · {who} in {where} · [{what}]({url})", **facts, url=url)


def _edited(decision: RecordedDecision) -> str:
    """Which revision of the text it was, if not the first."""
    if not decision.revision:
        return ""
    moment = datetime.fromtimestamp(decision.revision / 1000, UTC)
    return tr(", as edited {when}", when=format_dt(moment, "t"))


def _labels(decision: RecordedDecision) -> str:
    return " · ".join(
        f"**{label.caption}** {decision.scores[label]:.2f} ≥ {decision.thresholds[label]:.2f}"
        for label in decision.labels_over
    )


def _what(history: History) -> str:
    """What the flag led to, by the server's rules."""
    decision, deletion = history.decision, history.deletion
    deleted = deletion is not None and deletion.moderator_id is None
    match decision.outcome:
        case None:
            return tr("What it led to is not known yet.")
        case Outcome.LOGGED:
            return tr("It was written down only.")
        case Outcome.ALERTED:
            return tr("Moderators were alerted.")
        case Outcome.DELETED:
            return tr("The message was deleted.")
        case Outcome.TIMED_OUT if deleted and decision.timeout is not None:
            return tr(
                "The message was deleted and its author timed out for {time}.",
                time=in_words(decision.timeout),
            )
        case Outcome.TIMED_OUT if decision.timeout is not None:
            return tr("The author was timed out for {time}.", time=in_words(decision.timeout))
        case Outcome.TIMED_OUT:
            return tr("The author was timed out.")
        case Outcome.NO_LOG_CHANNEL:
            return tr("Nobody was alerted: no log channel was set.")
        case Outcome.LOG_CHANNEL_GONE:
            return tr("Nobody was alerted: the log channel was gone.")
        case Outcome.MISSING_PERMISSION:
            return tr("Nobody was alerted: a permission was missing in the log channel.")
        case Outcome.CROWDED_OUT:
            return tr("It got no card of its own: too many flags came at once.")
        case Outcome.MESSAGE_GONE:
            return tr("Nothing was done: the message was gone or had changed.")
        case Outcome.EXEMPT:
            return tr("Nothing was done: the author or the channel had been exempted meanwhile.")
        case Outcome.TOO_LATE:
            return tr("Nothing was done: it was found too late.")
        case Outcome.FAILED:
            return tr("It failed. The host's log says more.")


def _would(history: History) -> str:
    """What would have been done had the server enforced its rules."""
    match history.decision.action:
        case Action.TIMEOUT.value if not history.by_webhook:
            lasting = history.decision.timeout or timedelta()
            return tr(
                "Not enforced: the message would have been deleted and its author timed out for "
                "{time}.",
                time=in_words(lasting),
            )
        case Action.DELETE.value | Action.TIMEOUT.value:
            return tr("Not enforced: the message would have been deleted.")
        case _:
            return ""
