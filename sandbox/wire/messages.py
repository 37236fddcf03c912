"""A handle on a message in the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simcord.backend import serializers
from simcord.backend.models import Message as StoredMessage
from simcord.components import walk_components

from .world import World


@dataclass(frozen=True, slots=True)
class Message:
    """A message anywhere: a member's, the bot's, a reply only one member sees."""

    world: World = field(repr=False, compare=False)
    stored: StoredMessage = field(repr=False, compare=False)
    id: int
    channel_id: int

    @classmethod
    def of(cls, world: World, stored: StoredMessage) -> Message:
        return cls(world, stored, stored.id, stored.channel_id)

    @property
    def author_id(self) -> int:
        return self.stored.author_id

    @property
    def content(self) -> str:
        return self.stored.content

    @property
    def embeds(self) -> list[dict[str, Any]]:
        return self.stored.embeds

    @property
    def components(self) -> list[dict[str, Any]]:
        return self.stored.components

    @property
    def attachments(self) -> list[dict[str, Any]]:
        return self.stored.attachments

    @property
    def snapshots(self) -> list[dict[str, Any]]:
        """The forwarded messages in it, as they were."""
        return self.stored.snapshots

    @property
    def ephemeral(self) -> bool:
        return self.stored.is_ephemeral

    @property
    def edited(self) -> bool:
        return self.stored.edited_timestamp is not None

    @property
    def deleted(self) -> bool:
        return self.id not in self.world.backend.messages.get(self.channel_id, {})

    @property
    def pings(self) -> tuple[int, ...]:
        """The ids of users and roles whom it notifies."""
        return (*self.stored.ping_user_ids, *self.stored.ping_role_ids)

    @property
    def buttons(self) -> list[dict[str, Any]]:
        """Its buttons, also those inside layouts, with ``label``, ``custom_id``, ``disabled``."""
        return [part for part in walk_components(self.components) if part.get("type") == 2]

    @property
    def texts(self) -> str:
        """Everything readable in it, in one string: content, embeds, text displays, labels."""
        found: list[str] = [self.content]
        for embed in self.embeds:
            found += [str(embed.get(key) or "") for key in ("title", "description", "url")]
            for part in (embed.get("author"), embed.get("footer")):
                found += [str((part or {}).get(key) or "") for key in ("name", "text")]
            for entry in embed.get("fields") or ():
                found += [str(entry.get("name") or ""), str(entry.get("value") or "")]
        for part in walk_components(self.components):
            found += [str(part.get(key) or "") for key in ("content", "label", "placeholder")]
        return "\n".join(text for text in found if text)

    async def edit(self, content: str) -> Message:
        """Its author changes its text."""
        self.world.backend.edit_message(self.channel_id, self.id, {"content": content})
        return self

    async def delete(self) -> None:
        """Its author takes it back."""
        self.world.backend.delete_message(self.channel_id, self.id)

    async def refresh_embeds(self, embeds: Sequence[dict[str, Any]]) -> Message:
        """Discord adds link previews: an update in which nobody edited anything."""
        self.stored.embeds = list(embeds)
        self.world.backend.emit(
            "MESSAGE_UPDATE", dict(serializers.message_payload(self.world.backend, self.stored))
        )
        return self
