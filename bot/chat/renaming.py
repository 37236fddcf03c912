"""Takes a name away that was flagged, so that the server sees another."""

from __future__ import annotations

import discord

from bot.chat.audit import fitting
from bot.chat.carried import Deed, Hurdle, What, hindered, lacking
from bot.chat.languages import speaking_to
from bot.chat.member_deeds import subject
from bot.chat.patiently import patiently
from bot.language import tr


async def reset_name(server: discord.Guild, member_id: int, surface: str, reason: str) -> Deed:
    """Take a nickname away, or cover a display or user name with a plain nickname.

    Parameters
    ----------
    surface
        Which name was flagged, as of `bot.chat.surfaces.NAMES`. If the server sees another one by
        now, nothing is done.
    reason
        For the server's audit log: 1 to 512 characters; what is longer is cut.

    Returns
    -------
    Deed
        Never raises. Not done for the server's owner, for the bot itself and for those the bot's
        role does not stand above.
    """

    async def rename() -> Deed:
        member = await subject(server, member_id, What.RENAME)
        if isinstance(member, Deed):
            return member
        if another_shows(member, surface):
            why = tr("The server sees another name of this member by now.")
            return hindered(What.RENAME, Hurdle.ALREADY, why)
        try:
            await member.edit(nick=_plain(member, surface), reason=fitting(reason))
        except discord.NotFound:
            return hindered(What.RENAME, Hurdle.LEFT, tr("The member has left the server."))
        except discord.Forbidden:
            return lacking(
                What.RENAME,
                tr("I lack Manage Nicknames for this member."),
                tr("Give my role Manage Nicknames in Server Settings → Roles."),
            )
        return Deed(True, What.RENAME)

    return await patiently(What.RENAME, rename)


def another_shows(member: discord.Member, surface: str) -> bool:
    """Whether the server sees another name of a member than the one that was flagged.

    A nickname that is gone shows the name below it; that one is covered by a nickname.
    """
    return (member.nick is None) == (surface == "nickname")


def _plain(member: discord.Member, surface: str) -> str | None:
    """A nickname in the server's language that says nothing; None: the member's own name shows."""
    if surface == "nickname":
        return None
    with speaking_to(member.guild):
        return tr("Member {number}", number=f"{member.id % 10_000:04}")
