"""Replies of other Discord-compatible servers, in the form that discord.py reads.

discord.py reads JSON only where its type is written exactly as Discord writes it, and takes a 429
without `Via` for a ban by the proxy that stands before Discord. Other servers name a character set
with the type, as most web frameworks do, and stand behind no proxy.
"""

from __future__ import annotations

from types import SimpleNamespace

import aiohttp
import discord
from multidict import CIMultiDict, CIMultiDictProxy

_DISCORD = "https://discord.com/"
_JSON = "application/json"


def replies_trace() -> aiohttp.TraceConfig:
    """The `http_trace` of a client for the server that `discord.http.Route.BASE` names.

    It leaves Discord's own replies as they are.
    """
    trace = aiohttp.TraceConfig()
    if not discord.http.Route.BASE.startswith(_DISCORD):
        trace.on_request_end.append(_rewrite)
    return trace


async def _rewrite(
    _session: aiohttp.ClientSession,
    _context: SimpleNamespace,
    ended: aiohttp.TraceRequestEndParams,
) -> None:
    reply = ended.response
    if reply.content_type != _JSON:
        return
    headers = CIMultiDict(reply.headers)
    headers["Content-Type"] = _JSON
    if reply.status == 429:
        headers.setdefault("Via", "1.1 unnamed")
    # There is no public way to change what a reply says; aiohttp keeps what it has parsed here.
    reply._cache["headers"] = CIMultiDictProxy(headers)
