"""Does things to messages and members, for the bot itself and for moderators' buttons.

Nothing here raises: what Discord refuses, and what must not even be asked of it, comes back in
words. Permissions and the order of roles are looked at before the request, because 10,000 refused
requests in ten minutes would lock the host out of Discord.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import aiohttp
import discord

from bot.chat.audit import fitting
from bot.chat.captions import permission_captions
from bot.chat.carried import Carried, Deed, Hurdle, What, hindered, lacking
from bot.chat.lookup import ServerChannel, channel_by_id, missing_permissions, permissions_in
from bot.language import tr
from bot.logs import describe
from bot.rules import LONGEST_TIMEOUT

__all__ = (
    "MODERATES",
    "Carried",
    "Deed",
    "Hurdle",
    "What",
    "delete_message",
    "delete_messages",
    "lift_timeout",
    "spared",
    "subject",
    "timeout_member",
)

log = logging.getLogger(__name__)

# How long a deed may take in all, waiting for Discord's rate limits included.
_PATIENCE_S = 60.0
# Pauses before a request is made again that Discord could not answer.
_AGAIN_S = (1.0, 3.0)
# After these discord.py itself has tried five times, as it waits where Discord says 429.
_TRIED_BY_LIBRARY = frozenset({500, 502, 504, 524})
_TOO_MANY = 429
_ARCHIVED = 50083
_UNKNOWN_CHANNEL = 10003
# Discord counts the 28 days by its own clock.
_CLOCKS_DIFFER = timedelta(seconds=30)

# Who has one of these moderates, and is never acted on.
MODERATES = (
    "administrator",
    "manage_guild",
    "manage_messages",
    "moderate_members",
    "kick_members",
    "ban_members",
)


async def delete_message(
    server: discord.Guild, channel_id: int, message_id: int, reason: str
) -> Deed:
    """Delete a message of anybody's, also in a thread that is archived.

    Parameters
    ----------
    reason
        For the server's audit log: 1 to 512 characters; what is longer is cut.

    Returns
    -------
    Deed
        Never raises.
    """
    return await patiently(
        What.DELETE, partial(_delete_in, server, channel_id, [message_id], reason)
    )


async def delete_messages(
    server: discord.Guild, channel_id: int, message_ids: Sequence[int], reason: str
) -> Deed:
    """Delete several messages of one channel at once.

    Parameters
    ----------
    message_ids
        2 to 100, none older than two weeks: that is as far as Discord goes in one request. Those
        that are gone already do not matter.
    reason
        For the server's audit log: 1 to 512 characters; what is longer is cut.

    Returns
    -------
    Deed
        For all of them together. Never raises.
    """
    return await patiently(
        What.DELETE, partial(_delete_in, server, channel_id, message_ids, reason)
    )


async def _delete_in(
    server: discord.Guild, channel_id: int, message_ids: Sequence[int], reason: str
) -> Deed:
    try:
        channel = await channel_by_id(server, channel_id)
    except discord.NotFound:
        return _channel_gone()
    except discord.Forbidden:
        return _lacking_in(f"<#{channel_id}>", ["view_channel"])
    if wanting := missing_permissions(channel, ("view_channel", "manage_messages")):
        return _lacking_in(channel.mention, wanting)
    try:
        await _delete(channel, message_ids, reason)
    except discord.NotFound as error:
        if error.code == _UNKNOWN_CHANNEL:
            return _channel_gone()
        return hindered(What.DELETE, Hurdle.GONE, tr("The message was already deleted."))
    except discord.Forbidden:
        return _lacking_in(channel.mention, ["manage_messages"])
    except discord.HTTPException as error:
        if error.code != _ARCHIVED:
            raise
        why = tr("The thread is archived and I may not wake it.")
        return replace(
            hindered(What.DELETE, Hurdle.FAILED, why),
            remedy=tr("Give my role Manage Threads in {channel}.", channel=channel.mention),
        )
    return Deed(True, What.DELETE)


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
        until = discord.utils.utcnow() + min(duration, LONGEST_TIMEOUT - _CLOCKS_DIFFER)
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
        if latest is not None and running is not None and running > latest + _CLOCKS_DIFFER:
            ends = discord.utils.format_dt(running, "R")
            why = tr("A longer timeout has taken its place (it ends {when}).", when=ends)
            return replace(hindered(What.LIFT_TIMEOUT, Hurdle.ALREADY, why), until=running)
        return await _set_timeout(found, None, What.LIFT_TIMEOUT, reason)

    return await patiently(What.LIFT_TIMEOUT, lift)


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


async def _delete(channel: ServerChannel, message_ids: Sequence[int], reason: str) -> None:
    """Delete, waking an archived thread for it and putting it back to sleep."""
    http, text = channel.guild._state.http, fitting(reason)

    async def request() -> None:
        # The library's own methods take no reason for the audit log.
        if len(message_ids) == 1:
            await http.delete_message(channel.id, message_ids[0], reason=text)
        else:
            await http.delete_messages(channel.id, list(message_ids), reason=text)

    try:
        await request()
    except discord.HTTPException as error:
        if error.code != _ARCHIVED or not isinstance(channel, discord.Thread):
            raise
        try:
            await channel.edit(archived=False, reason=text)
        except discord.Forbidden:
            raise error from None
        try:
            await request()
        finally:
            await _put_back(channel, text)


async def _put_back(thread: discord.Thread, reason: str) -> None:
    """Archive a thread again; who may wake one need not be allowed to archive it."""
    try:
        await thread.edit(archived=True, reason=reason)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        log.info("A thread that was woken stays awake: %s", describe(error))


async def patiently(what: What, deed: Callable[[], Awaitable[Deed]]) -> Deed:
    """Do it, again where Discord stumbles, and not for ever. Never raises."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            for pause_s in _AGAIN_S:
                try:
                    return await deed()
                except discord.DiscordServerError as error:
                    if error.status in _TRIED_BY_LIBRARY:
                        raise
                except (aiohttp.ClientError, OSError):
                    pass
                await asyncio.sleep(pause_s)
            return await deed()
    except TimeoutError:
        return hindered(what, Hurdle.UNANSWERED, tr("Discord did not let it through in time."))
    except (aiohttp.ClientError, OSError):
        return hindered(what, Hurdle.UNANSWERED, tr("Discord could not be reached."))
    except discord.HTTPException as error:
        why = tr(
            "Discord refused it (HTTP {status}, error {code}).",
            status=error.status,
            code=error.code,
        )
        # What Discord says to be its own trouble, or too much at once, may well work later.
        stuck = error.status >= 500 or error.status == _TOO_MANY
        return hindered(what, Hurdle.UNANSWERED if stuck else Hurdle.FAILED, why)
    except Exception as error:  # also an answer that discord.py cannot parse
        return hindered(
            what, Hurdle.FAILED, tr("It failed ({error}).", error=describe(error)[:100])
        )


def _lacking_in(channel: str, permissions: list[str]) -> Deed:
    """A message cannot be deleted for want of permissions in its channel."""
    names = permission_captions(permissions)
    return lacking(
        What.DELETE,
        tr("I lack {names} in {channel}.", names=names, channel=channel),
        tr(
            "Give my role {names} in {channel}, in Server Settings → Roles or the channel’s own.",
            names=names,
            channel=channel,
        ),
    )


def _channel_gone() -> Deed:
    return hindered(What.DELETE, Hurdle.GONE, tr("The channel was deleted."))


def _moderates_here() -> str:
    return tr("The member moderates in this channel.")
