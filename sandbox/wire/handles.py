"""Handles on the things in the world: servers, channels, roles, webhooks.

A handle is a name for something in the world and always shows its present state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import discord
from simcord.backend import serializers
from simcord.backend.models import Overwrite, Poll, PollAnswer, SystemMessageMetadata
from simcord.backend.models import Webhook as StoredWebhook
from simcord.enums import ChannelType, MessageType, OverwriteType

from .messages import Message
from .world import World

if TYPE_CHECKING:
    from .actors import Member

ChannelKind = Literal["text", "voice", "forum", "news", "stage", "category"]

_KINDS: dict[str, ChannelType] = {
    "text": ChannelType.TEXT,
    "voice": ChannelType.VOICE,
    "forum": ChannelType.FORUM,
    "news": ChannelType.NEWS,
    "stage": ChannelType.STAGE_VOICE,
    "category": ChannelType.CATEGORY,
}


@dataclass(frozen=True, slots=True)
class Role:
    """A role of a server."""

    server: Server = field(repr=False, compare=False)
    id: int

    @property
    def name(self) -> str:
        return self.server.world.backend.get_role(self.server.id, self.id).name

    @property
    def mention(self) -> str:
        return f"<@&{self.id}>"

    def set_permissions(self, permissions: discord.Permissions) -> None:
        """Give the role exactly these permissions."""
        self.server.world.backend.edit_role(
            self.server.id, self.id, {"permissions": permissions.value}
        )


@dataclass(frozen=True, slots=True)
class Webhook:
    """An incoming webhook: another service that posts into a channel."""

    channel: Channel = field(repr=False, compare=False)
    stored: StoredWebhook = field(repr=False, compare=False)
    id: int

    async def post(
        self,
        content: str = "",
        *,
        username: str | None = None,
        embeds: Sequence[dict[str, Any]] = (),
    ) -> Message:
        world = self.channel.world
        stored = world.backend.create_message(
            self.channel.id,
            self.stored.webhook_user_id,
            content,
            embeds=list(embeds),
            webhook_id=self.id,
            author_name=username,
        )
        return Message.of(world, stored)


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, a thread, a forum or a forum post."""

    world: World = field(repr=False, compare=False)
    server: Server | None = field(repr=False, compare=False)
    id: int

    @property
    def name(self) -> str:
        return self.world.backend.get_channel(self.id).name or ""

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    @property
    def messages(self) -> list[Message]:
        """What is in it, oldest first; also replies that only one member sees."""
        stored = self.world.backend.messages.get(self.id, {})
        return [Message.of(self.world, stored[key]) for key in sorted(stored)]

    @property
    def bot_messages(self) -> list[Message]:
        """What the bot has posted in it, replies to interactions left out."""
        return [
            message
            for message in self.messages
            if message.author_id == self.world.bot_id
            and message.stored.interaction_metadata is None
        ]

    def set_permissions(self, target: Member | Role, **permissions: bool | None) -> None:
        """Overwrite permissions here: True allows, False denies, None leaves to the roles.

        The names are those of :class:`discord.Permissions`; ``server.bot`` is a target too.
        """
        allow, deny = discord.PermissionOverwrite(**permissions).pair()
        kind = OverwriteType.ROLE if isinstance(target, Role) else OverwriteType.MEMBER
        self.world.backend.set_overwrite(
            self.id, Overwrite(target.id, kind, allow.value, deny.value)
        )

    def add_thread(
        self, name: str, by: Member, *, private: bool = False, on: Message | None = None
    ) -> Channel:
        """Start a thread in it, on a message or on its own.

        A thread on a message begins with an empty message that refers to it; a public one
        without is announced by a system message in the channel; a private one, by nothing.
        """
        backend = self.world.backend
        kind = ChannelType.PRIVATE_THREAD if private else ChannelType.PUBLIC_THREAD
        quiet = private or on is not None
        thread = backend.create_thread(
            self.id,
            name,
            by.id,
            type=kind,
            message_id=on.id if on else None,
            broadcast=not quiet,
        )
        if quiet:
            backend.announce_thread_create(thread)
        if on is not None:
            about = SystemMessageMetadata(
                referenced_channel_id=on.channel_id, referenced_message_id=on.id
            )
            starter = backend.prepare_message(
                thread.id,
                by.id,
                "(simcord wants a text)",
                message_type=MessageType.THREAD_STARTER_MESSAGE,
                system_metadata=about,
            )
            starter.content = ""
            backend.commit_message(starter)
        return Channel(self.world, self.server, thread.id)

    async def add_post(
        self, title: str, content: str, by: Member, *, tags: Iterable[int] = ()
    ) -> tuple[Channel, Message]:
        """Open a post in a forum: a thread and its first message, which share one id."""
        backend = self.world.backend
        thread = backend.create_thread(self.id, title, by.id, applied_tags=tags, broadcast=False)
        backend.announce_thread_create(thread)
        first = backend.prepare_message(thread.id, by.id, content)
        first.id = thread.id
        backend.commit_message(first)
        return Channel(self.world, self.server, thread.id), Message.of(self.world, first)

    def rename(self, name: str) -> None:
        """Somebody gives it another name; of a thread, its title."""
        self.world.backend.edit_channel(self.id, {"name": name})

    def archive(self, archived: bool = True, *, name: str | None = None) -> None:
        """Put a thread to sleep or wake it, maybe under another title."""
        changes = {} if name is None else {"name": name}
        self.world.backend.edit_channel(self.id, changes, thread_metadata={"archived": archived})

    def add_webhook(self, name: str = "Webhook") -> Webhook:
        world = self.world
        stored = world.backend.create_webhook(self.id, name, world.bot_id)
        return Webhook(self, stored, stored.id)

    def post_system_message(self, kind: discord.MessageType, by: Member) -> Message:
        """A line that Discord itself writes, such as "joined the server"."""
        stored = self.world.backend.create_system_message(self.id, MessageType(kind.value), by.id)
        return Message.of(self.world, stored)

    def delete(self) -> None:
        self.world.backend.delete_channel(self.id)


