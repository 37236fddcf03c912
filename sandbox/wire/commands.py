"""From what a person types or picks to the ``data`` of an interaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simcord.backend import serializers
from simcord.backend.access import channel_accessible
from simcord.backend.command_access import command_access
from simcord.backend.errors import SetupError
from simcord.components import validate_modal, walk_components
from simcord.enums import AppCommandType, ComponentType, OptionType
from simcord.interactions import nest_options, validate_option_value, walk_to_subcommand

from .handles import Channel, Role
from .world import World

if TYPE_CHECKING:
    from .actors import Member

Resolved = dict[str, dict[str, Any]]

_ENTITIES = (OptionType.USER, OptionType.CHANNEL, OptionType.ROLE, OptionType.MENTIONABLE)
_SELECTS: dict[int, str] = {
    ComponentType.USER_SELECT: "users",
    ComponentType.ROLE_SELECT: "roles",
    ComponentType.MENTIONABLE_SELECT: "mentionables",
    ComponentType.CHANNEL_SELECT: "channels",
}


class CannotDo(Exception):
    """A person could not do this in Discord's own client; the bot was told nothing."""


def find_command(
    world: World, member: Member, channel: Channel, name: str, kind: AppCommandType, *, force: bool
) -> dict[str, Any]:
    """The registered command of that name, as this member would find it in this channel.

    Raises
    ------
    CannotDo
        No such command is registered, or its ``default_member_permissions`` (or a server's own
        rules for it) hide it from the member and ``force`` is not set.
    """
    server_id = channel.server.id if channel.server else None
    command = world.backend.find_command(name, server_id, kind)
    if command is None:
        known = sorted(
            known_name
            for scope in (server_id, None)
            for known_name, known_kind in world.backend.commands.get(scope, {})
            if known_kind == kind
        )
        there = ", ".join(known) or "none"
        raise CannotDo(f"no command {name!r} is registered; there are: {there}")
    access = command_access(world.backend, command, user_id=member.id, channel_id=channel.id)
    if not access.allowed and not force:
        raise CannotDo(
            f"{member.name} does not see the command {name!r} in #{channel.name} ({access.reason});"
            " force=True sends it all the same"
        )
    return command


def option_kinds(member: Member, channel: Channel, name: str) -> dict[str, int]:
    """The types of a slash command's options, by name."""
    root, *path = name.split()
    command = find_command(
        member.world, member, channel, root, AppCommandType.CHAT_INPUT, force=False
    )
    leaf = _leaf(command, path)[0]
    return {option["name"]: option["type"] for option in leaf.get("options") or ()}


def _leaf(command: dict[str, Any], path: list[str]) -> tuple[dict[str, Any], list[str]]:
    try:
        return walk_to_subcommand(command, path)
    except SetupError as error:
        raise CannotDo(str(error)) from error


def slash(
    member: Member,
    channel: Channel,
    command: dict[str, Any],
    path: list[str],
    values: Mapping[str, Any],
    *,
    focus: str | None = None,
    checked: bool = True,
) -> dict[str, Any]:
    """The ``data`` of a slash command; with ``focus``, of autocompletion in that option.

    Without ``checked``, choices and bounds are not enforced, as by a client that is not Discord's.

    Raises
    ------
    CannotDo
        An option is unknown, required and missing, or a value the client would not let through.
    """
    world = member.world
    leaf, nesting = _leaf(command, path)
    declared = {option["name"]: option for option in leaf.get("options") or ()}
    name = " ".join([command["name"], *path])
    unknown = sorted(set(values) - set(declared))
    if unknown:
        raise CannotDo(f"/{name} has no option {unknown[0]!r}; it has: {', '.join(declared)}")
    missing = [key for key, option in declared.items() if option.get("required")]
    missing = [key for key in missing if key not in values]
    if missing and focus is None:
        raise CannotDo(f"/{name} needs the option {missing[0]!r}")
    resolved: Resolved = {}
    options = []
    for key, value in values.items():
        kind = declared[key]["type"]
        option: dict[str, Any] = {"name": key, "type": kind}
        if key == focus:
            option |= {"value": value, "focused": True}
        elif kind in _ENTITIES:
            option["value"] = resolve(member, value, resolved)
        elif kind == OptionType.ATTACHMENT:
            option["value"] = _upload(world, channel, value, resolved)
        elif not checked:
            option["value"] = value
        else:
            try:
                option["value"] = validate_option_value(name, declared[key], value)
            except SetupError as error:
                raise CannotDo(str(error)) from error
        options.append(option)
    shape = _head(command)
    shape["options"] = nest_options(command, nesting, options)
    if resolved:
        shape["resolved"] = resolved
    return shape


def _head(command: dict[str, Any]) -> dict[str, Any]:
    head = {"id": command["id"], "name": command["name"], "type": command["type"]}
    if command.get("guild_id"):
        head["guild_id"] = command["guild_id"]
    return head


def menu(
    member: Member, command: dict[str, Any], target_id: int, resolved: Resolved
) -> dict[str, Any]:
    """The ``data`` of a context-menu command."""
    return {**_head(command), "target_id": str(target_id), "resolved": resolved}


