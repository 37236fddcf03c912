"""A gateway session: what one shard of the bot may hear, numbered and kept for replay."""

from __future__ import annotations

import copy
import json
import secrets
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

import discord
from simcord.backend import serializers
from simcord.backend.access import channel_accessible
from simcord.backend.cdn import CDN_BASE
from simcord.intents import censor_message, prune_guild_create, required_intent

from .shapes import complete
from .world import World

#: Events about something in a channel; the bot hears them only where it may look.
_IN_CHANNEL = ("MESSAGE_", "TYPING_START", "CHANNEL_PINS_UPDATE")
#: Sent for every guild; the id is the guild's own.
_OF_GUILD = ("GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE")

REPLAY_EVENTS = 1000


class Socket(Protocol):
    """What a session needs of a connection."""

    def send(self, text: str) -> None: ...


class Session:
    """One identified shard, which may outlive its connection.

    Attributes
    ----------
    shard
        (number, count).
    sequence
        The number of the last event.
    socket
        The present connection, or None while it is lost.
    lost_at
        Since when it is lost (monotonic seconds).
    """

    def __init__(
        self, world: World, intents: discord.Intents, shard: tuple[int, int], cdn_url: str
    ) -> None:
        self.id = secrets.token_hex(16)
        self.world = world
        self.intents = intents
        self.shard = shard
        self.sequence = 0
        self.socket: Socket | None = None
        self.lost_at: float | None = None
        self._cdn_url = cdn_url
        self._sent: deque[tuple[int, str]] = deque(maxlen=REPLAY_EVENTS)

    # -- what it hears

    def hear(self, event: str, payload: dict[str, Any]) -> None:
        """Send a world event on, if this shard, its intents and its permissions allow."""
        if self._mine(event, payload) and self._allowed(event, payload):
            self.dispatch(event, complete(self.world, self._shown(event, payload)))

    def _mine(self, event: str, payload: dict[str, Any]) -> bool:
        number, count = self.shard
        guild_id = payload.get("id") if event in _OF_GUILD else payload.get("guild_id")
        if guild_id is None:
            return number == 0
        return (int(guild_id) >> 22) % count == number

    def _allowed(self, event: str, payload: dict[str, Any]) -> bool:
        intent = required_intent(event, payload)
        if intent is not None and not getattr(self.intents, intent):
            return False
        bot_id = self.world.bot_id
        if event.startswith(_IN_CHANNEL):
            return channel_accessible(self.world.backend, int(payload["channel_id"]), bot_id)
        if event in ("THREAD_CREATE", "THREAD_UPDATE"):
            return channel_accessible(self.world.backend, int(payload["id"]), bot_id)
        return True

    def _shown(self, event: str, payload: dict[str, Any]) -> dict[str, Any]:
        shown = copy.deepcopy(payload)
        backend, bot_id = self.world.backend, self.world.bot_id
        if event == "GUILD_CREATE":
            shown.pop("unavailable", None)
            prune_guild_create(shown, self.intents, bot_id)
            shown["threads"] = [
                thread
                for thread in shown.get("threads") or ()
                if channel_accessible(backend, int(thread["id"]), bot_id)
                and not thread["thread_metadata"]["archived"]
            ]
        if self.intents.message_content:
            return shown
        if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            censor_message(shown, bot_id, backend=backend)
        elif event == "INTERACTION_CREATE":
            self._censor_interaction(shown)
        return shown

    def _censor_interaction(self, payload: dict[str, Any]) -> None:
        """Hide content, except of the message that was clicked or picked from the menu."""
        backend, bot_id = self.world.backend, self.world.bot_id
        if isinstance(payload.get("message"), dict):
            censor_message(payload["message"], bot_id, backend=backend, exempt_root=True)
        shape = payload.get("data") or {}
        for key, message in ((shape.get("resolved") or {}).get("messages") or {}).items():
            picked = str(shape.get("target_id")) == str(key)
            censor_message(message, bot_id, backend=backend, exempt_root=picked)

    # -- what it sends

    def dispatch(self, event: str, payload: Any) -> None:
        """Number an event, keep it for replay, and send it if there is a connection."""
        self.sequence += 1
        text = json.dumps({"op": 0, "s": self.sequence, "t": event, "d": payload})
        text = text.replace(CDN_BASE, self._cdn_url)
        self._sent.append((self.sequence, text))
        if self.socket is not None:
            self.socket.send(text)

    def greet(self, resume_url: str) -> None:
        """READY and the servers of this shard."""
        backend = self.world.backend
        number, count = self.shard
        guilds = [g for g in backend.guilds.values() if (g.id >> 22) % count == number]
        self.dispatch(
            "READY",
            {
                "v": 10,
                "user": complete(self.world, dict(serializers.user_payload(backend.bot_user))),
                "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
                "session_id": self.id,
                "session_type": "normal",
                "resume_gateway_url": resume_url,
                "shard": [number, count],
                "application": {
                    "id": str(backend.application_id),
                    "flags": self.world.application_flags,
                },
                "user_settings": {},
                "private_channels": [],
                "relationships": [],
                "presences": [],
                "guild_join_requests": [],
                "geo_ordered_rtc_regions": [],
                "_trace": [],
            },
        )
        for guild in guilds:
            self.tell_of(dict(serializers.guild_create_payload(backend, guild)))

    def tell_of(self, server: dict[str, Any]) -> None:
        """Tell of a server that is there again, or for the first time since the bot connected."""
        if self._mine("GUILD_CREATE", server) and self._allowed("GUILD_CREATE", server):
            shown = self._shown("GUILD_CREATE", server)
            # "Available again"; when the bot joins a server, the field is not there.
            self.dispatch("GUILD_CREATE", complete(self.world, shown) | {"unavailable": False})

    def can_resume_from(self, sequence: int) -> bool:
        """Whether every event after ``sequence`` is still kept."""
        if sequence > self.sequence:
            return False
        return sequence == self.sequence or (bool(self._sent) and self._sent[0][0] <= sequence + 1)

    def resume(self, socket: Socket, sequence: int) -> None:
        """Take over a new connection and replay what it missed."""
        self.attach(socket)
        for number, text in list(self._sent):
            if number > sequence:
                socket.send(text)
        self.dispatch("RESUMED", {"_trace": []})

    def attach(self, socket: Socket) -> None:
        self.socket = socket
        self.lost_at = None

    def detach(self, socket: Socket) -> None:
        if self.socket is socket:
            self.socket = None
            self.lost_at = time.monotonic()


class Sessions:
    """All sessions, connected or waiting to be resumed for up to ``resume_window_s`` seconds."""

    def __init__(self, resume_window_s: float) -> None:
        self.resume_window_s = resume_window_s
        self._by_id: dict[str, Session] = {}

    def add(self, session: Session) -> None:
        self._forget_old()
        self._by_id[session.id] = session

    def get(self, session_id: str) -> Session | None:
        self._forget_old()
        return self._by_id.get(session_id)

    def end(self, session: Session) -> None:
        """The session cannot be resumed any more and hears nothing."""
        self._by_id.pop(session.id, None)

    def connected(self) -> list[Session]:
        return [session for session in self._by_id.values() if session.socket is not None]

    def hear(self, event: str, payload: dict[str, Any]) -> None:
        for session in list(self._by_id.values()):
            session.hear(event, payload)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_id.values()))

    def _forget_old(self) -> None:
        oldest = time.monotonic() - self.resume_window_s
        for session in list(self._by_id.values()):
            if session.lost_at is not None and session.lost_at < oldest:
                self.end(session)
