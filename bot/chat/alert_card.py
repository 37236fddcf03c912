"""The card in the log channel: everything a moderator needs to judge a flagged message.

What was done about it later does not stand in the card itself but above it, see `standing`. A card
of the largest size has some 5,600 of the 6,000 characters that Discord takes in an embed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import discord

from bot.chat.captions import mode_line
from bot.chat.cards import ALARM, age, names, score_table
from bot.chat.carried import Carried, Deed, Hurdle, What
from bot.chat.commands import clip
from bot.chat.durations import in_words
from bot.chat.quotation import spoiler
from bot.chat.surfaces import words
from bot.language import tr, trn
from bot.rules import Action, Mode
from bot.screening.explain import Phrase
from bot.screening.policy import Decision
from bot.storage.history import DeedKind

_CARRIED_LIMIT = 700
# As many characters as Discord takes for the name of a webhook.
_NAME_LIMIT = 80


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
    by_webhook
        Whether it is a webhook.
    author_name
        What the author is called; a webhook has no account that Discord could name.
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
    by_webhook: bool = False
    author_name: str = ""
    channel_id: int
    jump_url: str
    posted_at: datetime
    edited: bool
    model_version: str
    now: datetime
    carried: Carried | None = None
    background: Background = Background()
    trial: bool = False

    @property
    def open_deeds(self) -> frozenset[DeedKind]:
        """What is still being done; how it ends will stand above the card."""
        deeds = () if self.carried is None else self.carried.deeds
        return frozenset(
            DeedKind(deed.what.value) for deed in deeds if deed.hurdle is Hurdle.PENDING
        )

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
        marked = (phrase.start, phrase.end) if phrase else None
        quoted = spoiler(alert.text, marked, mentions=True)
    else:
        quoted = tr("The message is gone, and its words are not kept.")
    flagged = names(decision.labels_over)
    card = discord.Embed(
        title=tr("Test: {labels}", labels=flagged)
        if alert.trial
        else tr("Flagged: {labels}", labels=flagged),
        url=alert.jump_url or None,
        colour=ALARM,
        description=quoted,
    )
    scores = score_table(decision)
    if phrase is not None:
        scores += f"\n{about(phrase, decision.thresholds[phrase.label])}"
    card.add_field(name=tr("Scores against thresholds"), value=scores, inline=False)
    card.add_field(name=tr("Author"), value=_author(alert))
    card.add_field(name=tr("Channel"), value=f"<#{alert.channel_id}>")
    posted = discord.utils.format_dt(alert.posted_at, "R")
    later = tr("flagged {age} later", age=age(alert.posted_at, alert.now))
    card.add_field(name=tr("Posted"), value=f"{posted}\n{later}")
    if alert.trial:
        told = tr(
            "There is no such message: nothing is done about it, and it counts nowhere. A real "
            "alert has buttons here to judge it and to act on it."
        )
        card.add_field(name=tr("Only a test"), value=told, inline=False)
        card.set_footer(text=tr("Test · model {version}", version=alert.model_version))
        return card
    if _is_gone(alert.carried):
        links = [tr("[Jump to where it was]({url})", url=alert.jump_url)]
    else:
        links = [tr("[Jump to the message]({url})", url=alert.jump_url)]
    if alert.background.first_id is not None:
        links.append(
            tr(
                "Flagged before: [decision {number}]({url})",
                number=alert.background.first_id,
                url=alert.background.first_url,
            )
        )
    name = words(alert.surface)
    if alert.edited:
        name = tr("{surface} (edited)", surface=name)
    card.add_field(name=name, value="\n".join(links), inline=False)
    if alert.carried is not None:
        title, told = what_was_done(alert.carried)
        card.add_field(name=title, value=told, inline=False)
    card.set_footer(text=_footer(alert))
    return card


def _footer(alert: Alert) -> str:
    facts = {
        "number": alert.decision_id,
        "author": alert.author_id,
        "version": alert.model_version,
    }
    if alert.by_webhook:
        return tr("Decision {number} · webhook {author} · model {version}", **facts)
    return tr("Decision {number} · author {author} · model {version}", **facts)


def _is_gone(carried: Carried | None) -> bool:
    """Whether the message was already deleted; the card leads to what stands around it then."""
    deed = None if carried is None else carried.deed(What.DELETE)
    return deed is not None and (deed.done or deed.hurdle is Hurdle.GONE)


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
    if alert.by_webhook:
        return tr("the webhook {name}", name=clip(alert.author_name, _NAME_LIMIT))
    lines = [f"<@{alert.author_id}>"]
    if alert.person:
        made_at = discord.utils.snowflake_time(alert.author_id)
        lines.append(tr("account made {when}", when=discord.utils.format_dt(made_at, "R")))
        if alert.background.upheld is not None:
            lines.append(_upheld(alert.background.upheld, alert.background.within_days))
    return "\n".join(lines)


def _upheld(count: int, within_days: int) -> str:
    time = in_words(timedelta(within_days))
    if not count:
        return tr("no earlier flags upheld in {time}", time=time)
    return trn(
        "{count} earlier flag upheld in {time}",
        "{count} earlier flags upheld in {time}",
        count,
        time=time,
    )


def what_was_done(carried: Carried) -> tuple[str, str]:
    """The heading and the words for what a flag led to, or would have led to."""
    if carried.mode is Mode.OBSERVE:
        lines = [_would(carried)]
    else:
        lines = [_outcome(deed, carried) for deed in carried.deeds] or [tr("Alert only.")]
    if carried.escalated_from is not None:
        lines.append(
            trn(
                "Escalated from {action}, for {count} earlier flag.",
                "Escalated from {action}, for {count} earlier flags.",
                carried.earlier,
                action=carried.escalated_from,
            )
        )
    # Where it was found out in the doing, the deed's own line says it.
    if carried.spared is not None and all(one.why_not != carried.spared for one in carried.deeds):
        lines.append(tr("No timeout: {why}", why=carried.spared))
    if carried.notice is not None:
        lines.append(carried.notice)
    told = "\n".join(lines)
    if len(told) > _CARRIED_LIMIT:
        told = told[: _CARRIED_LIMIT - 1] + "…"
    return mode_line(carried.mode), told


def _would(carried: Carried) -> str:
    match carried.action:
        case Action.TIMEOUT if carried.spared is None and carried.timeout:
            return tr(
                "Nothing was done. In enforce mode the message would have been deleted and its "
                "author timed out for {lasting}.",
                lasting=in_words(carried.timeout),
            )
        case Action.TIMEOUT if carried.spared is None:
            return tr(
                "Nothing was done. In enforce mode the message would have been deleted and its "
                "author timed out."
            )
        case Action.DELETE | Action.TIMEOUT:
            return tr("Nothing was done. In enforce mode the message would have been deleted.")
        case _:
            return tr("Alert only.")


def _outcome(deed: Deed, carried: Carried) -> str:
    if deed.done and deed.what is What.DELETE:
        return tr("Message deleted.")
    if deed.done:
        return _timed_out(carried.timeout, deed.until)
    if deed.hurdle is Hurdle.PENDING:
        return _trying_on(deed)
    why = " ".join(words for words in (deed.why_not or tr("it failed."), deed.remedy) if words)
    if deed.what is What.DELETE:
        return tr("Message not deleted: {why}", why=why)
    return tr("Author not timed out: {why}", why=why)


def _timed_out(timeout: timedelta | None, until: datetime | None) -> str:
    if timeout is None or until is None:
        return tr("Author timed out.")
    return tr(
        "Author timed out for {lasting}, until {until}.",
        lasting=in_words(timeout),
        until=discord.utils.format_dt(until, "f"),
    )


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
