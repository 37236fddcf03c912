"""REST routes: simcord's, those it lacks, and the refusals that it does not know."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import discord
from simcord.backend import serializers
from simcord.backend.errors import BackendError, cannot_dm_bot, missing_permissions
from simcord.backend.models import Message
from simcord.enums import ChannelType
from simcord.http import router
from simcord.http import routes as _routes  # noqa: F401  (importing registers simcord's routes)

from .localizations import check_localizations
from .world import COMMAND_FIELDS, World

MESSAGE_DELETE = 72
#: Discord remembers a nonce for "the past few minutes".
NONCE_S = 300.0
LONGEST_TIMEOUT = timedelta(days=28)
BULK_DELETABLE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file, in the shape that simcord reads."""

    fp: Any
    filename: str
    description: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """A request that passed authentication."""

    world: World
    method: str
    path: str
    query: dict[str, str]
    body: Any
    files: list[Upload]
    reason: str | None
    gateway_url: str
    shards: int

    def field(self, name: str) -> Any:
        return self.body.get(name) if isinstance(self.body, dict) else None


def answer(call: Call) -> Any:
    """Carry out a request and give the JSON to answer, or None for nothing.

    Raises
    ------
    simcord.backend.errors.BackendError
        What Discord would answer with an error.
    """
    for method, pattern, refuse in _REFUSALS:
        if method == call.method and (match := pattern.fullmatch(call.path)):
            refuse(call, *map(int, match.groups()))
    for method, pattern, handler in _OWN:
        if method == call.method and (match := pattern.fullmatch(call.path)):
            return handler(call, *map(int, match.groups()))
    return _simcord(call)


def _simcord(call: Call, body: Any = None, query: dict[str, str] | None = None) -> Any:
    backend = call.world.backend
    reply = router.dispatch(
        backend,
        call.method,
        call.path,
        json=call.body if body is None else body,
        params=dict(call.query if query is None else query),
        files=list(call.files),
        reason=call.reason,
        message_content_access=call.world.approved_intents.message_content,
    )
    # The wire keeps its own log.
    backend.http_requests.clear()
    backend.transcript.clear()
    return reply


Handler = Callable[..., Any]
_REFUSALS: list[tuple[str, re.Pattern[str], Handler]] = []
_OWN: list[tuple[str, re.Pattern[str], Handler]] = []


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", r"(\\d+)", path))


def _refusal(method: str, path: str) -> Callable[[Handler], Handler]:
    def keep(handler: Handler) -> Handler:
        _REFUSALS.append((method, _pattern(path), handler))
        return handler

    return keep


def _route(method: str, path: str) -> Callable[[Handler], Handler]:
    def keep(handler: Handler) -> Handler:
        _OWN.append((method, _pattern(path), handler))
        return handler

    return keep


# -- refusals


@_refusal("POST", "/channels/{channel_id}/messages")
def _may_send(call: Call, channel_id: int) -> None:
    backend = call.world.backend
    channel = backend.get_channel(channel_id)
    if channel.type == ChannelType.DM:
        if call.world.closed_dms & set(channel.recipient_ids):
            raise cannot_dm_bot()
        return
    needed = []
    if call.field("embeds") or call.field("embed"):
        needed.append("embed_links")
    if call.files:
        needed.append("attach_files")
    backend.require_permissions(channel.guild_id, call.world.bot_id, channel_id, *needed)


@_refusal("PATCH", "/guilds/{guild_id}/members/{user_id}")
def _may_time_out(call: Call, guild_id: int, user_id: int) -> None:
    until = call.field("communication_disabled_until")
    if until is None:
        return
    backend = call.world.backend
    allowed = discord.Permissions(backend.compute_permissions(guild_id, user_id))
    if allowed.administrator:
        raise missing_permissions()
    # Discord counts from its own clock and is not strict to the second.
    if datetime.fromisoformat(until) > backend.clock.now() + LONGEST_TIMEOUT + timedelta(minutes=1):
        text = "communication_disabled_until: cannot be more than 28 days in the future"
        raise BackendError(400, 50035, f"Invalid Form Body: {text}")


