"""Messages as Discord sends them, made into discord.py's objects without a connection."""

from __future__ import annotations

from typing import Any

import discord
from discord.state import ConnectionState


class _State:
    """What a parser asks of a connection, for messages that stand in no server it knows."""

    http = None
    user = None
    self_id = None
    allowed_mentions = None

    def _get_guild(self, _id: object) -> None:
        return None

    def store_user(self, payload: Any, cache: bool = True) -> discord.User:
        return discord.User(state=self, data=payload)  # type: ignore[arg-type]

    create_user = store_user

    def get_reaction_emoji(self, payload: Any) -> str:
        return str(payload)

    def _get_poll(self, *_: object) -> None:
        return None


def message(**fields: Any) -> discord.Message:
    """A message with these fields of Discord's."""
    payload: dict[str, Any] = {
        "id": "1000000000000000001",
        "channel_id": "1000000000000000002",
        "type": 0,
        "content": "",
        "timestamp": "2026-11-21T12:00:00+00:00",
        "edited_timestamp": None,
        "author": {"id": "5", "username": "ada", "discriminator": "0", "avatar": None},
        "embeds": [],
        "attachments": [],
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
        **fields,
    }
    state: ConnectionState = _State()  # type: ignore[assignment]
    channel: Any = discord.Object(1000000000000000002)
    channel.guild = None
    return discord.Message(state=state, channel=channel, data=payload)  # type: ignore[arg-type]


def attachment(number: int, filename: str, **fields: Any) -> dict[str, Any]:
    """An attachment of 10 bytes."""
    url = f"https://cdn.discordapp.com/attachments/1/{number}/{filename}"
    shape = {"id": str(number), "filename": filename, "size": 10, "url": url, "proxy_url": url}
    return {**shape, **fields}


def poll(question: str, *answers: str) -> dict[str, Any]:
    """A poll that runs for a day."""
    return {
        "question": {"text": question},
        "answers": [
            {"answer_id": number, "poll_media": {"text": answer}}
            for number, answer in enumerate(answers, start=1)
        ],
        "expiry": "2026-11-22T12:00:00+00:00",
        "allow_multiselect": False,
        "layout_type": 1,
    }


def snapshot(**fields: Any) -> dict[str, Any]:
    """A forwarded message."""
    shape = {
        "type": 0,
        "content": "",
        "embeds": [],
        "attachments": [],
        "timestamp": "2026-11-21T11:00:00+00:00",
        "edited_timestamp": None,
        "flags": 0,
        "mentions": [],
        "mention_roles": [],
    }
    return {"message": {**shape, **fields}}
