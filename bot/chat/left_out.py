"""Fields that Discord always sends, without which discord.py reads nothing of an event.

Other Discord-compatible servers leave some of them out, as they came later or say nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord

# How an object is known, by fields that it has, and what else it has on Discord.
_KINDS: tuple[tuple[frozenset[str], Mapping[str, Any]], ...] = (
    (frozenset({"id", "username"}), {"discriminator": "0", "avatar": None}),
    (frozenset({"user", "joined_at"}), {"roles": (), "flags": 0}),
    (frozenset({"user", "roles"}), {"roles": (), "flags": 0}),
    (frozenset({"permissions", "joined_at", "roles"}), {"flags": 0}),  # one named in an option
    (
        frozenset({"name", "type", "permission_overwrites"}),
        {"position": 0, "bitrate": 64_000, "user_limit": 0},
    ),
    (
        frozenset({"thread_metadata", "parent_id"}),
        {"owner_id": "0", "message_count": 0, "member_count": 0},
    ),
    (
        frozenset({"application_id", "token"}),
        {
            "version": 1,
            "entitlements": (),
            "authorizing_integration_owners": {},
            "attachment_size_limit": 10_485_760,
        },
    ),
    # Of a poll, only the words are read here.
    (
        frozenset({"question", "answers"}),
        {
            "expiry": "2015-01-01T00:00:00+00:00",
            "results": {"is_finalized": False, "answer_counts": ()},
        },
    ),
)


def fill_in(event: Any) -> bool:
    """Give what an event tells of everything that it has on Discord.

    Parameters
    ----------
    event
        What came over the gateway; changed in place.

    Returns
    -------
    bool
        Whether anything was missing.
    """
    if isinstance(event, list):
        return sum(map(fill_in, event)) > 0
    if not isinstance(event, dict):
        return False
    filled = sum(map(fill_in, event.values())) > 0
    for known_by, fields in _KINDS:
        if not known_by <= event.keys():
            continue
        for name, value in fields.items():
            if event.get(name) is None and (value is not None or name not in event):
                event[name] = value
                filled = True
    return filled


def fill_in_roles(event: dict[str, Any], known: discord.Member | None) -> bool:
    """Give an event about a changed member the roles that it leaves out, as they were known.

    Parameters
    ----------
    event
        What came over the gateway; changed in place.
    known
        The member as before; None where nothing is known of them.

    Returns
    -------
    bool
        Whether it tells the member's roles now; if not, only asking does.
    """
    if event.get("roles") is not None:
        return True
    if known is None:
        return False
    event["roles"] = [str(role.id) for role in known.roles if not role.is_default()]
    return True