@_refusal("POST", "/channels/{channel_id}/messages/bulk-delete")
def _may_bulk_delete(call: Call, channel_id: int) -> None:
    oldest = discord.utils.time_snowflake(call.world.backend.clock.now() - BULK_DELETABLE)
    if any(int(message_id) < oldest for message_id in call.field("messages") or ()):
        text = "You can only bulk delete messages that are under 14 days old."
        raise BackendError(400, 50034, text)


# -- routes that simcord lacks, or answers with less than a wire needs


@_route("PATCH", "/guilds/{guild_id}/members/{user_id}")
def _edit_member(call: Call, guild_id: int, user_id: int) -> Any:
    # An empty nickname is how discord.py asks for none.
    return _simcord(call, {**call.body, "nick": None} if call.field("nick") == "" else None)


@_route("GET", "/gateway")
def _gateway(call: Call) -> Any:
    return {"url": call.gateway_url}


@_route("GET", "/gateway/bot")
def _gateway_bot(call: Call) -> Any:
    limit = {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
    return {"url": call.gateway_url, "shards": call.shards, "session_start_limit": limit}


@_route("GET", "/applications/@me")
def _application(call: Call) -> Any:
    world = call.world
    flags = world.application_flags
    bot = dict(serializers.user_payload(world.backend.bot_user))
    server = next(iter(world.backend.guilds.values()), None)
    owner_id = world.owner_id or (server.owner_id if server else world.bot_id)
    owner = dict(serializers.user_payload(world.backend.users[owner_id]))
    return {
        "id": str(world.backend.application_id),
        "name": world.backend.bot_user.name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": bot,
        "owner": owner,
        "team": _team(world) if world.team else None,
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": flags,
        "approximate_guild_count": len(world.backend.guilds),
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "event_webhooks_status": 1,
        "flags_new": str(flags),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
        "integration_types_config": {"0": {}},
    }


def _team(world: World) -> dict[str, Any]:
    """The team that owns the application; its first member owns the team."""
    team_id = str(world.backend.application_id)
    users = world.backend.users
    return {
        "id": team_id,
        "icon": None,
        "name": "Team",
        "owner_user_id": str(next(iter(world.team))),
        "members": [
            {
                "user": dict(serializers.user_payload(users[user_id])),
                "team_id": team_id,
                "membership_state": 2,
                "role": role,
                "permissions": ["*"],
            }
            for user_id, role in world.team.items()
        ],
    }


@_route("GET", "/oauth2/applications/@me")
def _oauth_application(call: Call) -> Any:
    return _application(call)


@_route("GET", "/channels/{channel_id}/messages")
def _history(call: Call, channel_id: int) -> Any:
    """After an id, Discord gives the messages next to it, and still the newest of them first."""
    if "after" not in call.query:
        return _simcord(call)
    backend = call.world.backend
    limit = int(call.query.get("limit", 50))
    if not 1 <= limit <= 100:
        raise BackendError(400, 50035, "Invalid Form Body: limit: from 1 to 100")
    whole = _simcord(call, query={"limit": str(len(backend.messages.get(channel_id, ())))})
    later = [shape for shape in whole if int(shape["id"]) > int(call.query["after"])]
    return later[-limit:]


@_route("DELETE", "/channels/{channel_id}/messages/{message_id}")
def _delete_message(call: Call, channel_id: int, message_id: int) -> Any:
    """Deleting somebody else's message is an entry in the audit log."""
    backend = call.world.backend
    stored = backend.messages.get(channel_id, {}).get(message_id)
    reply = _simcord(call)
    guild_id = backend.get_channel(channel_id).guild_id
    if stored is not None and guild_id is not None and stored.author_id != call.world.bot_id:
        backend.record_audit_log(
            guild_id,
            MESSAGE_DELETE,
            target_id=stored.author_id,
            options={"channel_id": str(channel_id), "count": "1"},
            reason=call.reason,
        )
    return reply


@_route("POST", "/channels/{channel_id}/messages")
def _create_message(call: Call, channel_id: int) -> Any:
    """A nonce comes back in reply and event; an enforced one makes sending twice safe."""
    world = call.world
    nonce = call.field("nonce")
    if nonce is None:
        return _simcord(call)
    if not isinstance(nonce, (str, int)) or len(str(nonce)) > 25:
        raise BackendError(400, 50035, "Invalid Form Body: nonce: at most 25 characters")
    key = (channel_id, str(nonce))
    known = world.nonces.get(key)
    if known is not None and _age_s(world, known) > NONCE_S:
        known = None
    if call.field("enforce_nonce") and known is not None:
        reply = dict(serializers.message_payload(world.backend, known))
    else:
        world.nonce = nonce
        try:
            reply = _simcord(call)
        finally:
            world.nonce = None
        world.nonces[key] = world.backend.get_message(channel_id, int(reply["id"]))
    return {**reply, "nonce": nonce}


def _age_s(world: World, message: Message) -> float:
    sent = datetime.fromisoformat(message.timestamp)
    return (world.backend.clock.now() - sent).total_seconds()


def _register(call: Call, guild_id: int | None, payloads: list[dict[str, Any]]) -> Any:
    """Replace a scope's commands; each change gives a command a new version."""
    check_localizations(payloads)
    backend = call.world.backend
    before = dict(backend.commands.get(guild_id, {}))
    kept = [
        {key: value for key, value in payload.items() if key not in ("nsfw", "id")}
        for payload in payloads
    ]
    registered = _simcord(call, kept)
    for command, payload in zip(registered, payloads, strict=True):
        command["nsfw"] = bool(payload.get("nsfw"))
        if command["default_member_permissions"] is not None:
            command["default_member_permissions"] = str(command["default_member_permissions"])
        previous = before.get((command["name"], command["type"]))
        plain = {key: value for key, value in (previous or {}).items() if key != "version"}
        command["version"] = (
            previous["version"] if previous and plain == command else str(backend.snowflake())
        )
    return registered


@_route("PUT", "/applications/{application_id}/commands")
def _put_commands(call: Call, application_id: int) -> Any:
    return _register(call, None, call.body or [])


@_route("PUT", "/applications/{application_id}/guilds/{guild_id}/commands")
def _put_guild_commands(call: Call, application_id: int, guild_id: int) -> Any:
    call.world.backend.get_guild(guild_id)
    return _register(call, guild_id, call.body or [])


def _command(call: Call, command_id: int) -> tuple[int | None, tuple[str, int], dict[str, Any]]:
    for scope, commands in call.world.backend.commands.items():
        for key, command in commands.items():
            if int(command["id"]) == command_id:
                return scope, key, command
    raise BackendError(404, 10063, "Unknown application command")


@_route("GET", "/applications/{application_id}/commands/{command_id}")
@_route("GET", "/applications/{application_id}/guilds/{guild_id}/commands/{command_id}")
def _get_command(call: Call, *ids: int) -> Any:
    return _command(call, ids[-1])[2]


@_route("DELETE", "/applications/{application_id}/commands/{command_id}")
@_route("DELETE", "/applications/{application_id}/guilds/{guild_id}/commands/{command_id}")
def _delete_command(call: Call, *ids: int) -> Any:
    scope, key, _ = _command(call, ids[-1])
    del call.world.backend.commands[scope][key]


@_route("PATCH", "/applications/{application_id}/commands/{command_id}")
@_route("PATCH", "/applications/{application_id}/guilds/{guild_id}/commands/{command_id}")
def _edit_command(call: Call, *ids: int) -> Any:
    scope, key, command = _command(call, ids[-1])
    fields = (*COMMAND_FIELDS, "nsfw")
    command |= {name: value for name, value in call.body.items() if name in fields}
    command["version"] = str(call.world.backend.snowflake())
    commands = call.world.backend.commands[scope]
    del commands[key]
    commands[(command["name"], command["type"])] = command
    return command


@_route("POST", "/applications/{application_id}/commands")
@_route("POST", "/applications/{application_id}/guilds/{guild_id}/commands")
def _create_command(call: Call, *ids: int) -> Any:
    guild_id = ids[1] if len(ids) > 1 else None
    backend = call.world.backend
    payload = {name: call.body[name] for name in COMMAND_FIELDS if name in call.body}
    others = backend.commands.get(guild_id, {})
    (command,) = backend.register_commands(guild_id, [payload])
    command |= {"nsfw": bool(call.body.get("nsfw")), "version": str(backend.snowflake())}
    backend.commands[guild_id] = {**others, (command["name"], command["type"]): command}
    return command
