"""The world behind the wire: simcord's in-memory Discord on the real clock.

simcord keeps the servers, members and messages, checks permissions, serves most REST routes and
emits gateway events. What only a wire needs to know beside that is kept here.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import discord
from simcord._clock import Clock
from simcord.backend import Backend, serializers
from simcord.backend.models import Message as StoredMessage
from simcord.backend.ops.commands import COMMAND_FIELDS

from .pulse import Pulse

__all__ = ["COMMAND_FIELDS", "Acknowledgement", "Request", "World", "WorldClock"]


class WorldClock(Clock):
    """The real time in UTC, plus what a test has advanced it by."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.elapsed)


@dataclass(frozen=True, slots=True)
class Request:
    """One REST request of the bot, and how it was answered.

    Attributes
    ----------
    path
        Below ``/api/v10``, without the query.
    body
        The JSON body, or ``payload_json`` of a form.
    files
        The names of the uploaded files.
    reason
        ``X-Audit-Log-Reason``, decoded.
    status
        The answer's status; None when the connection was dropped instead.
    at
        When the answer was decided (UTC).
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    files: tuple[str, ...]
    reason: str | None
    headers: Mapping[str, str]
    status: int | None
    answer: Any
    at: datetime


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The first answer to an interaction: its callback type, and seconds since it was sent."""

    kind: int
    after_s: float


class Listener(Protocol):
    def __call__(self, event: str, payload: dict[str, Any]) -> None: ...


@dataclass(slots=True, weakref_slot=True)
class World:
    """Everything that REST, gateway and actors share.

    Attributes
    ----------
    backend
        simcord's world.
    token
        The one token that may log in.
    approved_intents
        The privileged intents that the developer portal would allow.
    reply_deadline_s
        How long an interaction waits for its first answer (Discord: 3 s).
    patience_s
        How long drivers wait for what they are not told how long to wait for.
    requests
        Every REST request, oldest first.
    gaps
        Requests that neither simcord nor the wire can carry out; they were answered 501.
    acknowledged
        How interactions were first answered, by interaction id.
    opened_by
        Which interaction opened the modal that another one submitted.
    closed_dms
        Users who do not take direct messages from the bot.
    locales
        The languages of users whose Discord is not in English.
    owner_id
        Who owns the bot's application; None is the owner of the first server.
    team
        The team that owns it instead, by user id: ``admin``, ``developer`` or ``read_only``.
    """

    backend: Backend
    token: str
    approved_intents: discord.Intents
    reply_deadline_s: float = 3.0
    patience_s: float = 10.0
    pulse: Pulse = field(default_factory=Pulse)
    requests: list[Request] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    acknowledged: dict[int, Acknowledgement] = field(default_factory=dict)
    sent_at: dict[int, float] = field(default_factory=dict)
    opened_by: dict[int, int] = field(default_factory=dict)
    closed_dms: set[int] = field(default_factory=set)
    locales: dict[int, str] = field(default_factory=dict)
    owner_id: int | None = None
    team: dict[int, str] = field(default_factory=dict)
    nonces: dict[tuple[int, str], StoredMessage] = field(default_factory=dict)
    nonce: str | int | None = None
    muted: bool = False
    listeners: list[Listener] = field(default_factory=list)

    @classmethod
    def create(
        cls, token: str | None, *, bot_name: str, reply_deadline_s: float, patience_s: float
    ) -> World:
        """An empty world with one bot in it; without ``token`` it makes one up."""
        backend = Backend(clock=WorldClock())
        bot = backend.bot_user
        bot.name = bot_name
        # Applications made since 2017 share their id with their bot user.
        backend.application_id = bot.id
        world = cls(
            backend,
            token or _token_for(bot.id),
            discord.Intents.all(),
            reply_deadline_s=reply_deadline_s,
            patience_s=patience_s,
        )
        backend.subscribers.append(world._heard)
        return world

    @property
    def bot_id(self) -> int:
        return self.backend.bot_user.id

    @property
    def application_flags(self) -> int:
        """Which privileged intents the portal allows, as the application itself says."""
        flags = discord.ApplicationFlags()
        # Bots in fewer than 100 servers switch these on themselves: the "limited" flags.
        flags.gateway_presence_limited = self.approved_intents.presences
        flags.gateway_guild_members_limited = self.approved_intents.members
        flags.gateway_message_content_limited = self.approved_intents.message_content
        return flags.value

    def _heard(self, event: str, payload: Mapping[str, Any]) -> None:
        # simcord keeps a transcript for its own drivers; a server that runs for days must not.
        self.backend.transcript.clear()
        if self.muted:
            return
        complete = dict(payload)
        self._complete(event, complete)
        for listener in self.listeners:
            listener(event, complete)
        self.pulse.beat()

    def _complete(self, event: str, payload: dict[str, Any]) -> None:
        """Add what Discord sends and simcord leaves out."""
        if event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            return
        author_id = int(payload["author"]["id"])
        payload["channel_type"] = int(self.backend.get_channel(int(payload["channel_id"])).type)
        if event == "MESSAGE_CREATE" and author_id == self.bot_id and self.nonce is not None:
            payload["nonce"] = self.nonce
        guild = self.backend.guilds.get(int(payload.get("guild_id") or 0))
        if guild is not None and author_id in guild.members and "member" not in payload:
            payload["member"] = serializers.member_payload(
                self.backend, guild, guild.members[author_id], with_user=False
            )

    def acknowledge(self, interaction_id: int, kind: int) -> None:
        sent = self.sent_at.get(interaction_id, time.monotonic())
        self.acknowledged[interaction_id] = Acknowledgement(kind, time.monotonic() - sent)


def _token_for(bot_id: int) -> str:
    """A token of the real shape: the bot's id, a time, a secret."""
    owner = base64.urlsafe_b64encode(str(bot_id).encode()).decode().rstrip("=")
    return f"{owner}.{secrets.token_urlsafe(5)[:6]}.{secrets.token_urlsafe(40)[:38]}"
