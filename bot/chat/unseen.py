"""Flags that no moderator was shown: counted, and told once there is somebody to tell.

Where the log channel is gone, or closed to the bot, messages may still be deleted and members timed
out. Somebody who can mend that is told of it once, and again each day while it stays so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
from discord.utils import format_dt

from bot.chat.alarm_place import moderators_place
from bot.chat.faults import DISCORD_FAULTS, STUMBLES
from bot.chat.greeting_place import greeting_place
from bot.chat.languages import speaking_to
from bot.chat.log_channel import Trouble, find_log_channel
from bot.chat.readiness import wanted
from bot.chat.stubborn import pauses
from bot.errors import DatabaseError
from bot.language import tr, trn
from bot.logs import describe
from bot.rules import Mode
from bot.storage.decisions import Outcome
from bot.storage.server_settings import ServerSettings
from bot.storage.servers import Servers
from bot.storage.unshown import Missing, Unshown

log = logging.getLogger(__name__)

# How long whoever was told is left in peace while nothing changes.
TELL_AGAIN = timedelta(days=1)
# Seconds until it is tried again to tell somebody, where Discord failed.
_RETRY_S = 60.0
# Seconds from the first alert that gets through, or that failed for no reason in the server, to the
# line about those that did not get through: more may be on their way.
MAKE_UP_AFTER_S = 10.0

# What somebody in the server can mend. No log channel at all was somebody's choice.
_LOST = (Outcome.LOG_CHANNEL_GONE, Outcome.MISSING_PERMISSION)


class Unseen:
    """Sees to it that what was not shown does not stay unknown."""

    def __init__(self, unshown: Unshown, servers: Servers) -> None:
        self._unshown = unshown
        self._servers = servers
        # One of each kind for a server at a time.
        self._alarms: dict[int, asyncio.Task[None]] = {}
        self._lines: dict[int, asyncio.Task[None]] = {}
        # Servers whose line is on its way, and about which something has changed since.
        self._again: set[int] = set()
        self._not_before: dict[int, float] = {}

    def failed(self, server: discord.Guild, outcome: Outcome, flags: int = 1) -> None:
        """A flag was not shown, or with no `flags` a line about some.

        Parameters
        ----------
        outcome
            Why.
        """
        now = datetime.now(UTC)
        if flags:
            self._unshown.add(server.id, flags, now)
        if outcome is Outcome.FAILED:
            # Nobody has to mend anything, so nothing else would bring the line about.
            self.make_up(server, after_s=MAKE_UP_AFTER_S)
        missing = self._unshown.of(server.id)
        if outcome not in _LOST or missing is None:
            return
        if missing.told_at is not None and now - missing.told_at < TELL_AGAIN:
            return
        if asyncio.get_running_loop().time() >= self._not_before.get(server.id, 0.0):
            self._begin(self._alarms, server.id, self._raise_alarm(server), "tell of unseen flags")

    def shown(self, server: discord.Guild) -> None:
        """A flag was shown, so what was not can be told."""
        self.make_up(server, after_s=MAKE_UP_AFTER_S)

    def await_line(self, server_id: int, flags: int) -> None:
        """Say how many flags wait for a line that is not posted yet."""
        self._unshown.await_line(server_id, flags, datetime.now(UTC))

    def give_up_line(self, server: discord.Guild, flags: int) -> None:
        """That line is not posted any more; flags it should have told of count as not shown."""
        now = datetime.now(UTC)
        self._unshown.await_line(server.id, 0, now)
        if flags:
            self._unshown.add(server.id, flags, now)
            self.make_up(server, after_s=MAKE_UP_AFTER_S)

    def make_up(self, server: discord.Guild, *, after_s: float = 0.0) -> None:
        """Tell in the log channel, if it works again, how many flags were not shown."""
        missing = self._unshown.of(server.id)
        if missing is not None and missing.flags:
            self._again.add(server.id)
            self._begin(self._lines, server.id, self._make_up(server, after_s), "tell of the rest")

    async def drain(self) -> None:
        """Leave the rest for the next start; for when the client closes."""
        tasks = [*self._alarms.values(), *self._lines.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(
        self,
        tasks: dict[int, asyncio.Task[None]],
        server_id: int,
        work: Coroutine[Any, Any, None],
        name: str,
    ) -> None:
        running = tasks.get(server_id)
        if running is not None and not running.done():
            work.close()
            return
        task = tasks[server_id] = asyncio.create_task(work, name=name)

        def forget(ended: asyncio.Task[None]) -> None:
            if tasks.get(server_id) is ended:
                del tasks[server_id]

        task.add_done_callback(forget)

    # What the log channel is told once it works again.

    async def _make_up(self, server: discord.Guild, after_s: float) -> None:
        await asyncio.sleep(after_s)
        waits = pauses()
        # A channel that is chosen while the one before is looked at must not go unseen.
        while server.id in self._again:
            self._again.discard(server.id)
            try:
                await self._tell_the_rest(server)
            except (DatabaseError, *STUMBLES) as error:
                self._again.add(server.id)
                log.warning(
                    "Server %d is told later what it missed: %s", server.id, describe(error)
                )
                await asyncio.sleep(next(waits))

    async def _tell_the_rest(self, server: discord.Guild) -> None:
        """Post the line, if there is something to tell and a place for it.

        Raises
        ------
        DatabaseError, *STUMBLES
            If it may well work later.
        """
        missing: Missing | None = None
        try:
            settings = await self._servers.get(server.id)
            channel = await find_log_channel(server, settings.log_channel_id)
            if isinstance(channel, Trouble):
                return
            missing = self._unshown.take(server.id)
            if missing is None:
                return
            with speaking_to(server):
                words = _not_shown(missing)
            await channel.send(words)
            missing = None
        except STUMBLES:
            raise
        except discord.DiscordException as error:
            log.warning("Server %d was not told what it missed: %s", server.id, describe(error))
        finally:
            if missing is not None:
                self._unshown.put_back(server.id, missing)

    # What those are told who can mend it.

    async def _raise_alarm(self, server: discord.Guild) -> None:
        self._unshown.told(server.id, datetime.now(UTC))
        tried = False
        try:
            settings = await self._servers.get(server.id)
            trouble = await find_log_channel(server, settings.log_channel_id)
            if isinstance(trouble, Trouble) and trouble.outcome in _LOST:
                with speaking_to(server):
                    told = await _tell_somebody(server, settings, trouble)
                if not told:
                    log.warning("Server %d: nobody could be told that flags are unseen", server.id)
            tried = True
        except (DatabaseError, *DISCORD_FAULTS) as error:
            self._not_before[server.id] = asyncio.get_running_loop().time() + _RETRY_S
            log.warning(
                "Server %d: nobody was told yet that flags are unseen: %s",
                server.id,
                describe(error),
            )
        finally:
            if tried:
                self._not_before.pop(server.id, None)
            else:  # the bot may also stop in between
                self._unshown.told(server.id, None)


async def _tell_somebody(server: discord.Guild, settings: ServerSettings, trouble: Trouble) -> bool:
    """Moderators among themselves; the owner alone; or everybody, and then not what it is about.

    Raises
    ------
    discord.DiscordException
        If Discord fails.
    """
    words = _nobody_sees(server, settings, trouble)
    channel = moderators_place(server)
    if channel is not None:
        await channel.send(words)
        return True
    if await _tell_owner(server, words):
        return True
    public = greeting_place(server)
    if public is None:
        return False
    await public.send(
        tr(
            "Whoever manages this server: I cannot report to moderators as was chosen. `/doctor` "
            "says what is wrong."
        )
    )
    return True


async def _tell_owner(server: discord.Guild, words: str) -> bool:
    """By direct message; False: they take none, or are gone."""
    if server.owner_id is None:
        return False
    try:
        owner = await server.fetch_member(server.owner_id)
        await owner.send(words)
    except (discord.Forbidden, discord.NotFound):
        return False
    return True


def _nobody_sees(server: discord.Guild, settings: ServerSettings, trouble: Trouble) -> str:
    name = discord.utils.escape_markdown(server.name)
    if trouble.outcome is Outcome.LOG_CHANNEL_GONE:
        what = tr("**In {server} nobody sees alerts:** the log channel is gone.", server=name)
        remedy = tr(
            "Choose another in the server with `/logchannel set`, or have one made with `/setup`. "
            "`/log recent` lists what was flagged meanwhile."
        )
    else:
        what = tr(
            "**In {server} nobody sees alerts:** they belong in {channel}, but there I lack "
            "{permissions}.",
            server=name,
            channel=f"<#{settings.log_channel_id}>",
            permissions=trouble.lacking,
        )
        remedy = tr(
            "Give my role what it lacks, in that channel’s own permissions, or choose another "
            "channel in the server with `/logchannel set`. `/log recent` lists what was flagged "
            "meanwhile."
        )
    lines = [what]
    if settings.mode is Mode.ENFORCE and wanted(settings).acts:
        lines.append(
            tr(
                "This server enforces, so what the rules ask for is still done, and nobody is told "
                "of it."
            )
        )
    return "\n".join([*lines, remedy])


def _not_shown(missing: Missing) -> str:
    return trn(
        "**{count:,} flag was not shown here:** since {when} it could not be posted. `/log recent` "
        "lists it.",
        "**{count:,} flags were not shown here:** since {when} they could not be posted. "
        "`/log recent` lists them.",
        missing.flags,
        when=format_dt(missing.since, "f"),
    )
