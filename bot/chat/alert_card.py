"""The card in the log channel: everything a moderator needs to judge a flagged message.

What was done about it later does not stand in the card itself but above it, see `standing`. A card
of the largest size has some 5,600 of the 6,000 characters that Discord takes in an embed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import discord

from bot.chat.cards import ALARM, age, names, score_table
from bot.chat.carried import Carried, Deed, Hurdle, What
from bot.chat.durations import in_words
from bot.chat.quotation import spoiler
from bot.chat.surfaces import words
from bot.language import tr
from bot.rules import Action, Mode
from bot.screening.explain import Phrase
from bot.screening.policy import Decision

_CARRIED_LIMIT = 700


@dataclass(frozen=True, slots=True)
class Background:
    """What the log of decisions knows that puts a flag into its place.

    Attributes
    ----------
    upheld
        Earlier flags of the author in this server that moderators upheld; None: not known.
    within_days
        How far back they were looked for.
    first_id, first_url
        The first decision about the same message, with a link to its card; None if this is it.
    """

    upheld: int | None = None
    within_days: int = 30
    first_id: int | None = None
    first_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A flag as its card tells it.

    Attributes
    ----------
    text
        What was flagged; empty if the message is gone, and with it its words.
    surface
        The name of the text inside the message, as of `bot.chat.surfaces.Surface`.
    person
        Whether the author is a member and not an app or a webhook.
    carried
        What was done or would be done; None if that is not known any more.
    trial
        Whether there is no such message, and the card is to show that cards arrive.
    """

    decision: Decision
    decision_id: int
    text: str
    surface: str
    author_id: int
    person: bool = True
    channel_id: int
    jump_url: str
    posted_at: datetime
    edited: bool
    model_version: str
    now: datetime
    carried: Carried | None = None
    background: Background = Background()
    trial: bool = False

    def card(self, phrase: Phrase | None = None) -> discord.Embed:
        """The card; see `alert_card`."""
        return alert_card(self, phrase)


def alert_card(alert: Alert, phrase: Phrase | None = None) -> discord.Embed:
    """The card.

    Parameters
    ----------
    phrase
        The words of `Alert.text` that drove the highest score, once they are found.
    """
    decision = alert.decision
    if alert.text:
        quoted = spoiler(alert.text, (phrase.start, phrase.end) if phrase else None)
    else:
        quoted = tr("The message is gone, and its words are not kept.")
    flagged = names(decision.labels_over)
    card = discord.Embed(
        title=tr("Test: {labels}", labels=flagged) if alert.trial else f"Flagged: {flagged}",
        url=alert.jump_url or None,
        colour=ALARM,
        description=quoted,
    )
    scores = score_table(decision)
    if phrase is not None:
        scores += f"\n{about(phrase, decision.thresholds[phrase.label])}"
    card.add_field(name="Scores against thresholds", value=scores, inline=False)
    card.add_field(name="Author", value=_author(alert))
    card.add_field(name="Channel", value=f"<#{alert.channel_id}>")
    posted = discord.utils.format_dt(alert.posted_at, "R")
    card.add_field(
        name="Posted", value=f"{posted}\nflagged {age(alert.posted_at, alert.now)} later"
    )
    if alert.trial:
        told = tr(
            "There is no such message: nothing is done about it, and it counts nowhere. A real "
            "alert has buttons here to judge it and to act on it."
        )
        card.add_field(name=tr("Only a test"), value=told, inline=False)
        card.set_footer(text=tr("Test · model {version}", version=alert.model_version))
        return card
    link = f"[Jump to the message]({alert.jump_url})"
    if alert.background.first_id is not None:
        link += (
            f"\nFlagged before: [decision {alert.background.first_id}]"
            f"({alert.background.first_url})"
        )
    name = words(alert.surface) + (" (edited)" if alert.edited else "")
    card.add_field(name=name, value=link, inline=False)
    if alert.carried is not None:
        title, told = what_was_done(alert.carried)
        card.add_field(name=title, value=told, inline=False)
    card.set_footer(
        text=f"Decision {alert.decision_id} · author {alert.author_id}"
        f" · model {alert.model_version}"
    )
    return card


