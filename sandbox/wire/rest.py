"""The REST front: authentication, faults, rate limits, and JSON both ways."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from aiohttp import BodyPartReader, web
from simcord.backend.cdn import CDN_BASE
from simcord.backend.errors import BackendError
from simcord.http import RouteNotImplemented, UnsupportedField

from . import routes
from .faults import Fault, Faults
from .limits import RateLimits, Standing
from .routes import Call, Upload
from .shapes import for_rest
from .world import Request, World

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the JSON that goes with it (None: nothing)."""

    status: int
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


class Rest:
    """Answers everything below ``/api/v10``."""

    def __init__(self, world: World, faults: Faults, limits: RateLimits) -> None:
        self.world = world
        self.faults = faults
        self.limits = limits
        self.gateway_url = ""
        self.cdn_url = ""
        self.shards = 1

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"]
        fault = self.faults.take(request.method, path)
        try:
            # Before any delay: what has arrived is carried out, also if its sender hangs up.
            sent = await _read(request)
        except ValueError:
            sent = None
        body, files = sent or (None, [])
        if fault is not None and fault.delay_s and not fault.after:
            await asyncio.sleep(fault.delay_s)
        if sent is None:
            result = _error(400, 50109, "The request body contains invalid JSON.")
        else:
            call = Call(
                self.world,
                request.method,
                path,
                dict(request.query),
                body,
                files,
                _reason(request),
                self.gateway_url,
                self.shards,
            )
            result = self._answer(request, call, fault)
        if fault is not None and fault.delay_s and fault.after:
            await asyncio.sleep(fault.delay_s)
        dropped = fault is not None and fault.drop
        self._note(request, path, body, files, None if dropped else result)
        if dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return self._response(result)

    def _answer(self, request: web.Request, call: Call, fault: Fault | None) -> Answer:
        if not self._may_enter(request, call.path):
            return Answer(401, {"message": "401: Unauthorized", "code": 0})
        if fault is not None and not fault.after:
            if fault.status is not None:
                return _wrong(fault)
            if fault.drop:
                return Answer(0)
        standing = self.limits.spend(call.method, call.path)
        if standing.limited:
            return _limited(standing)
        result = self._carry_out(call)
        if fault is not None and fault.status is not None:
            return _wrong(fault)
        return Answer(result.status, result.body, tuple(standing.headers().items()))

    def _may_enter(self, request: web.Request, path: str) -> bool:
        # Interactions and webhooks carry their token in the path.
        in_path = path.startswith("/interactions/") or (
            path.startswith("/webhooks/") and path.count("/") > 2
        )
        if in_path or path == "/gateway":
            return True
        return request.headers.get("Authorization") == f"Bot {self.world.token}"

    def _carry_out(self, call: Call) -> Answer:
        try:
            reply = routes.answer(call)
        except (RouteNotImplemented, UnsupportedField, NotImplementedError) as error:
            # Never pretend: what cannot be carried out is said aloud.
            log.warning("the wire cannot carry out %s %s: %s", call.method, call.path, error)
            self.world.gaps.append(f"{call.method} {call.path}: {error}")
            return _error(501, 0, str(error))
        except BackendError as error:
            return Answer(error.status, error.to_json())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.debug("malformed request %s %s", call.method, call.path, exc_info=True)
            return _error(400, 50035, f"Invalid Form Body: {error!r}")
        if call.path.startswith("/interactions/"):
            self.world.acknowledge(int(call.path.split("/")[2]), call.body["type"])
        return _success(call, reply)

    def _note(
        self,
        request: web.Request,
        path: str,
        body: Any,
        files: list[Upload],
        result: Answer | None,
    ) -> None:
        self.world.requests.append(
            Request(
                method=request.method,
                path=path,
                query=dict(request.query),
                body=body,
                files=tuple(file.filename for file in files),
                reason=_reason(request),
                headers=dict(request.headers),
                status=result.status if result else None,
                answer=result.body if result else None,
                at=self.world.backend.clock.now(),
            )
        )
        self.world.pulse.beat()

    def _response(self, result: Answer) -> web.Response:
        headers = dict(result.headers)
        if result.body is None:
            return web.Response(status=result.status, headers=headers)
        text = json.dumps(result.body).replace(CDN_BASE, self.cdn_url)
        # discord.py reads JSON only from exactly this type, without a charset.
        headers["Content-Type"] = "application/json"
        return web.Response(status=result.status, body=text.encode(), headers=headers)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """An uploaded file, as Discord's CDN serves it."""
        blob = self.world.backend.cdn.get(f"{CDN_BASE}/{request.match_info['path']}")
        if blob is None:
            return web.Response(status=404)
        return web.Response(body=blob, content_type="application/octet-stream")


