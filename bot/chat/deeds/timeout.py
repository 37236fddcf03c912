"""Keeping the author quiet for a while."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from weakref import WeakValueDictionary

import discord

from bot.chat.carried import Deed, Hurdle, What
from bot.chat.deeds.means import Means, Target, listed
from bot.chat.member_deeds import MODERATES, spared, timeout_member
from bot.chat.stubborn import stubbornly
from bot.language import tr
from bot.rules import Action
from bot.storage.decisions import Outcome
from bot.storage.history import DeedKind
from bot.storage.server_settings import ServerSettings

# A timeout for what was written longer ago comes out of the blue; a message that was missed, and is
# caught up with, may be days old.
LATEST = timedelta(hours=1)
# Who writes ten such messages at once is timed out once: in a raid Discord's limit on requests is
# needed for the deletions. Later, a moderator may have lifted it.
_AGAIN = timedelta(seconds=20)
# What a raid left waiting is caught up with later, when Discord is asked what runs: a timeout that
# ends so little earlier is as good as the new one. Of a short one that is at most a third.
_AS_GOOD = timedelta(minutes=2)
_REMEMBERED = 10_000
# Timeouts of a server under way at a time: in a raid of many, deletions come first.
_AT_ONCE = 3


class Timeout(Means):
    """Times the author out, unless they moderate, stand above the bot, or wrote it long ago."""

    action = Action.TIMEOUT
    what = What.TIMEOUT
    kind = DeedKind.TIMEOUT
    outcome = Outcome.TIMED_OUT

    def __init__(self) -> None:
        # By server and member: when the latest timeout was given, and when it ends.
        self._given: OrderedDict[tuple[int, int], tuple[datetime, datetime]] = OrderedDict()
        self._lanes: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()
        # Flags of one member wait for each other, so that the first does it for all.
        self._turns: WeakValueDictionary[tuple[int, int], asyncio.Lock] = WeakValueDictionary()

    def spares(self, message: discord.Message) -> str | None:
        if message.webhook_id is not None:
            return tr("It was posted by a webhook, not by a member.")
        if datetime.now(UTC) - (message.edited_at or message.created_at) > LATEST:
            return tr("The message is more than an hour old.")
        if not isinstance(message.author, discord.Member):
            return None  # found out when it is done
        channel: object = message.channel
        if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            channel = None
        return spared(message.author, channel)

    async def do(self, server: discord.Guild, target: Target) -> Deed:
        if target.timeout is None:
            return Deed(False, self.what, tr("No duration was chosen."), Hurdle.FAILED)
        who = (server.id, target.author_id)
        async with self._turns.setdefault(who, asyncio.Lock()):
            now = datetime.now(UTC)
            if target.begun_ends_at is not None and target.begun_ends_at <= now:
                # Given or not: a second one for the same message would be one too many.
                why = tr("I stopped in the middle of it, and the timeout would be over by now.")
                return Deed(False, self.what, why, Hurdle.UNANSWERED)
            ends = self._ends(who, now)
            if ends is not None and now + target.timeout <= ends + _AGAIN:
                why = tr("The member was timed out a moment ago, for another message.")
                return Deed(False, self.what, why, Hurdle.ALREADY, until=ends)
            deed = await self._time_out(server, target, target.timeout)
            if deed.hurdle is Hurdle.ALREADY and _is_begun_one(deed, target, target.timeout):
                deed = Deed(True, self.what, until=deed.until)
            if deed.done and deed.until is not None:
                self._given[who] = (now, deed.until)
                self._given.move_to_end(who)
                if len(self._given) > _REMEMBERED:
                    self._given.popitem(last=False)
            return deed

    async def _time_out(self, server: discord.Guild, target: Target, duration: timedelta) -> Deed:
        ends = target.begun_ends_at or datetime.now(UTC) + duration

        async def time_out() -> Deed:
            async with self._lanes.setdefault(server.id, asyncio.Semaphore(_AT_ONCE)):
                return await timeout_member(
                    server,
                    target.author_id,
                    duration,
                    target.ground.reason,
                    channel_id=target.channel_id,
                    enough=ends - min(_AS_GOOD, duration / 3),
                )

        return await stubbornly(time_out)

    def _ends(self, who: tuple[int, int], now: datetime) -> datetime | None:
        """When the timeout ends that was given to a member a moment ago."""
        given_at, ends = self._given.get(who, (None, None))
        return ends if given_at is not None and now - given_at < _AGAIN else None

    @staticmethod
    def shortcomings(server: discord.Guild, settings: ServerSettings) -> list[str]:
        found = []
        if not server.me.guild_permissions.moderate_members:
            found.append(
                tr(
                    "To time out members I lack **Timeout Members** in this server. Give it to my "
                    "role in Server Settings → Roles."
                )
            )
        if above := [role.mention for role in _out_of_reach(server)]:
            found.append(
                tr(
                    "I cannot time out members with {roles}, because my role is not above. Move my "
                    "role up in Server Settings → Roles.",
                    roles=listed(above),
                )
            )
        return found


def _is_begun_one(deed: Deed, target: Target, duration: timedelta) -> bool:
    """Whether the timeout that runs is the one that an earlier run began, and heard no answer to.

    Discord counts from when it was asked: after the deed was begun, and before now.
    """
    earliest, ends = target.begun_ends_at, deed.until
    if earliest is None or ends is None:
        return False
    return earliest - _AGAIN <= ends <= datetime.now(UTC) + duration


def _out_of_reach(server: discord.Guild) -> list[discord.Role]:
    """Roles of ordinary members that the bot's does not stand above."""
    return [
        role
        for role in server.roles
        if role >= server.me.top_role
        and not role.is_default()
        and not role.managed
        and not any(getattr(role.permissions, name) for name in MODERATES)
    ]
