"""Bring simcord's payloads into the exact shape that Discord's specification gives.

simcord serves discord.py's parsers, which forgive more than the specification does. Here its
payloads get what is missing and lose what Discord does not send.
"""

from __future__ import annotations

from typing import Any

from simcord.backend.models import Interaction

from .world import World

#: A server as REST shows it lacks what only GUILD_CREATE carries.
_GATEWAY_ONLY = (
    "channels",
    "guild_scheduled_events",
    "joined_at",
    "large",
    "member_count",
    "members",
    "presences",
    "soundboard_sounds",
    "stage_instances",
    "threads",
    "unavailable",
    "voice_states",
)

_GUILD: dict[str, Any] = {
    "home_header": None,
    "hub_type": None,
    "incidents_data": None,
    "latest_onboarding_question_id": None,
    "max_stage_video_channel_users": 50,
    "max_video_channel_users": 25,
    "nsfw": False,
    "nsfw_level": 0,
    "region": "us-east",
    "safety_alerts_channel_id": None,
    "widget_channel_id": None,
    "widget_enabled": False,
}

_USER: dict[str, Any] = {
    "accent_color": None,
    "avatar_decoration_data": None,
    "banner": None,
    "collectibles": None,
    "primary_guild": None,
}

#: Fields of a user that only its own account sees.
_PRIVATE = ("verified", "mfa_enabled", "locale")


def complete(world: World, value: Any) -> Any:
    """A copy of a payload, REST's or the gateway's, with every object in it in full shape."""
    if isinstance(value, list):
        return [complete(world, part) for part in value]
    if not isinstance(value, dict):
        return value
    shape = {key: complete(world, part) for key, part in value.items()}
    if "username" in shape and "discriminator" in shape:
        return _user(world, shape)
    if "joined_at" in shape and "deaf" in shape and "roles" in shape:
        return {"banner": None, **shape}
    if "owner_id" in shape and "verification_level" in shape:
        return {**_GUILD, **shape}
    if "author" in shape and "content" in shape and "channel_id" in shape:
        return _without_empty(shape, "nonce", "reactions", "sticker_items")
    if "filename" in shape and "proxy_url" in shape:
        return _without_empty(shape, "description")
    if "hoist" in shape and "managed" in shape:
        # The role that came with the bot says so.
        return {**shape, "tags": {"bot_id": str(world.bot_id)}} if shape["managed"] else shape
    if "action_type" in shape and "target_id" in shape:
        return _audit_entry(shape)
    if "integration_types" in shape and "version" in shape:
        shape["integration_types"] = shape["integration_types"] or [0]
        return shape
    if "authorizing_integration_owners" in shape and "user" in shape and "token" not in shape:
        return _interaction_metadata(world, shape)
    if "type" in shape and ("position" in shape or "recipients" in shape) and "id" in shape:
        return {"flags": 0, **shape}
    return shape


def _without_empty(shape: dict[str, Any], *names: str) -> dict[str, Any]:
    """Without fields that Discord leaves out instead of sending null or an empty list."""
    return {key: value for key, value in shape.items() if key not in names or value}


def _user(world: World, shape: dict[str, Any]) -> dict[str, Any]:
    shape = {**_USER, **shape}
    if shape["id"] != str(world.bot_id):
        shape = {key: value for key, value in shape.items() if key not in _PRIVATE}
    return shape


def _audit_entry(shape: dict[str, Any]) -> dict[str, Any]:
    options = shape.get("options") or {}
    # simcord keeps added and removed roles with the options; Discord, with the changes.
    changes = [
        {"key": key, "new_value": value} for key, value in options.items() if key.startswith("$")
    ]
    plain = {key: value for key, value in options.items() if not key.startswith("$")}
    shape["changes"] = [*shape.get("changes", ()), *changes]
    shape["options"] = plain or None
    return _without_empty(shape, "reason", "options")


def _interaction_metadata(world: World, shape: dict[str, Any]) -> dict[str, Any]:
    record = world.backend.interactions.get(int(shape["id"]))
    if record is None:
        return shape
    if record.type == 3 and record.source_message_id is not None:
        shape["interacted_message_id"] = str(record.source_message_id)
    elif record.type == 5:
        opener = world.backend.interactions.get(world.opened_by.get(record.id, 0))
        if opener is not None:
            shape["triggering_interaction_metadata"] = _trigger(world, opener, shape["user"])
    return shape


def _trigger(world: World, record: Interaction, user: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        "id": str(record.id),
        "type": int(record.type),
        "user": user,
        "authorizing_integration_owners": {},
    }
    return _interaction_metadata(world, metadata)


def for_rest(world: World, path: str, reply: Any) -> Any:
    """A reply as REST gives it: complete, and without what belongs to the gateway."""
    shape = complete(world, reply)
    if isinstance(shape, dict) and "verification_level" in shape:
        return {key: value for key, value in shape.items() if key not in _GATEWAY_ONLY}
    if path == "/users/@me/guilds":
        return [_membership(world, guild) for guild in shape]
    if path.startswith(("/channels/", "/webhooks/")):
        for message in shape if isinstance(shape, list) else [shape]:
            if isinstance(message, dict) and "author" in message:
                message.pop("guild_id", None)
    if path.endswith("/threads/active"):
        shape.setdefault("has_more", False)
    if path.startswith("/interactions/"):
        shape["interaction"] = _without_empty(shape["interaction"], "response_message_id")
    return shape


def _membership(world: World, guild: dict[str, Any]) -> dict[str, Any]:
    guild_id = int(guild["id"])
    return {
        **{key: guild[key] for key in ("id", "name", "icon", "banner", "features")},
        "owner": guild["owner_id"] == str(world.bot_id),
        "permissions": str(world.backend.compute_permissions(guild_id, world.bot_id)),
    }