def about(phrase: Phrase, threshold: float) -> str:
    """How much the marked words count: by themselves, and when they are left out."""
    label, alone, without = phrase.label.caption, phrase.alone, phrase.without
    if without is None:
        return tr("The marked words by themselves: {label} {alone:.2f}.", label=label, alone=alone)
    if without >= threshold:
        return tr(
            "The marked words by themselves: {label} {alone:.2f}. Without them the score is still "
            "{without:.2f}: other words weigh as much.",
            label=label,
            alone=alone,
            without=without,
        )
    return tr(
        "The marked words by themselves: {label} {alone:.2f}. Without them the score would be "
        "{without:.2f}.",
        label=label,
        alone=alone,
        without=without,
    )


def _author(alert: Alert) -> str:
    lines = [f"<@{alert.author_id}>"]
    if alert.person:
        made_at = discord.utils.snowflake_time(alert.author_id)
        lines.append(f"account made {discord.utils.format_dt(made_at, 'R')}")
        upheld, days = alert.background.upheld, in_words(timedelta(alert.background.within_days))
        flags = {0: "no earlier flags", 1: "1 earlier flag"}
        if upheld is not None:
            lines.append(f"{flags.get(upheld, f'{upheld} earlier flags')} upheld in {days}")
    return "\n".join(lines)


def what_was_done(carried: Carried) -> tuple[str, str]:
    """The heading and the words for what a flag led to, or would have led to."""
    if carried.mode is Mode.OBSERVE:
        heading = "Mode: observe"
        lines = [_would(carried)]
    else:
        heading = "Mode: enforce"
        lines = [_outcome(deed, carried) for deed in carried.deeds] or ["Alert only."]
    if carried.escalated_from is not None:
        flags = "flag" if carried.earlier == 1 else "flags"
        lines.append(
            f"Escalated from {carried.escalated_from}, for {carried.earlier} earlier {flags}."
        )
    # Where it was found out in the doing, the deed's own line says it.
    if carried.spared is not None and all(one.why_not != carried.spared for one in carried.deeds):
        lines.append(f"Not acted on: {carried.spared}")
    if carried.notice is not None:
        lines.append(carried.notice)
    told = "\n".join(lines)
    return heading, told if len(told) <= _CARRIED_LIMIT else told[: _CARRIED_LIMIT - 1] + "…"


def _would(carried: Carried) -> str:
    match carried.action:
        case Action.DELETE:
            would = "the message would have been deleted"
        case Action.TIMEOUT if carried.spared is not None:
            would = "the message would have been deleted"
        case Action.TIMEOUT:
            lasting = f" for {in_words(carried.timeout)}" if carried.timeout else ""
            would = f"the message would have been deleted and its author timed out{lasting}"
        case _:
            return "Alert only."
    return f"Nothing was done. In enforce mode {would}."


def _outcome(deed: Deed, carried: Carried) -> str:
    if deed.what is What.DELETE:
        done, failed = "Message deleted.", "Message not deleted"
    else:
        lasting = f" for {in_words(carried.timeout)}" if carried.timeout else ""
        until = f", until {discord.utils.format_dt(deed.until, 'f')}" if deed.until else ""
        done, failed = f"Author timed out{lasting}{until}.", "Author not timed out"
    if deed.done:
        return done
    if deed.hurdle is Hurdle.PENDING:
        return _trying_on(deed)
    remedy = f" {deed.remedy}" if deed.remedy else ""
    return f"{failed}: {deed.why_not or 'it failed.'}{remedy}"


def _trying_on(deed: Deed) -> str:
    if deed.what is What.DELETE:
        return tr(
            "Message not deleted yet: Discord does not let it through. I keep trying for some "
            "minutes; what comes of it will stand above."
        )
    return tr(
        "Author not timed out yet: Discord does not let it through. I keep trying for some "
        "minutes; what comes of it will stand above."
    )
