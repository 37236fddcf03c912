"""What a moderator asked the log for, small enough for a button to carry it.

A page and its buttons are made from this alone, so the buttons work as long as the page stands,
also after a restart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import discord

from bot.chat.journal_card import PER_PAGE
from bot.labels import LABELS, Label
from bot.language import tr
from bot.storage.journal import Journal, Judged, Page, Wanted

_JUDGED = {"u": Judged.UPHELD, "d": Judged.DISMISSED, "n": Judged.NOT_YET}
_LETTERS = {judged: letter for letter, judged in _JUDGED.items()}

# Label by its place, verdict by its letter, days, channel; then a member or a message.
_QUERY = (
    r"(?P<label>[0-5]?)\.(?P<judged>[udn]?)\.(?P<days>[0-9]{0,3})\.(?P<channel>[0-9]{0,20})"
    r"\.(?P<subject>(?:[am][0-9]{1,20})?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which decisions are asked for.

    Attributes
    ----------
    days
        How far back, counted from when a page is made.
    author_id, message_id
        At most one of them.
    """

    label: Label | None = None
    judged: Judged | None = None
    days: int | None = None
    channel_id: int | None = None
    author_id: int | None = None
    message_id: int | None = None

    def encoded(self) -> str:
        """At most 53 characters; `parse` reads them."""
        subject = ""
        if self.author_id is not None:
            subject = f"a{self.author_id}"
        elif self.message_id is not None:
            subject = f"m{self.message_id}"
        return ".".join(
            (
                "" if self.label is None else str(LABELS.index(self.label)),
                "" if self.judged is None else _LETTERS[self.judged],
                "" if self.days is None else str(self.days),
                "" if self.channel_id is None else str(self.channel_id),
                subject,
            )
        )

    @classmethod
    def parse(cls, match: re.Match[str]) -> Self:
        """What `encoded` wrote, as a custom id was matched."""
        subject = match["subject"]
        return cls(
            label=LABELS[int(match["label"])] if match["label"] else None,
            judged=_JUDGED[match["judged"]] if match["judged"] else None,
            days=int(match["days"]) if match["days"] else None,
            channel_id=int(match["channel"]) if match["channel"] else None,
            author_id=int(subject[1:]) if subject.startswith("a") else None,
            message_id=int(subject[1:]) if subject.startswith("m") else None,
        )

    def wanted(self, now: datetime) -> Wanted:
        """The same for the database."""
        return Wanted(
            label=self.label,
            judged=self.judged,
            since=None if self.days is None else now - timedelta(days=self.days),
            channel_id=self.channel_id,
            author_id=self.author_id,
            message_id=self.message_id,
        )


class PageButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=rf"hexward:log:(?P<way>[no])(?P<at>[0-9]{{1,19}}):{_QUERY}",
):
    """Turns to newer or older decisions than the one with a number."""

    def __init__(self, query: Query, at: int, *, older: bool, disabled: bool = False) -> None:
        super().__init__(
            discord.ui.Button(
                label=tr("Older") if older else tr("Newer"),
                emoji="▶️" if older else "◀️",
                disabled=disabled,
                custom_id=f"hexward:log:{'o' if older else 'n'}{at}:{query.encoded()}",
            )
        )
        self.query = query
        self.at = at
        self.older = older

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(Query.parse(match), int(match["at"]), older=match["way"] == "o")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        interaction.client.dispatch("log_page", interaction, self)

    async def turn(self, journal: Journal, server_id: int, now: datetime) -> Page:
        """The page that the button asks for.

        Raises
        ------
        DatabaseError
            If it could not be read.
        """
        bound = {"before" if self.older else "after": self.at}
        return await journal.page(server_id, self.query.wanted(now), most=PER_PAGE, **bound)


def page_view(query: Query, page: Page) -> discord.ui.View | None:
    """The buttons under a page; None where it is the only one."""
    if not (page.entries and (page.newer or page.older)):
        return None
    view = discord.ui.View(timeout=None)
    first, last = page.entries[0].decision.id, page.entries[-1].decision.id
    view.add_item(PageButton(query, first, older=False, disabled=not page.newer))
    view.add_item(PageButton(query, last, older=True, disabled=not page.older))
    return view
