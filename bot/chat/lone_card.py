"""The alert for a title or a name: without a message to jump to, it names thread and member."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from bot.chat.alert_card import about
from bot.chat.cards import ALARM, names, score_table
from bot.chat.quotation import spoiler
from bot.chat.surfaces import TITLE, Surface
from bot.language import tr
from bot.screening.explain import Phrase
from bot.screening.policy import Decision
from bot.storage.history import DeedKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LoneAlert:
    """A flagged title or name as its card tells it.

    Attributes
    ----------
    surface
        ``title``, ``nickname``, ``display-name`` or ``username``, and the text.
    author_id
        Who opened the thread, or whose name it is.
    channel_id
        The thread's id, for a title.
    by_webhook
        Never: only members have names and open threads.
    open_deeds
        Nothing: about names and titles nothing is done by itself.
    """

    decision: Decision
    decision_id: int
    surface: Surface
    author_id: int
    channel_id: int
    model_version: str
    by_webhook: bool = False
    open_deeds: frozenset[DeedKind] = frozenset()

    @property
    def text(self) -> str:
        """What was flagged."""
        return self.surface.text

    def card(self, phrase: Phrase | None = None) -> discord.Embed:
        """What moderators see.

        Parameters
        ----------
        phrase
            The words that drove the highest score, once they are found.
        """
        decision = self.decision
        card = discord.Embed(
            title=_title(self.surface.name, names(decision.labels_over)),
            colour=ALARM,
            description=spoiler(self.text, (phrase.start, phrase.end) if phrase else None),
        )
        scores = score_table(decision)
        if phrase is not None:
            scores += f"\n{about(phrase, decision.thresholds[phrase.label])}"
        card.add_field(name=tr("Scores against thresholds"), value=scores, inline=False)
        if self.surface.name == TITLE:
            card.add_field(name=tr("Opened by"), value=f"<@{self.author_id}>")
            card.add_field(name=tr("Thread"), value=f"<#{self.channel_id}>")
        else:
            card.add_field(name=tr("Member"), value=f"<@{self.author_id}>")
        card.set_footer(
            text=tr(
                "Decision {number} · author {author} · model {version}",
                number=self.decision_id,
                author=self.author_id,
                version=self.model_version,
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
