"""The stage: the real bot, in a demo server, with a page to watch it and people to act."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import discord
from simcord.actors import MemberActor
from simcord.backend.errors import BackendError, SetupError
from simcord.builders import ChannelHandle, GuildHandle, RoleHandle

from sandbox import demo
from sandbox.locales import ENGLISH
from sandbox.page import Page, PortTaken
from sandbox.world import World

__all__ = ["PortTaken", "Posted", "Refused", "Stage"]

#: How long an act of the script or the terminal waits for the bot to deal with it.
DECISION_S = 60.0

#: How long the bot may take, when the stage closes, to finish what it has begun.
_GOODBYE_S = 10.0

#: The most characters Discord takes from a member in one message.
MESSAGE_LIMIT = 2000


class Refused(Exception):
    """A member may not do this here; the message says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What a member did, after the bot has dealt with it.

    `message_id` is the message that the bot screened: for an edit the edited message's, for a
    forward the new one's; `text` is what stands in it. `dealt_with` is false when the bot took
    longer than :data:`DECISION_S`.
    """

    kind: Literal["message", "edit", "forward"]
    author: str
    channel: str
    text: str
    message_id: int
    dealt_with: bool


class Stage:
    """A demo server with one bot in it. Open it with :meth:`open`.

    Attributes
    ----------
    members, channels
        simcord's handles by name, for acting as a member: ``await
        stage.members["Mo"].slash(stage.channels["general"], "check", text="…")``.
    server_id, moderation_channel_id
        The demo server, and the channel that only its moderators and the bot see.
    """

    def __init__(self, world: World) -> None:
        server = world.create_guild(demo.SERVER_NAME)
        world.backend.edit_guild(server.id, {"preferred_locale": ENGLISH})
        moderators = server.create_role("Moderators", permissions=_MODERATOR)
        self.members: Mapping[str, MemberActor] = {
            person.name: server.add_member(
                world.create_user(person.name.lower(), global_name=person.name),
                roles=[moderators] if person.moderator else [],
            )
            for person in demo.PEOPLE
        }
        staff = (moderators, server.roles[world.backend.bot_user.name])
        self.channels: Mapping[str, ChannelHandle] = {
            room.name: _open_room(server, room, staff) for room in demo.ROOMS
        }
        self.server_id = server.id
        self.moderation_channel_id = self.channels[demo.MODERATION_CHANNEL].id
        self._world = world
        self._page = Page(world, server, self.members, self.channels)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        client: discord.Client,
        *,
        bot_name: str = "Hexward",
        port: int = 0,
        before_login: Callable[[Stage], Awaitable[None]] | None = None,
    ) -> AsyncIterator[Stage]:
        """Attach `client`, which must not have logged in, to a new demo server.

        When the body starts, the client is logged in and ready, its ``setup_hook`` has run and
        the page is open. When it ends, the page closes and the bot finishes the events it has
        begun; the client itself is left for the caller to close.

        Parameters
        ----------
        port
            The page's port on 127.0.0.1; 0 takes a free one.
        before_login
            Awaited when the ids of the demo server are known, before the client logs in: the
            place to write them into the bot's settings.

        Raises
        ------
        PortTaken
            The page cannot listen on `port`.
        """
        world = World(client, bot_name=bot_name)
        stage = cls(world)
        if before_login is not None:
            await before_login(stage)
        async with AsyncExitStack() as closing:
            closing.push_async_callback(world.shutdown)
            await world.start()
            closing.push_async_callback(world.settled, _GOODBYE_S, all_of_them=True)
            closing.push_async_callback(stage._page.close)
            await stage._page.open(port)
            yield stage

    @property
    def url(self) -> str:
        """The address of the local page."""
        return self._page.url

    async def post(self, text: str, *, author: str = "Ada", channel: str = "general") -> Posted:
        """Post `text` as a member; returns when the bot has dealt with it.

        Raises
        ------
        Refused
            The text is empty or too long, or the member may not write there.
        """
        if not text.strip():
            raise Refused("A message needs some text.")
        if len(text) > MESSAGE_LIMIT:
            raise Refused(f"A message has {MESSAGE_LIMIT} characters at most, not {len(text)}.")
        member, room = self._cast(author, channel)
        return await self._act("message", author, channel, text, lambda: member.send(room, text))

    async def edit(self, text: str, *, author: str = "Ada", channel: str = "general") -> Posted:
        """Change the message that `author` last posted in `channel` into `text`."""
        member, room = self._cast(author, channel)
        message = _last_message(member, room)

        async def edit() -> discord.Message:
            await member.edit(message, text)
            return message

        return await self._act("edit", author, channel, text, edit)

    async def forward(
        self, *, source: str, author: str = "Ada", channel: str = "general"
    ) -> Posted:
        """Forward the message that `source` last posted in `channel` into the same channel."""
        member, room = self._cast(author, channel)
        message = _last_message(self.members[source], room)
        return await self._act(
            "forward", author, channel, message.content, lambda: member.forward(message, room)
        )

    async def play_script(self) -> AsyncIterator[Posted]:
        """Play the scripted conversation, a step for each turn of the loop."""
        for line in demo.SCRIPT:
            if line.kind == "edit":
                yield await self.edit(line.text, author=line.author, channel=line.channel)
            elif line.source is not None:
                yield await self.forward(
                    source=line.source, author=line.author, channel=line.channel
                )
            else:
                yield await self.post(line.text, author=line.author, channel=line.channel)

    def _cast(self, author: str, channel: str) -> tuple[MemberActor, ChannelHandle]:
        if author not in self.members:
            raise Refused(f"There is no member {author!r}; there are {', '.join(self.members)}.")
        if channel not in self.channels:
            raise Refused(f"There is no channel {channel!r}; there are {', '.join(self.channels)}.")
        return self.members[author], self.channels[channel]

    async def _act(
        self,
        kind: Literal["message", "edit", "forward"],
        author: str,
        channel: str,
        text: str,
        act: Callable[[], Awaitable[discord.Message]],
    ) -> Posted:
        with self._world.patience(DECISION_S) as wait:
            try:
                message = await act()
            except (BackendError, SetupError) as error:
                raise Refused(f"{author} cannot do this in #{channel}: {error}") from error
        return Posted(kind, author, channel, text, message.id, wait.in_time)


_MODERATOR = discord.Permissions(
    view_channel=True,
    manage_guild=True,
    manage_messages=True,
    manage_nicknames=True,
    moderate_members=True,
    kick_members=True,
    ban_members=True,
    manage_threads=True,
    view_audit_log=True,
)


def _open_room(
    server: GuildHandle, room: demo.Room, staff: tuple[RoleHandle, ...]
) -> ChannelHandle:
    if not room.moderators_only:
        return server.create_text_channel(room.name, topic=room.topic)
    shown = discord.PermissionOverwrite(view_channel=True, send_messages=True, embed_links=True)
    return server.create_text_channel(
        room.name,
        topic=room.topic,
        overwrites={
            server.default_role: discord.PermissionOverwrite(view_channel=False),
            **dict.fromkeys(staff, shown),
        },
    )


def _last_message(member: MemberActor, room: ChannelHandle) -> discord.Message:
    for message in reversed(room.history()):
        if message.author.id == member.id:
            return message
    raise Refused(f"{member.name} has not written in #{room.name}.")
