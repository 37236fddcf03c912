"""Which language is spoken to whom, and the commands' own names and descriptions in it.

Whoever uses a command or clicks a button is answered in the language of their own Discord; what is
posted for a whole server is in that server's, or in the one that it chose with ``/language``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import MappingProxyType
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


# Set once for everything that a bot does. Whoever speaks to a server cannot wait for a reading.
_chosen: ContextVar[Mapping[int, str]] = ContextVar("chosen", default=MappingProxyType({}))


@contextlib.contextmanager
def heeding(chosen: Mapping[int, str]) -> Iterator[None]:
    """Speak to servers in the languages that they chose, until the block ends.

    Parameters
    ----------
    chosen
        Languages by ids of servers; looked at whenever one is spoken to. Servers that are not in it
        are spoken to in their own language on Discord.
    """
    token = _chosen.set(chosen)
    try:
        yield
    finally:
        _chosen.reset(token)


def locale_of(server: discord.Guild) -> str:
    """In which locale a server is spoken to: the one it chose, or its own on Discord."""
    return _locale(server.id, server.preferred_locale)


def _locale(server_id: int, on_discord: object) -> str:
    return _chosen.get().get(server_id, str(on_discord))


def speaking_to(server: discord.Guild | None) -> AbstractContextManager[None]:
    """Speak a server's language; for what is posted by tasks that serve several servers or people.

    Only needed where the task was not begun by an event of this very server.

    Parameters
    ----------
    server
        None, for one that the bot has left, is spoken to in English.
    """
    return speaking(None if server is None else locale_of(server))


def speaking_as(language: str | None, server: discord.Guild | None) -> AbstractContextManager[None]:
    """Speak the language in which something was posted that is added to now.

    Parameters
    ----------
    language
        None, where that is not known, is the server's of now.
    """
    return speaking_to(server) if language is None else speaking(language)


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
    try:
        if event == "GUILD_CREATE":
            return _locale(int(payload.get("id") or 0), payload.get("preferred_locale"))
        server = client.get_guild(int(payload.get("guild_id") or 0))
    except (TypeError, ValueError):
        return None
    return None if server is None else locale_of(server)


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