@dataclass(frozen=True, slots=True)
class Server:
    """A server (a guild, in Discord's API) with the bot as a member."""

    world: World = field(repr=False, compare=False)
    id: int

    @property
    def name(self) -> str:
        return self.world.backend.get_guild(self.id).name

    @property
    def everyone(self) -> Role:
        """The role that every member has; it shares the server's id."""
        return Role(self, self.id)

    @property
    def bot(self) -> Member:
        """The bot's own membership, as a target for permissions."""
        from .actors import Member

        return Member(self.world, self, self.world.bot_id)

    @property
    def owner(self) -> Member:
        """Whoever owns it; made together with it."""
        from .actors import Member

        return Member(self.world, self, self.world.backend.get_guild(self.id).owner_id)

    @property
    def bot_role(self) -> Role:
        """The role that came with the bot's invitation."""
        member = self.world.backend.get_member(self.id, self.world.bot_id)
        return Role(self, member.role_ids[0])

    @property
    def audit_log(self) -> list[dict[str, Any]]:
        """What was done in the server, oldest first: action_type, user_id, target_id, reason."""
        entries = self.world.backend.get_guild(self.id).audit_log_entries
        return [serializers.audit_log_entry_payload(entry) for entry in entries]

    @property
    def bans(self) -> dict[int, str | None]:
        """Who is banned, and why, by user id."""
        return self.world.backend.get_guild(self.id).bans

    @property
    def channels(self) -> list[Channel]:
        """Its channels, forums and categories; threads left out."""
        ids = self.world.backend.get_guild(self.id).channel_ids
        return [Channel(self.world, self, channel_id) for channel_id in ids]

    @property
    def members(self) -> list[Member]:
        """Everybody in it, the bot included."""
        from .actors import Member

        ids = self.world.backend.get_guild(self.id).members
        return [Member(self.world, self, user_id) for user_id in ids]

    def find_channel(self, name: str) -> Channel | None:
        return next((one for one in self.channels if one.name == name), None)

    def find_member(self, name: str) -> Member | None:
        return next((one for one in self.members if one.name == name), None)

    def add_channel(
        self,
        name: str,
        kind: ChannelKind = "text",
        *,
        category: Channel | None = None,
    ) -> Channel:
        channel = self.world.backend.create_channel(
            self.id, name, type=_KINDS[kind], parent_id=category.id if category else None
        )
        return Channel(self.world, self, channel.id)

    def add_role(self, name: str, permissions: discord.Permissions | None = None) -> Role:
        role = self.world.backend.create_role(
            self.id, name, permissions=permissions.value if permissions else 0
        )
        return Role(self, role.id)

    def add_member(
        self,
        name: str,
        *,
        permissions: discord.Permissions | None = None,
        roles: Sequence[Role] = (),
        bot: bool = False,
    ) -> Member:
        """A new user joins; with ``permissions`` through a role made for them."""
        from .actors import Member

        user = self.world.backend.make_user(name, bot=bot)
        granted = list(roles)
        if permissions is not None:
            granted.append(self.add_role(f"{name}'s role", permissions))
        self.world.backend.add_member(
            self.id, user.id, roles=[role.id for role in granted], announce=True
        )
        return Member(self.world, self, user.id)

    def speak(self, locale: str) -> None:
        """Choose the server's language, such as ``de``; it begins as ``en-US``."""
        self.world.backend.edit_guild(self.id, {"preferred_locale": locale})

    def join(self, member: Member) -> Member:
        """Somebody from another server joins this one too."""
        from .actors import Member

        self.world.backend.add_member(self.id, member.id, announce=True)
        return Member(self.world, self, member.id)

    def remove_bot(self) -> None:
        """The bot is thrown out; the server is gone for it."""
        self.world.backend.remove_guild(self.id)


def make_poll(world: World, question: str, answers: Sequence[str]) -> Poll:
    """A poll that runs for a day."""
    return Poll(
        question,
        [PollAnswer(number, text) for number, text in enumerate(answers, start=1)],
        expiry=world.backend.iso_after(86_400),
    )
