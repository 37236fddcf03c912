"""Whether a moderator may do with a flag what they clicked; the same that Discord lets them do."""

from __future__ import annotations

from typing import Any

import discord

from bot.chat.captions import permission_captions
from bot.chat.commands import Refusal
from bot.chat.lookup import Lookup, permissions_in
from bot.chat.standing import Click
from bot.chat.surfaces import NAMES, stands_alone
from bot.language import tr
from bot.storage.history import History

# What a click needs that others do not.
_NEEDS = {Click.TIMEOUT: "moderate_members", Click.RENAME: "manage_nicknames"}


class NotAllowed(Refusal):
    """Why a moderator may not do it, in one sentence for them."""


async def check_may(
    interaction: discord.Interaction[Any],
    click: Click,
    history: History,
    lookup: Lookup,
    *,
    lifts: bool,
) -> None:
    """Refuse what the clicking moderator could not do by themselves.

    Judging a flag and deleting its message need Manage Messages where the message stands; timeouts
    need Timeout Members, names Manage Nicknames. Nobody decides about their own message, nor acts
    on members above them.

    Parameters
    ----------
    lifts
        Whether a timeout is lifted by it.

    Raises
    ------
    NotAllowed
    discord.DiscordException
        If Discord does not tell who the author is.
    """
    server, moderator = interaction.guild, interaction.user
    if server is None or not isinstance(moderator, discord.Member):
        raise NotAllowed(tr("This works in servers only."))
    decision = history.decision
    channel = None
    if decision.surface not in NAMES:  # a name stands in no channel
        channel = server.get_channel_or_thread(decision.channel_id) or await lookup.place(
            discord.Object(decision.channel_id), server
        )
    permissions = permissions_in(channel, moderator)
    needed = [_NEEDS.get(click, "manage_messages")]
    if lifts:
        needed.append("moderate_members")
    lacking = [name for name in needed if not getattr(permissions, name)]
    if lacking:
        words = permission_captions(lacking)
        if channel is None:
            raise NotAllowed(tr("You need the permission {names} for this.", names=words))
        raise NotAllowed(
            tr(
                "You need the permission {names} in {channel} for this.",
                names=words,
                channel=channel.mention,
            )
        )
    if moderator.id == server.owner_id:
        return
    if decision.author_id == moderator.id and stands_alone(decision.surface):
        raise NotAllowed(
            tr("This is about what you wrote yourself: another moderator has to decide.")
        )
    if decision.author_id == moderator.id:
        raise NotAllowed(tr("This is about your own message: another moderator has to decide."))
    if click in (Click.DELETE, Click.TIMEOUT, Click.RENAME) or lifts:
        await _check_order(server, moderator, decision.author_id, strict=click is not Click.DELETE)


async def _check_order(
    server: discord.Guild, moderator: discord.Member, author_id: int, *, strict: bool
) -> None:
    """Refuse if the author stands above the moderator; with `strict`, also beside them."""
    if author_id == server.owner_id:
        raise NotAllowed(tr("The author owns this server."))
    try:
        author = await server.fetch_member(author_id)
    except discord.NotFound:
        return  # they have left, or it is a webhook: nobody to stand above anybody
    if author.top_role > moderator.top_role:
        raise NotAllowed(tr("The author’s highest role is above yours."))
    if strict and author.top_role == moderator.top_role:
        raise NotAllowed(tr("The author’s highest role is not below yours."))