def resolve(member: Member, value: Any, resolved: Resolved) -> str:
    """Add what Discord sends along with an id, and return the id."""
    from .actors import Member

    world = member.world
    backend = world.backend
    if isinstance(value, Member):
        key = str(value.id)
        user = serializers.user_payload(backend.get_user(value.id))
        resolved.setdefault("users", {})[key] = dict(user)
        guild = backend.guilds.get(member.server.id) if member.server else None
        if guild is not None and value.id in guild.members:
            payload = dict(
                serializers.member_payload(backend, guild, guild.members[value.id], with_user=False)
            )
            payload["permissions"] = str(backend.compute_permissions(guild.id, value.id))
            resolved.setdefault("members", {})[key] = payload
    elif isinstance(value, Role):
        role = backend.get_role(value.server.id, value.id)
        resolved.setdefault("roles", {})[str(role.id)] = dict(serializers.role_payload(role))
    elif isinstance(value, Channel):
        if not channel_accessible(backend, value.id, member.id):
            raise CannotDo(f"{member.name} does not see #{value.name}")
        channel = backend.get_channel(value.id)
        shape: dict[str, Any] = dict(serializers.channel_payload(backend, channel))
        if channel.guild_id is not None:
            allowed = backend.compute_permissions(channel.guild_id, member.id, channel.id)
            shape["permissions"] = str(allowed)
        resolved.setdefault("channels", {})[str(channel.id)] = shape
    else:
        raise CannotDo(f"expected a member, role or channel, not {value!r}")
    return str(value.id)


def _upload(world: World, channel: Channel, file: tuple[str, bytes], resolved: Resolved) -> str:
    (attachment,) = world.backend.store_attachments(channel.id, [file])
    resolved.setdefault("attachments", {})[attachment["id"]] = attachment
    return str(attachment["id"])


def button(components: Any, label: str | None, custom_id: str | None) -> dict[str, Any]:
    """The ``data`` of a click on the one button that fits.

    Raises
    ------
    CannotDo
        None or several fit, or it is disabled or a link.
    """
    buttons = [part for part in walk_components(components) if part.get("type") == 2]
    found = [
        part
        for part in buttons
        if (label is None or part.get("label") == label)
        and (custom_id is None or part.get("custom_id") == custom_id)
    ]
    if len(found) != 1:
        there = [part.get("label") or part.get("custom_id") for part in buttons]
        raise CannotDo(f"{len(found)} buttons fit label={label!r} custom_id={custom_id!r}: {there}")
    return _pressed(found[0])


def choice(
    member: Member, components: Any, values: list[Any], custom_id: str | None
) -> dict[str, Any]:
    """The ``data`` of a choice in the one select menu that fits."""
    kinds = (ComponentType.STRING_SELECT, *_SELECTS)
    found = [
        part
        for part in walk_components(components)
        if part.get("type") in kinds and custom_id in (None, part.get("custom_id"))
    ]
    if len(found) != 1:
        raise CannotDo(f"{len(found)} select menus fit custom_id={custom_id!r}")
    part = found[0]
    if not part.get("min_values", 1) <= len(values) <= part.get("max_values", 1):
        raise CannotDo(f"the menu does not take {len(values)} values")
    return _pressed(part) | _chosen(member, part, values)


def _pressed(part: dict[str, Any]) -> dict[str, Any]:
    if part.get("disabled"):
        raise CannotDo(f"{part.get('label') or part.get('custom_id')!r} is disabled")
    if not part.get("custom_id"):
        raise CannotDo(f"{part.get('label')!r} is a link")
    return {
        "id": part.get("id", 1),
        "custom_id": part["custom_id"],
        "component_type": part["type"],
    }


def _chosen(member: Member, part: dict[str, Any], values: list[Any]) -> dict[str, Any]:
    if part["type"] == ComponentType.STRING_SELECT:
        offered = [option["value"] for option in part.get("options") or ()]
        for value in values:
            if value not in offered:
                raise CannotDo(f"the menu does not offer {value!r}; it offers {offered}")
        return {"values": values}
    resolved: Resolved = {}
    return {"values": [resolve(member, value, resolved) for value in values], "resolved": resolved}


def filled_in(member: Member, modal: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The ``data`` of a submitted modal: every control with its value, by ``custom_id``.

    Text inputs take a string, string selects a list of values, other selects a list of handles.
    """
    spec = validate_modal(modal)
    left = dict(values)
    resolved: Resolved = {}

    def submit(part: dict[str, Any]) -> dict[str, Any]:
        kind = part["type"]
        shape: dict[str, Any] = {"type": kind, "id": part.get("id", 1)}
        if kind == ComponentType.ACTION_ROW:
            return shape | {"components": [submit(child) for child in part["components"]]}
        if kind == ComponentType.LABEL:
            return shape | {"component": submit(part["component"])}
        if "custom_id" not in part:
            return shape
        key = part["custom_id"]
        shape["custom_id"] = key
        if kind == ComponentType.TEXT_INPUT:
            return shape | {"value": _typed(part, left.pop(key, part.get("value") or ""))}
        if kind in (ComponentType.STRING_SELECT, *_SELECTS):
            chosen = _chosen(member, part, list(left.pop(key, ())))
            for group, entries in chosen.pop("resolved", {}).items():
                resolved.setdefault(group, {}).update(entries)
            return shape | chosen
        raise CannotDo(f"the wire cannot fill in a component of type {kind}")

    components = [submit(part) for part in spec["components"]]
    if left:
        raise CannotDo(f"the modal has no control {sorted(left)[0]!r}")
    shape: dict[str, Any] = {"custom_id": spec["custom_id"], "components": components}
    return shape | ({"resolved": resolved} if resolved else {})


def _typed(part: dict[str, Any], text: str) -> str:
    least = part.get("min_length") or (1 if part.get("required", True) else 0)
    if len(text) < least and (text or part.get("required", True)):
        raise CannotDo(f"{part['custom_id']!r} wants at least {max(least, 1)} characters")
    most = part.get("max_length") or 4000
    if len(text) > most:
        raise CannotDo(f"{part['custom_id']!r} takes at most {most} characters")
    return text
