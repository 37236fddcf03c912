"""The panel that shows what an import would change, and asks whether to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord

from bot.chat.commands import answer
from bot.chat.questions import Question, Questions
from bot.chat.settings_changes import named
from bot.chat.settings_elsewhere import Elsewhere
from bot.language import tr, trn

# Seconds in which an import can be applied.
_OPEN_S = 600.0
# A description takes 4,096 characters.
_MOST_CHARACTERS = 3_800


def changes_card(
    lines: Sequence[str], elsewhere: Elsewhere, odd: Sequence[str] = ()
) -> discord.Embed:
    """What would change, what is left out of it, and what is odd about it."""
    shown: list[str] = []
    room = _MOST_CHARACTERS
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        shown.append(line)
    if others := len(lines) - len(shown):
        shown.append(trn("And {count} more change.", "And {count} more changes.", others))
    card = discord.Embed(
        title=tr("What would change"),
        description="\n".join(shown) or _nothing(elsewhere),
        colour=discord.Colour.blurple(),
    )
    if odd:
        card.add_field(name="⚠️", value="\n".join(odd)[:1024], inline=False)
    if elsewhere:
        # Not as mentions: nobody could tell from them what they were.
        ids = [f"`{one}`" for one in sorted(elsewhere.channel_ids)]
        if ids:
            card.add_field(
                name=tr("Channels that are not in this server"), value=named(ids), inline=False
            )
        if roles := [f"`{one}`" for one in sorted(elsewhere.role_ids)]:
            card.add_field(
                name=tr("Roles that are not in this server"), value=named(roles), inline=False
            )
        if elsewhere.silent_id is not None:
            card.add_field(
                name=tr("Not possible as the log channel, because it takes no messages"),
                value=f"<#{elsewhere.silent_id}>",
                inline=False,
            )
        if lines:
            way_out = tr(
                "You can apply the rest without them, or put this server’s own ids into the file "
                "and import it again."
            )
        else:
            way_out = tr(
                "To apply the file with them, put this server’s own ids into it and import it "
                "again."
            )
        card.set_footer(text=way_out)
    return card


def _nothing(elsewhere: Elsewhere) -> str:
    """What is said where nothing would change."""
    if elsewhere:
        return tr("Nothing: without what is named below, all of this holds already.")
    return tr("Nothing: all of this holds already.")


class ImportPanel(Question):
    """Asks whether an import is to be applied; works for ten minutes, for whoever asked.

    Parameters
    ----------
    questions
        The client's.
    apply
        Applies it and says how that went.
    leaving_out
        Whether something would be left out.
    """

    def __init__(
        self, questions: Questions, apply: Callable[[], Awaitable[str]], *, leaving_out: bool
    ) -> None:
        super().__init__(
            questions,
            apply,
            yes=tr("Apply the rest") if leaving_out else tr("Apply"),
            style=discord.ButtonStyle.primary,
            open_s=_OPEN_S,
        )

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        may = interaction.permissions
        if may.administrator or may.manage_guild:
            return True
        await answer(interaction, tr("This needs the permission Manage Server in this server."))
        return False
