"""Deletes messages, for the bot itself and for moderators' buttons.

Nothing here raises: what Discord refuses, and what must not even be asked of it, comes back in
words. Permissions are looked at before the request, because 10,000 refused requests in ten minutes
would lock the host out of Discord.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import aiohttp
import discord

from bot.chat.audit import fitting
from bot.chat.captions import permission_captions
from bot.chat.carried import Deed, Hurdle, What, hindered, lacking
from bot.chat.lookup import ServerChannel, channel_by_id, missing_permissions
from bot.chat.patiently import patiently
from bot.chat.threads import is_asleep
from bot.language import tr
from bot.logs import describe

log = logging.getLogger(__name__)

_UNKNOWN_CHANNEL = 10003


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
        if not is_asleep(error):
            raise
        why = tr("The thread is archived and I may not wake it.")
        return replace(
            hindered(What.DELETE, Hurdle.FAILED, why),
            remedy=tr("Give my role Manage Threads in {channel}.", channel=channel.mention),
        )
    return Deed(True, What.DELETE)


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
        if not is_asleep(error) or not isinstance(channel, discord.Thread):
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