#: What is created is answered 201 on these routes, 200 on all others.
_CREATING = re.compile(
    r"/channels/\d+/(messages/\d+/)?threads"
    r"|/guilds/\d+/(channels|emojis|stickers)"
    r"|/applications/\d+/(emojis|commands|guilds/\d+/commands)"
)


def _success(call: Call, reply: Any) -> Answer:
    if reply is None or not _wants_reply(call):
        return Answer(204)
    created = call.method == "POST" and _CREATING.fullmatch(call.path)
    # Through JSON and back: the log is to show what was sent, not live objects.
    shape = json.loads(json.dumps(for_rest(call.world, call.path, reply)))
    return Answer(201 if created else 200, shape)


def _wants_reply(call: Call) -> bool:
    kind, *rest = call.path.strip("/").split("/")
    if kind == "interactions":
        return _yes(call.query.get("with_response"))
    if kind == "webhooks" and call.method == "POST" and len(rest) == 2:
        # A follow-up always comes back; another webhook's message only when it is waited for.
        followup = rest[1] in call.world.backend.interaction_tokens
        return followup or _yes(call.query.get("wait"))
    return True


def _yes(value: str | None) -> bool:
    return (value or "").lower() in ("1", "true")


def _error(status: int, code: int, message: str) -> Answer:
    return Answer(status, {"message": message, "code": code})


def _limited(standing: Standing) -> Answer:
    return _too_many(
        standing.reset_after_s, standing.scope == "global", tuple(standing.headers().items())
    )


def _wrong(fault: Fault) -> Answer:
    assert fault.status is not None
    if fault.status == 429:
        scope = "global" if fault.is_global else "user"
        return _too_many(fault.retry_after_s, fault.is_global, (("X-RateLimit-Scope", scope),))
    if fault.body is not None:
        return Answer(fault.status, fault.body)
    return _error(fault.status, fault.code, fault.message)


def _too_many(wait_s: float, everywhere: bool, headers: tuple[tuple[str, str], ...]) -> Answer:
    body = {
        "message": "You are being rate limited.",
        "retry_after": round(wait_s, 3),
        "global": everywhere,
        "code": 0,
    }
    # Without Via, discord.py takes a 429 for a ban by the proxy before Discord.
    extra = [("Via", "1.1 wire"), ("Retry-After", str(max(1, round(wait_s))))]
    if everywhere:
        extra.append(("X-RateLimit-Global", "true"))
    return Answer(429, body, (*headers, *extra))


def _reason(request: web.Request) -> str | None:
    reason = request.headers.get("X-Audit-Log-Reason")
    return unquote(reason) if reason is not None else None


async def _read(request: web.Request) -> tuple[Any, list[Upload]]:
    """The JSON and the files of a request.

    Raises
    ------
    ValueError
        The JSON is none.
    """
    if request.content_type == "multipart/form-data":
        return await _read_form(request)
    raw = await request.read()
    return (json.loads(raw) if raw else None), []


async def _read_form(request: web.Request) -> tuple[Any, list[Upload]]:
    fields: dict[str, str] = {}
    blobs: dict[str, tuple[str, bytes]] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        if part.filename is not None:
            blobs[part.name] = (part.filename, bytes(await part.read()))
        else:
            fields[part.name] = await part.text()
    body = json.loads(fields["payload_json"]) if "payload_json" in fields else fields
    described = _descriptions(body)
    files = []
    for name, (filename, blob) in blobs.items():
        number = name.removeprefix("files[").removesuffix("]")
        files.append(Upload(io.BytesIO(blob), filename, described.get(number)))
    return body, files


def _descriptions(body: Any) -> dict[str, str]:
    """The alternative texts of attachments, by their number."""
    message = body.get("data") or body if isinstance(body, dict) else {}
    return {
        str(entry.get("id")): entry["description"]
        for entry in message.get("attachments") or ()
        if entry.get("description")
    }
