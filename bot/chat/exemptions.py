"""Whom and where a server wants left alone."""

from __future__ import annotations

from collections.abc import Collection

import discord

from bot.chat.commands import Refusal
from bot.chat.lookup import Lookup, ServerChannel, parent_ids, permissions_in
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


async def is_exempt_message(
    message: discord.Message, server: discord.Guild, settings: ServerSettings, lookup: Lookup
) -> bool:
    """Whether the server does not want a message looked at; cheapest questions first."""
    by_app = message.author.bot or message.webhook_id is not None
    if by_app and settings.exempt_bots:
        return True
    if message.channel.id in settings.exempt_channel_ids:
        return True
    channel = await lookup.place(message.channel, server)
    if parent_ids(channel) & settings.exempt_channel_ids:
        return True
    if message.webhook_id is not None:
        return False
    if not (settings.exempt_moderators or settings.exempt_role_ids):
        return False
    member = await lookup.author(message, server)
    return member is not None and is_exempt_member(member, settings, channel)


async def is_exempt_author(
    author_id: int,
    channel_id: int,
    server: discord.Guild,
    settings: ServerSettings,
    lookup: Lookup,
) -> bool:
    """The same of a message of which only ids are known; it may be gone, and its channel too."""
    if channel_id in settings.exempt_channel_ids:
        return True
    channel = await lookup.place(discord.Object(channel_id), server)
    if parent_ids(channel) & settings.exempt_channel_ids:
        return True
    member = await lookup.member(author_id, server)
    return member is not None and is_exempt_member(member, settings, channel)
