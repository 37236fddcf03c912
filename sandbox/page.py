"""The local page: a server that looks like Discord, in which one acts as any of its members."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simcord.preview
from aiohttp import web
from multidict import CIMultiDict
from simcord.actors import MemberActor
from simcord.backend.access import can_access_channel
from simcord.backend.errors import BackendError, SetupError
from simcord.builders import ChannelHandle, GuildHandle
from simcord.enums import AppCommandType
from simcord.preview._server import PreviewServer
from simcord.results import ResponseMessage

from sandbox.locales import locales_of, name_of
from sandbox.view import ChannelView
from sandbox.world import World

_OURS = Path(__file__).parent / "static"
_THEIRS = Path(simcord.preview.__file__).parent / "static"
_CAPABILITY = "X-Simcord-Capability"

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Security-Policy": (
        "default-src 'self'; connect-src 'self' blob:; img-src 'self' blob:; "
        "media-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
    ),
}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PortTaken(Exception):
    """The page cannot listen on the port that was asked for; the message says why."""


def check_port(port: int) -> None:
    """See whether the page could listen on `port`, before anything is made for it.

    Raises
    ------
    PortTaken
        Something else listens there.
    """
    with socket.socket() as probe:
        # As the page will: a port that was left a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise _taken(port, error) from error


def _taken(port: int, error: OSError) -> PortTaken:
    return PortTaken(f"Port {port} on 127.0.0.1 cannot be used: {os.strerror(error.errno or 0)}")


@dataclass(frozen=True, slots=True)
class _Seat:
    """One member looking at one channel; its token is what the browser shows for it."""

    token: str
    view: ChannelView
    channel: ChannelHandle
    member: MemberActor


class Page:
    """The page's server. It listens on 127.0.0.1 only."""

    def __init__(
        self,
        world: World,
        server: GuildHandle,
        members: Mapping[str, MemberActor],
        channels: Mapping[str, ChannelHandle],
    ) -> None:
        self._world = world
        self._server = server
        self._members = members
        self._channels = channels
        self._seats: dict[str, _Seat] = {}
        self._views: list[ChannelView] = []
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def open(self, port: int) -> None:
        """Listen on `port`, or on a free one when it is 0.

        Raises
        ------
        PortTaken
            Something else listens there.
        """
        app = web.Application(middlewares=[self._from_here_only])
        app.add_routes(self._routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", port).start()
        except OSError as error:
            raise _taken(port, error) from error
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/"
        for channel in self._channels.values():
            viewers = tuple(
                member
                for member in self._members.values()
                if can_access_channel(self._world, channel.id, member, history=True)
            )
            view = ChannelView(self._world, channel, viewers, port)
            await view.__aenter__()
            self._views.append(view)
            for member in viewers:
                seat = _Seat(secrets.token_urlsafe(16), view, channel, member)
                self._seats[seat.token] = seat
        self._world.views = list(self._views)

    async def close(self) -> None:
        """Stop listening, and end every open page."""
        if self._runner is not None:
            await self._runner.cleanup()
        for view in self._views:
            await view.close()

    # ---------------------------------------------------------------- routes

    def _routes(self) -> list[web.RouteDef]:
        ours = [
            web.get("/", _file(_OURS / "index.html")),
            web.get("/channel", self._channel),
            web.get("/favicon.ico", _no_icon),
            web.get("/stage.json", self._stage),
            web.get("/stage/menu", self._menu),
            web.post("/stage/menu", self._choose),
            web.post("/stage/language", self._speak),
        ]
        ours += [
            web.get(f"/stage/{name}", _file(_OURS / name))
            for name in (
                *("stage.js", "stage.css", "channel.js", "channel.css"),
                *("theme.js", "light.css"),
            )
        ]
        theirs = [
            web.get(path, _file(_THEIRS / name))
            for path, name in PreviewServer._STATIC_FILES.items()
            if path != "/" and (_THEIRS / name).is_file()
        ]
        api = [
            web.post("/api/pages", self._open_page),
            web.delete("/api/pages/{context_id}", self._for_seat("_delete_page")),
            web.get("/api/state", self._for_seat("_state")),
            web.get("/api/commands", self._for_seat("_commands")),
            web.get("/api/action-result", self._for_seat("_action_result")),
            web.post("/api/action", self._for_seat("_action")),
            web.get("/api/assets/{asset_id}", self._for_seat("_asset")),
        ]
        return ours + theirs + api

    @web.middleware
    async def _from_here_only(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Refuse requests that a site elsewhere made a browser send here (DNS rebinding)."""
        if request.host.rsplit(":", 1)[0] not in {"127.0.0.1", "localhost"}:
            raise web.HTTPForbidden(text="This page is for this machine.")
        return await handler(request)

    def _seat(self, request: web.Request) -> _Seat:
        seat = self._seats.get(request.headers.get(_CAPABILITY, ""))
        if seat is None:
            raise web.HTTPUnauthorized(text="Reload the page.")
        return seat

    def _for_seat(self, handler: str) -> _Handler:
        """Hand a request on to the channel's preview, which knows one capability for all."""

        async def handle(request: web.Request) -> web.StreamResponse:
            view = self._seat(request).view
            headers = CIMultiDict(request.headers)
            headers[_CAPABILITY] = view.capability
            response: web.StreamResponse = await getattr(view.server, handler)(
                request.clone(headers=headers)
            )
            return response

        return handle

    async def _open_page(self, request: web.Request) -> web.Response:
        seat = self._seat(request)
        try:
            return _json(seat.view.open_page(seat.member.id))
        except (SetupError, BackendError) as error:
            raise web.HTTPBadRequest(text=str(error)) from error

    async def _channel(self, _: web.Request) -> web.Response:
        """simcord's page, with style sheets and scripts of ours."""
        document = (_THEIRS / "index.html").read_text("utf-8")
        ours = (
            '<script src="/stage/theme.js"></script>'
            '<link rel="stylesheet" href="/stage/channel.css">'
            '<link rel="stylesheet" href="/stage/light.css">'
            '<script type="module" src="/stage/channel.js"></script>'
        )
        return web.Response(
            text=document.replace("</head>", f"{ours}</head>"),
            content_type="text/html",
            headers=_HEADERS,
        )

    async def _stage(self, _: web.Request) -> web.Response:
        """The server, its members and channels, and every member's seats."""
        backend = self._world.backend
        channels = []
        for name, channel in self._channels.items():
            latest = max(
                (m.id for m in backend.messages.get(channel.id, {}).values() if not m.is_ephemeral),
                default=0,
            )
            seats = {
                seat.member.name: seat.token
                for seat in self._seats.values()
                if seat.channel.id == channel.id
            }
            channels.append(
                {"name": name, "id": str(channel.id), "latest": str(latest), "seats": seats}
            )
        members = [
            {
                "key": member.name,
                "name": name,
                "locale": self._world.locale_of(member.id),
                "roles": [
                    backend.get_role(self._server.id, role_id).name
                    for role_id in backend.get_member(self._server.id, member.id).role_ids
                ],
            }
            for name, member in self._members.items()
        ]
        return _json(
            {
                "server": self._server.name,
                "locale": backend.get_guild(self._server.id).preferred_locale,
                "locales": self._locales(),
                "channels": channels,
                "members": members,
            }
        )

    def _locales(self) -> list[str]:
        registered = self._world.backend.commands.values()
        return locales_of(command for commands in registered for command in commands.values())

    async def _speak(self, request: web.Request) -> web.Response:
        """Set the language of the member who is named, or else the server's."""
        try:
            wish = await request.json()
            if wish["locale"] not in self._locales():
                raise ValueError(f"The bot speaks no {wish['locale']!r}.")
            if "member" in wish:
                named = {member.name: member for member in self._members.values()}
                self._world.locales[named[wish["member"]].id] = wish["locale"]
            else:
                self._world.backend.edit_guild(
                    self._server.id, {"preferred_locale": wish["locale"]}
                )
        except (KeyError, TypeError, ValueError) as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return _json({})

    # simcord's preview has no menu on a message; Discord's has the bot's apps and Forward.

    async def _menu(self, request: web.Request) -> web.Response:
        seat = self._seat(request)
        apps = self._world.backend.visible_commands(
            user_id=seat.member.id, channel_id=seat.channel.id, type=AppCommandType.MESSAGE
        )
        rooms = [
            name
            for name, channel in self._channels.items()
            if can_access_channel(self._world, channel.id, seat.member)
        ]
        locale = self._world.locale_of(seat.member.id)
        shown = [{"name": app["name"], "label": name_of(app, locale)} for app in apps]
        return _json({"apps": shown, "forward": rooms})

    async def _choose(self, request: web.Request) -> web.Response:
        seat = self._seat(request)
        try:
            wish = await request.json()
            stored = self._world.backend.get_message(seat.channel.id, int(wish["message_id"]))
            message = ResponseMessage(self._world, stored)
            if "app" in wish:
                await seat.member.context_menu(seat.channel, wish["app"], message)
            else:
                await seat.member.forward(message, self._channels[wish["forward"]])
        except (SetupError, BackendError, KeyError, TypeError, ValueError) as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return _json({})


def _file(path: Path) -> _Handler:
    async def handle(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(path, headers=_HEADERS)

    return handle


async def _no_icon(_: web.Request) -> web.Response:
    return web.Response(status=204)


def _json(value: Any) -> web.Response:
    return web.json_response(value, headers=_HEADERS)
