"""What settings name that a server does not have: of another server, or deleted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

import discord

from bot.chat.log_channel import Trouble, find_log_channel
from bot.chat.lookup import channel_by_id
from bot.storage.decisions import Outcome
from bot.storage.settings_file import Chosen

# Channels that Discord is asked about; what is not in memory is an archived thread or gone.
_MOST_ASKED = 50


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Ids that mean nothing in a server.

    Attributes
    ----------
    silent_id
        What cannot be the log channel though it is there: it takes no messages.
    """

    channel_ids: frozenset[int] = frozenset()
    role_ids: frozenset[int] = frozenset()
    silent_id: int | None = None

    def __bool__(self) -> bool:
        return bool(self.channel_ids or self.role_ids or self.silent_id)


async def find_elsewhere(server: discord.Guild, chosen: Chosen, *, ask: bool) -> Elsewhere:
    """Look for channels and roles that the server does not have.

    Parameters
    ----------
    ask
        Whether to ask Discord about channels that are not in memory. Those of another server's file
        need no question.

    Raises
    ------
    discord.DiscordException
        If Discord fails.
    """
    settings = chosen.settings
    channel_ids = {*settings.exempt_channel_ids, *settings.places}
    gone, asked = set(), 0
    for channel_id in sorted(channel_ids):
        if server.get_channel_or_thread(channel_id) is not None:
            continue
        if ask and asked < _MOST_ASKED:
            asked += 1
            try:
                await channel_by_id(server, channel_id)
                continue
            except discord.Forbidden:
                continue  # hidden from the bot, so it exists
            except (discord.NotFound, discord.InvalidData):  # the latter: another server's
                pass
        gone.add(channel_id)
    log_channel_id, silent_id = settings.log_channel_id, None
    if log_channel_id is not None:
        there = server.get_channel_or_thread(log_channel_id)
        if (there is None and not ask) or await _is_gone(server, log_channel_id):
            if there is None or isinstance(there, discord.abc.Messageable):
                gone.add(log_channel_id)
            else:
                silent_id = log_channel_id
    roles = {one for one in settings.exempt_role_ids if server.get_role(one) is None}
    if roles and ask:  # the memory of roles may be wrong
        roles -= {role.id for role in await server.fetch_roles()}
    return Elsewhere(frozenset(gone), frozenset(roles), silent_id)


def without(chosen: Chosen, elsewhere: Elsewhere, now: Chosen) -> Chosen:
    """The same settings, but for what the server does not have; its log channel then stays."""
    settings, gone = chosen.settings, elsewhere.channel_ids
    return replace(
        chosen,
        settings=replace(
            settings,
            log_channel_id=now.settings.log_channel_id
            if settings.log_channel_id in {*gone, elsewhere.silent_id} - {None}
            else settings.log_channel_id,
            exempt_channel_ids=settings.exempt_channel_ids - gone,
            exempt_role_ids=settings.exempt_role_ids - elsewhere.role_ids,
            places=MappingProxyType(
                {one: own for one, own in settings.places.items() if one not in gone}
            ),
        ),
    )


async def _is_gone(server: discord.Guild, channel_id: int) -> bool:
    try:
        found = await find_log_channel(server, channel_id)
    except discord.InvalidData:
        return True
    return isinstance(found, Trouble) and found.outcome is Outcome.LOG_CHANNEL_GONE
