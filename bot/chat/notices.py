"""Tells the author of a message that was acted on, where a server wants that."""

from __future__ import annotations

import time
from collections import OrderedDict

import discord

from bot.chat.captions import permission_captions
from bot.chat.lookup import missing_permissions
from bot.language import tr
from bot.logs import describe
from bot.storage.server_settings import Notice, NoticeWay

# Who writes ten such messages in a minute is told once.
_AGAIN_S = 60.0
_REMEMBERED = 10_000


def usual_text() -> str:
    """What authors are told where a server has no words of its own."""
    return tr(
        "Something was done about your message, because it may hurt others. Moderators see it as "
        "well, and put right what was a mistake."
    )


class Notices:
    """Remembers who was told lately; nobody is told twice within a minute."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[int, int], float] = OrderedDict()

    async def tell(
        self, notice: Notice, message: discord.Message, server: discord.Guild
    ) -> str | None:
        """Send a server's notice to the author of a message.

        Returns
        -------
        str or None
            What became of it, in words for moderators; None if none was to be sent. Never raises.
        """
        author = message.author
        if notice.way is NoticeWay.OFF or author.bot or message.webhook_id is not None:
            return None
        key, now = (server.id, author.id), time.monotonic()
        if now - self._told.get(key, -_AGAIN_S) < _AGAIN_S:
            return tr("The author was told a moment ago.")
        self._told[key] = now
        self._told.move_to_end(key)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        text = notice.text or usual_text()
        if notice.way is NoticeWay.DM:
            return await _by_dm(author, server, text)
        return await _in_channel(message, text)


async def _by_dm(author: discord.abc.User, server: discord.Guild, text: str) -> str:
    try:
        user = author if isinstance(author, discord.User | discord.Member) else None
        if user is None:
            return tr("The author could not be told.")
        await user.send(
            f"**{discord.utils.escape_markdown(server.name)}**: {text}",
            allowed_mentions=discord.AllowedMentions.none(),
        )
    except discord.Forbidden:
        return tr("The author takes no direct messages.")
    except Exception as error:  # also an answer that discord.py cannot parse
        return tr("The author could not be told ({error}).", error=type(error).__name__)
    return tr("The author was told by direct message.")


async def _in_channel(message: discord.Message, text: str) -> str:
    channel, author = message.channel, message.author
    if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        lacking = missing_permissions(channel, ("view_channel", "send_messages"))
        if lacking:
            return tr(
                "The author could not be told: I lack {names}.",
                names=permission_captions(lacking),
            )
    try:
        await channel.send(
            f"{author.mention} {text}", allowed_mentions=discord.AllowedMentions(users=[author])
        )
    except Exception as error:  # also an answer that discord.py cannot parse
        return tr("The author could not be told ({error}).", error=describe(error)[:80])
    return tr("The author was told in the channel.")
