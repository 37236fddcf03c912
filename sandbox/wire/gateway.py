"""The gateway: websockets on which sessions are opened, kept alive, resumed and thrown away."""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import discord
from aiohttp import WSMsgType, web
from simcord.backend import serializers
from simcord.intents import missing_privileged_intents

from .faults import Faults
from .session import Session, Sessions
from .world import World

CHUNK_MEMBERS = 1000

HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME = 1, 2, 3, 4, 6
RECONNECT, REQUEST_MEMBERS, INVALID_SESSION, HELLO, ACK = 7, 8, 9, 10, 11


class Refused(Exception):
    """Close the connection with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection:
    """One websocket. Sending never blocks; a task of its own writes in order."""

    def __init__(self, request: web.Request, ws: web.WebSocketResponse) -> None:
        self.request = request
        self.ws = ws
        self.session: Session | None = None
        self.last_beat = time.monotonic()
        #: The code with which either side closed it; None while open, and when the line was cut.
        self.closed_with: int | None = None
        compressed = request.query.get("compress") == "zlib-stream"
        # One context for the whole connection: later messages refer to earlier ones.
        self._deflate = zlib.compressobj() if compressed else None
        self._queue: asyncio.Queue[str | bytes | tuple[int, bytes]] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write())

    def send(self, text: str) -> None:
        """Send a message, compressed if the client asked for it."""
        if self._deflate is None:
            self._queue.put_nowait(text)
        else:
            # A sync flush ends in 00 00 ff ff, by which the client knows a message's end.
            packed = self._deflate.compress(text.encode()) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
            self._queue.put_nowait(packed)

    def send_op(self, op: int, payload: Any = None) -> None:
        self.send(json.dumps({"op": op, "d": payload, "s": None, "t": None}))

    def send_bytes(self, raw: bytes) -> None:
        """Send a binary frame as it is."""
        self._queue.put_nowait(raw)

    def close(self, code: int, reason: str = "") -> None:
        """Close after everything that was sent before."""
        self.closed_with = code
        self._queue.put_nowait((code, reason.encode()))

    async def close_now(self, code: int, reason: str) -> None:
        self.closed_with = code
        await self.ws.close(code=code, message=reason.encode())

    def abort(self) -> None:
        """Cut the line without a word."""
        if self.request.transport is not None:
            self.request.transport.abort()

    async def finish(self) -> None:
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)

    async def _write(self) -> None:
        while True:
            item = await self._queue.get()
            try:
                if isinstance(item, tuple):
                    await self.ws.close(code=item[0], message=item[1])
                elif isinstance(item, bytes):
                    await self.ws.send_bytes(item)
                else:
                    await self.ws.send_str(item)
            except ConnectionError:
                # The client is gone; the reading side notices and ends the connection.
                return


class Gateway:
    """Answers websocket connections.

    Parameters
    ----------
    heartbeat_s
        The interval between heartbeats that clients are told.
    resume_window_s
        How long a session may wait for its client to come back.
    """

    def __init__(
        self, world: World, faults: Faults, *, heartbeat_s: float, resume_window_s: float
    ) -> None:
        self.world = world
        self.faults = faults
        self.heartbeat_s = heartbeat_s
        self.sessions = Sessions(resume_window_s)
        self.connections: set[Connection] = set()
        self.url = ""
        self.cdn_url = ""
        world.listeners.append(self.sessions.hear)
        self._commands: dict[int, Callable[[Connection, Any], None]] = {
            HEARTBEAT: self._heartbeat,
            IDENTIFY: self._identify,
            RESUME: self._resume,
            REQUEST_MEMBERS: self._request_members,
            PRESENCE: lambda connection, payload: None,
            VOICE: lambda connection, payload: None,
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.faults.refuse_handshakes > 0:
            self.faults.refuse_handshakes -= 1
            return web.Response(status=503)
        ws = web.WebSocketResponse()
        if not ws.can_prepare(request):
            return web.Response(status=426, text="this is the gateway; open a websocket")
        await ws.prepare(request)
        connection = Connection(request, ws)
        self.connections.add(connection)
        try:
            await self._serve(connection)
        finally:
            self._lost(connection)
            await connection.finish()
        return ws

    async def _serve(self, connection: Connection) -> None:
        beat_ms = int(self.heartbeat_s * 1000)
        connection.send_op(HELLO, {"heartbeat_interval": beat_ms, "_trace": []})
        while True:
            # Two missed beats, and the line counts as dead.
            left_s = connection.last_beat + 2 * self.heartbeat_s - time.monotonic()
            try:
                frame = await connection.ws.receive(timeout=max(left_s, 0.01))
            except TimeoutError:
                await connection.close_now(4009, "Session timed out.")
                return
            if frame.type is WSMsgType.TEXT or frame.type is WSMsgType.BINARY:
                try:
                    self._take(connection, frame.data)
                except Refused as refusal:
                    await connection.close_now(refusal.code, refusal.reason)
                    return
            else:
                if frame.type is WSMsgType.CLOSE and connection.closed_with is None:
                    connection.closed_with = frame.data
                return

    def _take(self, connection: Connection, frame: str | bytes) -> None:
        try:
            message = json.loads(frame)
            op, payload = message["op"], message.get("d")
        except (ValueError, TypeError, KeyError):
            raise Refused(4002, "Error while decoding payload.") from None
        command = self._commands.get(op)
        if command is None:
            raise Refused(4001, "Unknown opcode.")
        if connection.session is None and op not in (HEARTBEAT, IDENTIFY, RESUME):
            raise Refused(4003, "Not authenticated.")
        try:
            command(connection, payload)
        except (AttributeError, TypeError, ValueError):
            raise Refused(4002, "Error while decoding payload.") from None

    # -- what clients ask

    def _heartbeat(self, connection: Connection, payload: Any) -> None:
        connection.last_beat = time.monotonic()
        if not self.faults.ignore_heartbeats:
            connection.send_op(ACK)

    def _identify(self, connection: Connection, payload: Any) -> None:
        if connection.session is not None:
            raise Refused(4005, "Already authenticated.")
        if payload.get("token") != self.world.token:
            raise Refused(4004, "Authentication failed.")
        if connection.request.query.get("v", "10") != "10":
            raise Refused(4012, "Invalid API version.")
        number, count = payload.get("shard") or (0, 1)
        if not 0 <= number < count:
            raise Refused(4010, "Invalid shard.")
        wanted = int(payload.get("intents", -1))
        if wanted < 0 or wanted & ~discord.Intents.all().value:
            raise Refused(4013, "Invalid intents.")
        intents = discord.Intents.none()
        intents.value = wanted
        if missing_privileged_intents(intents, self.world.approved_intents):
            raise Refused(4014, "Disallowed intents.")
        session = Session(self.world, intents, (number, count), self.cdn_url)
        session.attach(connection)
        connection.session = session
        session.greet(self.url)
        self.sessions.add(session)
        self.world.pulse.beat()

    def _resume(self, connection: Connection, payload: Any) -> None:
        if connection.session is not None:
            raise Refused(4005, "Already authenticated.")
        if payload.get("token") != self.world.token:
            raise Refused(4004, "Authentication failed.")
        session = self.sessions.get(str(payload.get("session_id")))
        sequence = int(payload.get("seq") or 0)
        if session is None or not session.can_resume_from(sequence):
            connection.send_op(INVALID_SESSION, False)
            return
        for other in self.connections:
            if other is not connection and other.session is session:
                other.session = None
                other.close(4000, "Resumed elsewhere.")
        connection.session = session
        session.resume(connection, sequence)
        self.world.pulse.beat()

    def _request_members(self, connection: Connection, payload: Any) -> None:
        session = connection.session
        if session is None:
            return
        for chunk in member_chunks(self.world, session, payload):
            session.dispatch("GUILD_MEMBERS_CHUNK", chunk)

    def _lost(self, connection: Connection) -> None:
        self.connections.discard(connection)
        session = connection.session
        if session is None:
            return
        # A client that says goodbye (1000, 1001), or that we sent away, does not come back.
        if connection.closed_with in (1000, 1001, 4009):
            self.sessions.end(session)
        session.detach(connection)
        self.world.pulse.beat()

    # -- what tests ask

    def send_reconnect(self) -> None:
        """Op 7: ask every client to connect anew and resume."""
        for connection in self.connections:
            connection.send_op(RECONNECT)

    def invalidate(self, *, resumable: bool) -> None:
        """Op 9 to every client; a session that is not resumable ends."""
        for connection in self.connections:
            if connection.session is not None and not resumable:
                self.sessions.end(connection.session)
            connection.send_op(INVALID_SESSION, resumable)

    def drop(self, code: int | None) -> None:
        """Cut every line, or close it with ``code``."""
        for connection in list(self.connections):
            if code is None:
                connection.abort()
            else:
                connection.close(code)

    async def shut(self) -> None:
        """Close every connection and wait until they are gone."""
        self.drop(1001)
        closing: list[Awaitable[Any]] = [
            connection.ws.close(code=1001) for connection in self.connections
        ]
        await asyncio.gather(*closing, return_exceptions=True)


def member_chunks(world: World, session: Session, payload: dict[str, Any]) -> list[dict[str, Any]]:
    """GUILD_MEMBERS_CHUNK payloads that answer a Request Members (op 8)."""
    guild = world.backend.guilds.get(int(payload.get("guild_id") or 0))
    query, limit = payload.get("query"), int(payload.get("limit") or 0)
    wanted = payload.get("user_ids")
    if guild is None or (query == "" and limit == 0 and not session.intents.members):
        return []
    members = list(guild.members.values())
    missing: list[str] = []
    if wanted:
        ids = [int(one) for one in (wanted if isinstance(wanted, list) else [wanted])]
        missing = [str(one) for one in ids if one not in guild.members]
        members = [guild.members[one] for one in ids if one in guild.members]
    elif query:
        prefix = str(query).lower()
        names = world.backend.users
        members = [
            member
            for member in members
            if names[member.user_id].name.lower().startswith(prefix)
            or (member.nick or "").lower().startswith(prefix)
        ]
    if limit:
        members = members[:limit]
    parts = [
        members[start : start + CHUNK_MEMBERS] for start in range(0, len(members), CHUNK_MEMBERS)
    ] or [[]]
    chunks: list[dict[str, Any]] = []
    for index, part in enumerate(parts):
        chunk: dict[str, Any] = {
            "guild_id": str(guild.id),
            "members": [serializers.member_payload(world.backend, guild, one) for one in part],
            "chunk_index": index,
            "chunk_count": len(parts),
        }
        if index == 0 and missing:
            chunk["not_found"] = missing
        if payload.get("presences"):
            chunk["presences"] = []
        if payload.get("nonce") is not None:
            chunk["nonce"] = payload["nonce"]
        chunks.append(chunk)
    return chunks
