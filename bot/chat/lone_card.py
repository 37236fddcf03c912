"""The alert for a title or a name: without a message to jump to, it names thread and member."""

from __future__ import annotations

import discord

from bot.chat.cards import ALARM, names, score_table
from bot.chat.quotation import spoiler
from bot.chat.surfaces import Surface
from bot.screening.policy import Decision

_KINDS = {
    "title": "title",
    "nickname": "nickname",
    "display-name": "display name",
    "username": "user name",
}


def lone_card(
    surface: Surface, author_id: int, channel_id: int, decision: Decision, decision_id: int
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
    kind = _KINDS.get(surface.name, surface.name)
    card = discord.Embed(
        title=f"Flagged {kind}: {names(decision.labels_over)}",
        colour=ALARM,
        description=spoiler(surface.text),
    )
    card.add_field(name="Scores against thresholds", value=score_table(decision), inline=False)
    if surface.name == "title":
        card.add_field(name="Opened by", value=f"<@{author_id}>")
        card.add_field(name="Thread", value=f"<#{channel_id}>")
    else:
        card.add_field(name="Member", value=f"<@{author_id}>")
    card.set_footer(text=f"Decision {decision_id} · author {author_id}")
    return card
