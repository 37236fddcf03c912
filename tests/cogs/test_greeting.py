"""The greeting in a server that the bot has just joined."""

from __future__ import annotations

from datetime import UTC, datetime

import discord

from sandbox.wire import Server
from tests.conftest import Running, Scene
from tests.patience import until

GREETED = "SELECT server_id FROM greetings WHERE joined_at > '2020-02'"
MANAGES = discord.Permissions(manage_guild=True)


async def test_it_says_what_it_does_and_where_to_go_on(scene: Scene, running: Running) -> None:
    async with running():
        with scene.wire.invitation("New") as server:
            first = server.add_channel("first")
        greeting = await scene.wire.wait_for_message(first)
    assert "`/setup`" in greeting.content
    assert "**observe**" in greeting.content
    assert "do not store their text" in greeting.content
    assert greeting.pings == ()
    assert scene.general.bot_messages == []  # a server that it knew before
    assert scene.rows(GREETED) == [(server.id,)]


async def test_it_greets_once_for_each_joining(scene: Scene, running: Running) -> None:
    async with running():
        with scene.wire.invitation("New") as server:
            first = server.add_channel("first")
        await scene.wire.wait_for_message(first)
        scene.wire.announce(server)  # as after an outage, on a server that calls that a joining
        await scene.wire.quiet()
    async with running():
        await scene.wire.quiet()
    assert len(first.bot_messages) == 1
    # Left and joined again while the bot was off.
    join(scene, server, datetime.now(UTC))
    async with running():
        await scene.wire.wait_until(lambda: len(first.bot_messages) == 2)


async def test_a_joining_that_is_told_like_the_end_of_an_outage_is_one(
    scene: Scene, running: Running
) -> None:
    async with running():
        with scene.wire.invitation("New", as_back=True) as server:
            first = server.add_channel("first")
        await scene.wire.wait_for_message(first)


async def test_one_that_was_joined_while_it_was_off_is_greeted_at_the_start(
    scene: Scene, running: Running
) -> None:
    server = scene.wire.add_server("New")
    server.speak("de")
    first = server.add_channel("first")
    async with running():
        greeting = await scene.wire.wait_for_message(first)
        await scene.wire.quiet()
    assert "Hallo" in greeting.content
    assert len(first.bot_messages) == 1
    assert scene.general.bot_messages == []


async def test_one_that_is_joined_while_it_starts_is_greeted(scene: Scene) -> None:
    async with scene.bot(log_channel=False):  # connected, and not ready yet
        with scene.wire.invitation("New") as server:
            first = server.add_channel("first")
        await scene.wire.wait_for_message(first)
        await scene.wire.quiet()
    assert len(first.bot_messages) == 1


async def test_one_that_was_there_before_this_was_kept_is_not_greeted(
    scene: Scene, running: Running
) -> None:
    async with running():
        pass
    server = scene.wire.add_server("Older than the table")
    first = server.add_channel("first")
    scene.change(f"INSERT INTO greetings VALUES ({server.id}, NULL)")
    async with running():
        await until(lambda: (server.id,) in scene.rows(GREETED))  # and this joining is known now
        await scene.wire.quiet()
    assert first.bot_messages == []


async def test_an_old_membership_is_no_joining(scene: Scene, running: Running) -> None:
    async with running():
        with scene.wire.invitation("Old") as server:
            first = server.add_channel("first")
            join(scene, server, datetime(2020, 1, 1, tzinfo=UTC))
        await scene.wire.quiet()
    assert first.bot_messages == []


async def test_a_greeting_that_discord_refused_is_made_up_for(
    scene: Scene, running: Running
) -> None:
    server = scene.wire.add_server("New")
    first = server.add_channel("first")
    scene.wire.faults.refuse("POST", f"/channels/{first.id}/messages")
    async with running():
        await scene.wire.wait_until(lambda: refused(scene))
        await until(lambda: not scene.rows(GREETED))
    async with running():
        await scene.wire.wait_for_message(first)


def refused(scene: Scene) -> bool:
    return any(request.status == 403 for request in scene.wire.requests)


def join(scene: Scene, server: Server, at: datetime) -> None:
    """Let the bot's time in a server begin at some moment."""
    backend = scene.wire.world.backend
    backend.get_member(server.id, server.bot.id).joined_at = at.isoformat()


class TestThePlace:
    async def greeted(self, scene: Scene, server: Server) -> list[str]:
        await until(lambda: bool(scene.rows(GREETED)))
        await scene.wire.quiet()
        return [channel.name for channel in server.channels if channel.bot_messages]

    async def test_the_system_channel_comes_first(self, scene: Scene, running: Running) -> None:
        async with running():
            with scene.wire.invitation("New") as server:
                server.add_channel("first")
                welcome = server.add_channel("welcome")
                guild = scene.wire.world.backend.get_guild(server.id)
                guild.system_channel_id = welcome.id
            assert await self.greeted(scene, server) == ["welcome"]

    async def test_then_the_moderators(self, scene: Scene, running: Running) -> None:
        async with running():
            with scene.wire.invitation("New") as server:
                deputies = server.add_role("deputies", MANAGES)
                closed = server.add_channel("welcome")
                closed.set_permissions(server.bot_role, send_messages=False)
                guild = scene.wire.world.backend.get_guild(server.id)
                guild.system_channel_id = closed.id
                server.add_channel("first")
                for name, seen in (("boss-only", False), ("staff", True)):
                    private = server.add_channel(name)
                    private.set_permissions(server.everyone, view_channel=False)
                    private.set_permissions(server.bot_role, view_channel=True)
                    private.set_permissions(deputies, view_channel=seen)
            assert await self.greeted(scene, server) == ["staff"]

    async def test_where_it_may_post_nowhere_it_is_silent(
        self, scene: Scene, running: Running
    ) -> None:
        async with running():
            with scene.wire.invitation("New") as server:
                server.add_channel("first").set_permissions(server.bot_role, send_messages=False)
            assert await self.greeted(scene, server) == []
        assert not [one for one in scene.wire.requests if one.path.endswith("/messages")]
