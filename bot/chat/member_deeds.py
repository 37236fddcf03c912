"""Times members out and lets them speak again, for the bot itself and for moderators' buttons.

Nothing here raises: what Discord refuses, and what must not even be asked of it, comes back in
words. Permissions and the order of roles are looked at before the request, because 10,000 refused
requests in ten minutes would lock the host out of Discord.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import discord

from bot.chat.audit import fitting
from bot.chat.carried import Deed, Hurdle, What, hindered, lacking
from bot.chat.lookup import ServerChannel, channel_by_id, permissions_in
from bot.chat.patiently import patiently
from bot.language import tr
from bot.rules import LONGEST_TIMEOUT

# Discord counts the 28 days by its own clock.
CLOCKS_DIFFER = timedelta(seconds=30)

# Who has one of these moderates, and is never acted on.
MODERATES = (
    "administrator",
    "manage_guild",
    "manage_messages",
    "moderate_members",
    "kick_members",
    "ban_members",
)


async def timeout_member(
    server: discord.Guild,
    member_id: int,
    duration: timedelta,
    reason: str,
    *,
    channel_id: int | None = None,
    enough: datetime | None = None,
) -> Deed:
    """Keep a member quiet. A timeout that lasts as long already is left as it is.

    Parameters
    ----------
    channel_id
        Who moderates in this channel is spared as well.
    duration
        At most 28 days; what is longer is cut.
    reason
        For the server's audit log: 1 to 512 characters; what is longer is cut.
    enough
        When a timeout has to end that is left as it is, or later; None: as late as this one would.

    Returns
    -------
    Deed
        Never raises. Not done for the server's owner, for members who moderate, for the bot itself
        and for those the bot's role does not stand above.
    """

    async def time_out() -> Deed:
        found = await subject(server, member_id, What.TIMEOUT)
        if isinstance(found, Deed):
            return found
        if channel_id is not None and await _moderates_in(server, channel_id, found):
            return hindered(What.TIMEOUT, Hurdle.PROTECTED, _moderates_here())
        until = discord.utils.utcnow() + in_force(duration)
        running = found.timed_out_until
        if running is not None and running >= (enough or until):
            ends = discord.utils.format_dt(running, "R")
            why = tr(
                "The member is timed out already, for as long or longer (it ends {when}).",
                when=ends,
            )
            return replace(hindered(What.TIMEOUT, Hurdle.ALREADY, why), until=running)
        return await _set_timeout(found, until, What.TIMEOUT, reason)

    return await patiently(What.TIMEOUT, time_out)


async def lift_timeout(
    server: discord.Guild, member_id: int, reason: str, *, latest: datetime | None = None
) -> Deed:
    """Let a member speak again.

    Parameters
    ----------
    latest
        When the timeout that is meant ends at the latest. One that lasts longer was given for
        something else, by the bot or by a person, and is left as it is.
    reason
        For the server's audit log: 1 to 512 characters; what is longer is cut.

    Returns
    -------
    Deed
        Never raises.
    """

    async def lift() -> Deed:
        found = await subject(server, member_id, What.LIFT_TIMEOUT)
        if isinstance(found, Deed):
            return found
        if not found.is_timed_out():
            why = tr("The member is not timed out.")
            return hindered(What.LIFT_TIMEOUT, Hurdle.ALREADY, why)
        running = found.timed_out_until
        if latest is not None and running is not None and running > latest + CLOCKS_DIFFER:
            ends = discord.utils.format_dt(running, "R")
            why = tr("A longer timeout has taken its place (it ends {when}).", when=ends)
            return replace(hindered(What.LIFT_TIMEOUT, Hurdle.ALREADY, why), until=running)
        return await _set_timeout(found, None, What.LIFT_TIMEOUT, reason)

    return await patiently(What.LIFT_TIMEOUT, lift)


def in_force(duration: timedelta) -> timedelta:
    """How long a timeout lasts on Discord that is to last so long."""
    return min(duration, LONGEST_TIMEOUT - CLOCKS_DIFFER)


def spared(member: discord.Member, channel: ServerChannel | None = None) -> str | None:
    """Why a member must not be timed out; None if nothing speaks against it.

    Parameters
    ----------
    channel
        Where the member may moderate even without doing so in the whole server.
    """
    hindered = _protected(member, What.TIMEOUT)
    if hindered is not None:
        return hindered.why_not
    if permissions_in(channel, member).manage_messages:
        return _moderates_here()
    return None


async def _moderates_in(server: discord.Guild, channel_id: int, member: discord.Member) -> bool:
    try:
        channel = await channel_by_id(server, channel_id)
    except (discord.NotFound, discord.Forbidden):
        return False
    return permissions_in(channel, member).manage_messages


def _protected(member: discord.Member, what: What) -> Deed | None:
    server, me = member.guild, member.guild.me
    if me is not None and member.id == me.id:
        return hindered(what, Hurdle.PROTECTED, tr("That is the bot itself."))
    if member.id == server.owner_id:
        return hindered(what, Hurdle.PROTECTED, tr("The member owns this server."))
    if what is not What.RENAME and member.guild_permissions.administrator:
        return hindered(what, Hurdle.PROTECTED, tr("The member is an administrator."))
    if what is What.TIMEOUT and any(getattr(member.guild_permissions, n) for n in MODERATES):
        return hindered(what, Hurdle.PROTECTED, tr("The member moderates in this server."))
    if me is not None and me.id != server.owner_id and member.top_role >= me.top_role:
        return replace(
            hindered(what, Hurdle.ABOVE, tr("The member’s highest role is not below mine.")),
            remedy=tr("Move my role above the roles of members in Server Settings → Roles."),
        )
    return None


async def subject(server: discord.Guild, member_id: int, what: What) -> discord.Member | Deed:
    """The member, if the bot may act on them; otherwise what is in the way.

    Raises
    ------
    discord.DiscordException
        If Discord does not tell.
    """
    me = server.me
    granted = None if me is None else me.guild_permissions
    if granted is not None and what is What.RENAME and not granted.manage_nicknames:
        return lacking(
            what,
            tr("I lack Manage Nicknames in this server."),
            tr("Give my role Manage Nicknames in Server Settings → Roles."),
        )
    if granted is not None and what is not What.RENAME and not granted.moderate_members:
        return lacking(
            what,
            tr("I lack Timeout Members in this server."),
            tr("Give my role Timeout Members in Server Settings → Roles."),
        )
    if member_id == server.owner_id:
        return hindered(what, Hurdle.PROTECTED, tr("The member owns this server."))
    try:
        # Asked for each time: who has left, who has become a moderator since.
        member = await server.fetch_member(member_id)
    except discord.NotFound:
        return hindered(what, Hurdle.LEFT, tr("The member has left the server."))
    return _protected(member, what) or member


async def _set_timeout(
    member: discord.Member, until: datetime | None, what: What, reason: str
) -> Deed:
    try:
        await member.timeout(until, reason=fitting(reason))
    except discord.NotFound:
        return hindered(what, Hurdle.LEFT, tr("The member has left the server."))
    except discord.Forbidden:
        return lacking(
            what,
            tr("I lack Timeout Members for this member."),
            tr("Give my role Timeout Members in Server Settings → Roles."),
        )
    return Deed(True, what, until=until)


def _moderates_here() -> str:
    return tr("The member moderates in this channel.")
