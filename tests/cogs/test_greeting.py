"""The greeting in a server that the bot has just joined."""

from __future__ import annotations

import discord

from sandbox.wire import Server
from tests.conftest import Running, Scene
from tests.patience import until

GREETED = "SELECT server_id FROM announcements WHERE kind = 'greeting'"
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
        server.remove_bot()
        await until(lambda: not scene.rows(GREETED))


async def test_a_server_that_was_left_meanwhile_is_greeted_again(
    scene: Scene, running: Running
) -> None:
    async with running():
        pass
    scene.change("INSERT INTO announcements VALUES (5, 'greeting')")
    async with running():
        await until(lambda: not scene.rows(GREETED))


async def test_an_old_membership_is_no_joining(scene: Scene, running: Running) -> None:
    async with running():
        with scene.wire.invitation("Old") as server:
            first = server.add_channel("first")
            member = scene.wire.world.backend.get_member(server.id, server.bot.id)
            member.joined_at = "2020-01-01T00:00:00+00:00"
        await scene.wire.quiet()
    assert first.bot_messages == []


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
