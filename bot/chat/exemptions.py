"""Whom and where a server wants left alone."""

from __future__ import annotations

from collections.abc import Collection

import discord

from bot.chat.commands import Refusal
from bot.chat.lookup import ServerChannel, parent_ids, permissions_in
from bot.language import number, tr
from bot.storage.server_settings import MOST_EXEMPTIONS, ExemptionKind, ServerSettings
from bot.storage.servers import Exemption, Servers, TooManyExemptions


def refuse_everybody(server_id: int, role_ids: Collection[int]) -> None:
    """Refuse to exempt the role that all members have, whose id is the server's own.

    Raises
    ------
    Refusal
        If it is among the roles.
    """
    if server_id in role_ids:
        raise Refusal(
            tr(
                "All members have the role @everyone, so nobody would be screened any more. "
                "Nothing was changed. Exempt channels instead, let me only watch with `/mode "
                "observe`, or remove me from this server."
            )
        )


async def change_exemptions(
    servers: Servers,
    server_id: int,
    added: Collection[Exemption],
    removed: Collection[Exemption] = (),
) -> frozenset[Exemption]:
    """Change what is left alone, all of it or nothing; those come back that changed something.

    Raises
    ------
    Refusal
        If there would be more than a thousand roles, or channels.
    DatabaseError
        If it could not be written.
    """
    try:
        return await servers.change_exemptions(server_id, added=added, removed=removed)
    except TooManyExemptions as full:
        raise _no_room(full.kind) from None


def _no_room(kind: ExemptionKind) -> Refusal:
    if kind is ExemptionKind.ROLE:
        return Refusal(
            tr(
                "More than {most} exempt roles are not kept. Take others away with `/exempt "
                "remove` first. Nothing was changed.",
                most=number(MOST_EXEMPTIONS),
            )
        )
    return Refusal(
        tr(
            "More than {most} exempt channels are not kept. Exempt a category instead, or take "
            "others away with `/exempt remove` first. Nothing was changed.",
            most=number(MOST_EXEMPTIONS),
        )
    )


def is_exempt_place(channel: ServerChannel, settings: ServerSettings) -> bool:
    """Whether a channel, what it stands in or its category is left alone."""
    return bool(({channel.id} | parent_ids(channel)) & settings.exempt_channel_ids)


def is_exempt_member(
    member: discord.Member, settings: ServerSettings, channel: ServerChannel | None = None
) -> bool:
    """Whether a member is left alone: by a role, as a bot, or because they moderate.

    Parameters
    ----------
    channel
        Where they would have to moderate; without it, in the server.
    """
    if member.bot and settings.exempt_bots:
        return True
    if settings.exempt_role_ids & {role.id for role in member.roles}:
        return True
    return settings.exempt_moderators and permissions_in(channel, member).manage_messages
