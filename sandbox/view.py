"""One channel of the world as simcord's preview shows it, kept up to date for many people.

simcord's preview serves one channel on a port of its own and shows what the last action left
behind. Here a preview for every channel shares the page's server, and shows what happened in the
world meanwhile, whoever did it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import available_timezones

from aiohttp import web
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle
from simcord.preview import Preview, _markdown, _server
from simcord.preview._pages import _Page
from simcord.preview._server import PreviewServer

from sandbox.locales import ENGLISH, english_wish, localized_entry
from sandbox.world import World

# Discord shows mentions and small print inside embeds; simcord leaves them as they are sent.
for _field in ("embed_description", "embed_field_value"):
    _markdown._FIELD_POLICIES[_field] |= {"mentions": True, "subtext": True}

_multiline_quotes = _markdown._discord_multiline_quotes


def _quotes(text: str) -> str:
    """End a quotation with its line, as Discord does; in other Markdown a paragraph goes on."""
    return _multiline_quotes(re.sub(r"(?m)^(> .*\n)(?!>|\n)", r"\1\n", text))


_markdown._discord_multiline_quotes = _quotes


#: A message that is not there. simcord lists the messages that a query finds in a sidebar, which
#: this page hides; to list them all takes a millisecond for each message of the channel.
_NOTHING = "0"


class _SharedServer(PreviewServer):
    """simcord's request handlers, without the socket: the page's server calls them."""

    preview: ChannelView

    async def start(self) -> None:
        vars(_server)["web"] = web  # the module imports it only where it binds its own socket
        self.port = self._requested_port

    async def close(self) -> None:
        self.port = None

    async def _state(self, request: web.Request) -> web.Response:
        """Answer the browser, which asks twice a second."""
        self.preview.catch_up(request.headers.get("X-Simcord-Context", ""))
        response: web.Response = await super()._state(request)
        return response

    async def _commands(self, request: web.Request) -> web.Response:
        response: web.Response = await super()._commands(request)
        if response.status == 200:
            listed = json.loads(response.text or "{}")
            seen = self.preview.as_seen(request.headers.get("X-Simcord-Context", ""), listed)
            response.text = json.dumps(seen)
        return response


class ChannelView(Preview):
    """What the members in `viewers` see in `channel`, and what they may do there.

    Parameters
    ----------
    port
        The port of the page's server.
    """

    env: World

    # A page that polls keeps its lease; a laptop that sleeps over lunch should too.
    _MAX_PAGES = 64
    _PAGE_LEASE_SECONDS: ClassVar[float] = 4 * 3600.0

    def __init__(
        self, world: World, channel: ChannelHandle, viewers: tuple[MemberActor, ...], port: int
    ) -> None:
        super().__init__(
            world,
            channel,
            viewers,
            layout="channel",
            display="responsive",
            width=960,
            height=720,
            locale=ENGLISH,
            timezone=_timezone(),
            presentation_time=None,
            assets={},
            port=port,
        )
        self.server: PreviewServer = _SharedServer(self, port)
        self._server = self.server
        self._turn = asyncio.Lock()
        self._seen: dict[str, int] = {}

    async def __aenter__(self) -> ChannelView:
        await super().__aenter__()
        # The page that a test would look at from Python: nobody does, and it costs like any other.
        self._pages.clear()
        return self

    def open_page(self, viewer_id: int) -> dict[str, Any]:
        """Open one browser page for a viewer, at the newest messages; its first snapshot.

        Raises
        ------
        SetupError
            Too many pages are open.
        """
        self._advance_presentation_time()
        page = self._open_page(viewer_id)
        page.window_end_id = None
        page.navigation_query = _NOTHING
        self.locale = self.env.locale_of(viewer_id)
        self._publish(page, reason="initial")
        return self._page_payload(page)

    def catch_up(self, page_id: str) -> None:
        """Bring one page up to date with the world, if something happened since it last was."""
        page = self._pages.get(page_id)
        if page is None or page is self._action_page or self._seen.get(page_id) == self.env.changes:
            return
        self._seen[page_id] = self.env.changes
        self._advance_presentation_time()
        self.locale = self.env.locale_of(page.viewer.id)
        self._publish(page, reason="refresh")

    def as_seen(self, page_id: str, listed: dict[str, Any]) -> dict[str, Any]:
        """A list of commands, in the language of the person who looks at the page."""
        page = self._pages.get(page_id)
        locale = ENGLISH if page is None else self.env.locale_of(page.viewer.id)
        if locale == ENGLISH:
            return listed
        entries = [
            entry
            if (command := self._command(entry["commandId"])) is None
            else localized_entry(entry, command, locale)
            for entry in listed["entries"]
        ]
        return {**listed, "entries": entries}

    def _command(self, command_id: Any) -> Mapping[str, Any] | None:
        registered = self.env.backend.commands.values()
        every = (command for commands in registered for command in commands.values())
        return next((one for one in every if one["id"] == command_id), None)

    async def _action(self, context_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        """Let actions take turns, where simcord would call all but the first one busy.

        Their revision is set to the current one: a message that arrives while somebody types is
        no reason to refuse what they typed, and what an action acts on is looked up anyway.
        """
        async with self._turn:
            page: _Page | None = self._pages.get(context_id or "")
            if page is not None and isinstance(body, Mapping):
                if body.get("kind") == "close":  # would end the channel for everybody
                    return self._reject(page, "unknown-kind", request_id=body.get("request_id"))
                if body.get("sequence") == page.last_sequence + 1:
                    body = {**body, "published_revision": page.revision}
                locale = self.locale = self.env.locale_of(page.viewer.id)
                command = self._command(body.get("command_id"))
                if locale != ENGLISH and command is not None:
                    with contextlib.suppress(KeyError, TypeError):  # simcord says what is wrong
                        body = english_wish(body, command, locale)
            return await super()._action(context_id, body)


def _timezone() -> str:
    """The machine's time zone, where its file tells; else UTC."""
    _, _, name = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")
    return name if name in available_timezones() else "UTC"
