"""What the bot asks Discord to be told of, and what it does without where that is refused.

Two intents have to be switched on in the developer portal: Message Content, without which the bot
reads only messages that mention it, and Server Members, which only the screening of names needs.
Discord says no by ending the connection, without a word about which of them it meant; the
application's own flags tell.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum, StrEnum

import discord

from bot.chat.replies import replies_trace
from bot.language import tr
from bot.logs import describe

log = logging.getLogger(__name__)

# Seconds that Discord gets to say which intents it allows by now.
_ASK_S = 5.0

_PORTAL = "https://discord.com/developers/applications"


class ContentIntent(StrEnum):
    """Whether the bot asks for the Message Content intent: `MESSAGE_CONTENT` in the settings."""

    AUTO = "auto"
    OFF = "off"
    REQUIRED = "required"


class Privileged(Enum):
    """An intent that has to be switched on in the developer portal."""

    MESSAGE_CONTENT = "Message Content"
    MEMBERS = "Server Members"

    @property
    def remedy(self) -> str:
        """How whoever hosts the bot gets it."""
        # The portal is in English for everybody, and so are the names of its switches.
        return tr(
            "Open {portal}, choose your application, Bot, Privileged Gateway Intents, switch on "
            "{intent} Intent, save, and start Hexward again.",
            portal=_PORTAL,
            intent=self.value,
        )

    def granted(self, flags: discord.ApplicationFlags) -> bool:
        """Whether the application's flags list it."""
        if self is Privileged.MESSAGE_CONTENT:
            return flags.gateway_message_content or flags.gateway_message_content_limited
        return flags.gateway_guild_members or flags.gateway_guild_members_limited


def reduced() -> str:
    """What the bot does without the Message Content intent, in a sentence or two for moderators."""
    return tr(
        "The Message Content intent is off for this bot, so it reads only messages that mention "
        "it. Apps → Check message and `/check` work."
    )


class Asked:
    """The privileged intents that the bot asks for; fewer once Discord has refused them.

    One instance lives as long as the process: what was refused is not asked for again.

    Parameters
    ----------
    content
        With `ContentIntent.REQUIRED` a refusal stays one.
    members
        Whether the Server Members intent is wanted.
    """

    def __init__(
        self, content: ContentIntent = ContentIntent.AUTO, *, members: bool = False
    ) -> None:
        self._required = content is ContentIntent.REQUIRED
        self._wanted: set[Privileged] = set()
        if content is not ContentIntent.OFF:
            self._wanted.add(Privileged.MESSAGE_CONTENT)
        if members:
            self._wanted.add(Privileged.MEMBERS)
        self.refused: set[Privileged] = set()
        self._guessed: set[Privileged] = set()

    @property
    def message_content(self) -> bool:
        """Whether the bot may read all messages; if not, its mode is reduced."""
        return Privileged.MESSAGE_CONTENT in self._wanted

    @property
    def members(self) -> bool:
        """Whether the bot hears of members who join or change their name."""
        return Privileged.MEMBERS in self._wanted

    def intents(self) -> discord.Intents:
        """Servers and their messages, and what is wanted of the privileged ones."""
        intents = discord.Intents.none()
        intents.guilds = True
        intents.guild_messages = True
        intents.message_content = self.message_content
        intents.members = self.members
        return intents

    def give_up(self, flags: discord.ApplicationFlags | None) -> tuple[Privileged, ...]:
        """Do without what Discord has refused, after it ended a connection for that reason.

        Parameters
        ----------
        flags
            The application's, if they are known. Where they do not tell which intent was meant, the
            less important one goes first.

        Returns
        -------
        tuple of Privileged
            What is not asked for any more; empty where the bot cannot do without.
        """
        # The less important one first.
        wanted = [intent for intent in reversed(Privileged) if intent in self._wanted]
        listed = [intent for intent in wanted if flags and not intent.granted(flags)]
        refused = listed or wanted[:1]
        if self._required and Privileged.MESSAGE_CONTENT in refused:
            return ()
        self._wanted.difference_update(refused)
        self.refused.update(refused)
        if flags and listed:
            # Flags may be older than the refusal where Discord could not be asked for new ones.
            # Those of the next attempt are not, and may show that the wrong intent was given up.
            back = {intent for intent in self._guessed if intent.granted(flags)}
            self._wanted |= back
            self.refused -= back
        else:
            self._guessed.update(refused)
        return tuple(refused)


async def flags_now(client: discord.Client) -> discord.ApplicationFlags | None:
    """The flags of a client's application as Discord lists them at this moment.

    One that was connected for days knows those of days ago; they are given back where Discord does
    not answer.
    """
    asking = discord.Client(intents=discord.Intents.none(), http_trace=replies_trace())
    try:
        async with asyncio.timeout(_ASK_S):
            await asking.login(client.http.token or "")
        return asking.application_flags
    except Exception as error:  # also an answer that discord.py cannot parse
        log.info("Which intents Discord allows by now is not known: %s", describe(error))
        return client.application_flags
    finally:
        await asking.close()
