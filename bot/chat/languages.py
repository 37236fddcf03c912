"""Which language is spoken to whom, and the commands' own names and descriptions in it.

Whoever uses a command or clicks a button is answered in the language of their own Discord; what is
posted for a whole server is in that server's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.language import ENGLISH, catalogue, language_of, languages, speaking

CONTEXTS = {
    Location.command_name: "name",
    Location.group_name: "name",
    Location.command_description: "description",
    Location.group_description: "description",
    Location.parameter_name: "option",
    Location.parameter_description: "description",
    Location.choice_name: "choice",
}
"""The context in the catalogue (gettext's ``msgctxt``) of a text at some place of a command."""


def speaking_to(server: discord.Guild | None) -> AbstractContextManager[None]:
    """Speak a server's language; for what is posted by tasks that serve several servers or people.

    Only needed where the task was not begun by an event of this very server.

    Parameters
    ----------
    server
        None, for one that the bot has left, is spoken to in English.
    """
    return speaking(None if server is None else str(server.preferred_locale))


def locale_of_event(client: discord.Client, event: str, payload: Any) -> str | None:
    """The locale in which an event of Discord's is to be dealt with; None: it names nobody.

    Parameters
    ----------
    event
        Discord's name of it, such as ``INTERACTION_CREATE``.
    payload
        Its content.
    """
    if not isinstance(payload, Mapping):
        return None
    if event == "INTERACTION_CREATE":
        return payload.get("locale")
    if event == "GUILD_CREATE":
        return payload.get("preferred_locale")
    try:
        server = client.get_guild(int(payload.get("guild_id") or 0))
    except (TypeError, ValueError):
        return None
    return None if server is None else str(server.preferred_locale)


class CommandTexts(app_commands.Translator):
    """Gives Discord the commands' names, descriptions, options and choices in other languages."""

    async def load(self) -> None:
        """Read the catalogues, off the event loop, before anybody needs them."""
        for language in languages():
            await asyncio.to_thread(catalogue, language)

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        language = language_of(locale.value)
        if language == ENGLISH:
            return None
        english, text_of = string.message, CONTEXTS.get(context.location)
        if text_of is None or isinstance(context.data, app_commands.ContextMenu):
            found = catalogue(language).gettext(english)
        else:
            found = catalogue(language).pgettext(text_of, english)
        return None if found == english else found
