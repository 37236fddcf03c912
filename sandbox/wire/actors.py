"""Members, who post, click and run commands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simcord.backend import serializers
from simcord.backend.access import message_accessible
from simcord.enums import AppCommandType, InteractionType
from simcord.interactions import base_payload

from . import commands
from .commands import CannotDo
from .handles import Channel, Role, Server, make_poll
from .messages import Message
from .reply import Reply
from .world import World


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a server (or in direct messages with the bot, where ``server`` is None)."""

    world: World = field(repr=False, compare=False)
    server: Server | None = field(compare=False)
    id: int

    @property
    def name(self) -> str:
        return self.world.backend.get_user(self.id).name

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    @property
    def present(self) -> bool:
        """Whether they still are in the server."""
        return self.server is not None and self.id in self._guild.members

    @property
    def roles(self) -> list[int]:
        return self.world.backend.get_member(self._guild.id, self.id).role_ids

    @property
    def timed_out_until(self) -> datetime | None:
        """Until when they may not post (UTC), if that lies ahead."""
        until = self.world.backend.get_member(self._guild.id, self.id).timed_out_until
        if until is None:
            return None
        when = datetime.fromisoformat(until)
        return when if when > self.world.backend.clock.now() else None

    @property
    def dms(self) -> Channel:
        """Their direct messages with the bot."""
        return Channel(self.world, None, self.world.backend.get_dm_channel(self.id).id)

    @property
    def _guild(self) -> Any:
        if self.server is None:
            raise CannotDo(f"{self.name} is in no server here")
        return self.world.backend.get_guild(self.server.id)

    # -- posting

    async def post(
        self,
        channel: Channel,
        content: str = "",
        *,
        reply_to: Message | None = None,
        embeds: Sequence[dict[str, Any]] = (),
        attachments: Sequence[tuple[str, bytes]] = (),
        poll: tuple[str, Sequence[str]] | None = None,
        unseen: bool = False,
    ) -> Message:
        """Post a message.

        Parameters
        ----------
        poll
            A question and its answers.
        unseen
            No event is sent, as though it had been posted while the bot was away.

        Raises
        ------
        simcord.BackendError
            They may not post there.
        """
        backend = self.world.backend
        stored_channel = backend.get_channel(channel.id)
        if stored_channel.guild_id is not None:
            right = "send_messages_in_threads" if stored_channel.is_thread else "send_messages"
            backend.require_permissions(stored_channel.guild_id, self.id, channel.id, right)
        reference = None
        if reply_to is not None:
            reference = {"channel_id": str(channel.id), "message_id": str(reply_to.id)}
        self.world.muted = unseen
        try:
            stored = backend.create_message(
                channel.id,
                self.id,
                content,
                embeds=list(embeds),
                attachments=backend.store_attachments(channel.id, attachments),
                poll=make_poll(self.world, *poll) if poll else None,
                reference=reference,
            )
        finally:
            self.world.muted = False
        await asyncio.sleep(0)
        return Message.of(self.world, stored)

    async def dm(self, content: str) -> Message:
        """Write to the bot directly."""
        return await self.post(self.dms, content)

    def close_dms(self) -> None:
        """Take no direct messages from the bot any more (it gets error 50007)."""
        self.world.closed_dms.add(self.id)

    async def forward(self, message: Message, to: Channel) -> Message:
        """Forward a message; the copy is in the new message's ``snapshots``."""
        reference = {
            "type": 1,
            "channel_id": str(message.channel_id),
            "message_id": str(message.id),
        }
        stored = self.world.backend.create_message(to.id, self.id, reference=reference)
        await asyncio.sleep(0)
        return Message.of(self.world, stored)

    async def react(self, message: Message, emoji: str) -> None:
        self.world.backend.set_reaction(message.channel_id, message.id, emoji, self.id, True)
        await asyncio.sleep(0)

    # -- membership

    def give_role(self, role: Role) -> None:
        self.world.backend.add_member_role(self._guild.id, self.id, role.id)

    def take_role(self, role: Role) -> None:
        self.world.backend.remove_member_role(self._guild.id, self.id, role.id)

    def rename(self, nick: str | None) -> None:
        """Take another nickname in this server, or none."""
        self.world.backend.edit_member(self._guild.id, self.id, {"nick": nick})

    def speak(self, locale: str) -> None:
        """Set their Discord to another language, such as ``de``; it begins in ``en-US``."""
        self.world.locales[self.id] = locale

    def leave(self) -> None:
        self.world.backend.remove_member(self._guild.id, self.id)

    # -- commands

    async def run(
        self, channel: Channel, name: str, /, *, force: bool = False, **options: Any
    ) -> Reply:
        """Run a slash command, such as ``"check"`` or ``"thresholds set"``.

        Parameters
        ----------
        force
            Send it although Discord would hide the command from this member.
        options
            By name; members, roles and channels as handles, files as ``(name, bytes)``.

        Raises
        ------
        CannotDo
            Discord's client would not send it.
        NoReply
            The bot did not answer in time.
        """
        root, *path = name.split()
        command = commands.find_command(
            self.world, self, channel, root, AppCommandType.CHAT_INPUT, force=force
        )
        shape = commands.slash(self, channel, command, path, options, checked=not force)
        return await self._interact(InteractionType.APPLICATION_COMMAND, channel.id, shape)

    async def autocomplete(
        self, channel: Channel, name: str, option: str, text: str, /, **filled: Any
    ) -> list[dict[str, Any]]:
        """What the bot offers for ``option`` after ``text`` was typed into it."""
        root, *path = name.split()
        command = commands.find_command(
            self.world, self, channel, root, AppCommandType.CHAT_INPUT, force=False
        )
        values = {**filled, option: text}
        shape = commands.slash(self, channel, command, path, values, focus=option)
        kind = InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE
        return (await self._interact(kind, channel.id, shape)).choices

    async def use_on(
        self,
        target: Message | Member,
        name: str,
        *,
        channel: Channel | None = None,
        force: bool = False,
    ) -> Reply:
        """Use a context-menu command (Apps → ``name``) on a message, or on a member.

        On a member, ``channel`` says where; by default in the server's first.
        """
        backend = self.world.backend
        resolved: commands.Resolved = {}
        if isinstance(target, Member):
            kind = AppCommandType.USER
            channel_id = channel.id if channel else self._guild.channel_ids[0]
            commands.resolve(self, target, resolved)
        else:
            kind = AppCommandType.MESSAGE
            channel_id = target.channel_id
            self._check_sees(target)
            payload = dict(serializers.message_payload(backend, target.stored))
            resolved["messages"] = {str(target.id): payload}
        place = Channel(self.world, self.server, channel_id)
        command = commands.find_command(self.world, self, place, name, kind, force=force)
        shape = commands.menu(self, command, target.id, resolved)
        return await self._interact(InteractionType.APPLICATION_COMMAND, channel_id, shape)

    # -- components

    async def click(
        self, message: Message, label: str | None = None, *, custom_id: str | None = None
    ) -> Reply:
        """Click the one button with that label or custom id."""
        self._check_sees(message)
        shape = commands.button(message.components, label, custom_id)
        return await self._press(message, shape)

    async def select(
        self, message: Message, values: Sequence[Any], *, custom_id: str | None = None
    ) -> Reply:
        """Choose in a select menu: strings, or handles for menus of members, roles, channels."""
        self._check_sees(message)
        shape = commands.choice(self, message.components, list(values), custom_id)
        return await self._press(message, shape)

    async def submit(self, reply: Reply, values: Mapping[str, Any]) -> Reply:
        """Fill in the modal that a reply opened, by ``custom_id``, and send it."""
        if reply.modal is None:
            raise CannotDo("that reply opened no modal")
        shape = commands.filled_in(self, reply.modal, values)
        source = reply.interaction.source_message_id
        kind = InteractionType.MODAL_SUBMIT
        opener = reply.interaction.id
        return await self._interact(
            kind, reply.interaction.channel_id, shape, source=source, opener=opener
        )

    async def _press(self, message: Message, shape: dict[str, Any]) -> Reply:
        kind = InteractionType.MESSAGE_COMPONENT
        return await self._interact(kind, message.channel_id, shape, source=message.id)

    def _check_sees(self, message: Message) -> None:
        backend = self.world.backend
        if message.deleted:
            raise CannotDo("that message is deleted")
        if not message_accessible(backend, message.channel_id, message.stored, self.id):
            raise CannotDo(f"{self.name} does not see that message")

    async def _interact(
        self,
        kind: InteractionType,
        channel_id: int,
        shape: dict[str, Any],
        *,
        source: int | None = None,
        opener: int | None = None,
    ) -> Reply:
        world, backend = self.world, self.world.backend
        record, payload = base_payload(
            backend,
            type=kind,
            channel_id=channel_id,
            guild_id=backend.get_channel(channel_id).guild_id,
            user_id=self.id,
            data=shape,
        )
        record.initial_response_deadline = backend.iso_after(world.reply_deadline_s)
        if source is not None:
            record.source_message_id = source
            stored = backend.get_message(channel_id, source)
            payload["message"] = dict(serializers.message_payload(backend, stored))
        payload["locale"] = world.locales.get(self.id, "en-US")
        guild_id = record.guild_id
        if guild_id is not None:
            locale = backend.get_guild(guild_id).preferred_locale
            payload["guild_locale"] = locale
            payload["guild"] = {"id": str(guild_id), "locale": locale, "features": []}
            payload["authorizing_integration_owners"] = {"0": str(guild_id)}
            payload["channel"]["permissions"] = payload["member"]["permissions"]
        if opener is not None:
            world.opened_by[record.id] = opener
        world.sent_at[record.id] = time.monotonic()
        backend.emit("INTERACTION_CREATE", payload)
        return await Reply(world, record).wait()
