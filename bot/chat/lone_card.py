"""The alert for a title or a name: without a message to jump to, it names thread and member."""

from __future__ import annotations

import discord

from bot.chat.cards import ALARM, names, score_table
from bot.chat.quotation import spoiler
from bot.chat.surfaces import Surface
from bot.language import tr
from bot.screening.policy import Decision


def lone_card(
    surface: Surface,
    author_id: int,
    channel_id: int,
    decision: Decision,
    decision_id: int,
    model_version: str,
) -> discord.Embed:
    """What moderators see of a flagged title or name.

    Parameters
    ----------
    surface
        ``title``, ``nickname``, ``display-name`` or ``username``, and the text.
    author_id
        Who opened the thread, or whose name it is.
    channel_id
        The thread's id, for a title.
    """
    card = discord.Embed(
        title=_title(surface.name, names(decision.labels_over)),
        colour=ALARM,
        description=spoiler(surface.text),
    )
    card.add_field(name=tr("Scores against thresholds"), value=score_table(decision), inline=False)
    if surface.name == "title":
        card.add_field(name=tr("Opened by"), value=f"<@{author_id}>")
        card.add_field(name=tr("Thread"), value=f"<#{channel_id}>")
    else:
        card.add_field(name=tr("Member"), value=f"<@{author_id}>")
    card.set_footer(
        text=tr(
            "Decision {number} · author {author} · model {version}",
            number=decision_id,
            author=author_id,
            version=model_version,
        )
    )
    return card


def _title(surface: str, labels: str) -> str:
    match surface:
        case "title":
            return tr("Flagged title: {labels}", labels=labels)
        case "nickname":
            return tr("Flagged nickname: {labels}", labels=labels)
        case "display-name":
            return tr("Flagged display name: {labels}", labels=labels)
        case _:
            return tr("Flagged user name: {labels}", labels=labels)
