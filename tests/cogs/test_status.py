"""`/status`, for whoever hosts the bot and nobody else."""

from __future__ import annotations

import re

import discord
import pytest

from bot import __version__
from sandbox.wire import CannotDo, Reply
from tests.conftest import Scene
from tests.patience import until


def fields(reply: Reply) -> dict[str, str]:
    assert reply.ephemeral
    (embed,) = reply.message.embeds
    return {field["name"]: field["value"] for field in embed["fields"]}


async def test_the_owner_sees_how_the_bot_is_doing(scene: Scene) -> None:
    async with scene.bot():
        for text in ("hello", "hello", "you idiot"):
            await scene.ada.post(scene.general, text)
        await scene.wire.wait_for_message(scene.log)
        reply = await scene.server.owner.run(scene.general, "status")
    assert reply.deferred
    assert f"Hexward {__version__}" in reply.texts
    shown = fields(reply)
    assert shown["Model"] == "tiny-1"
    assert shown["Servers"] == "1"
    assert shown["Texts waiting"] == "0 (servers: 0)"
    assert shown["Repeats answered from memory"] == "33% of 3"
    assert re.fullmatch(
        r"\d\.\d windows, [\d.]+% padding, \d+\.\d ms; \d+\.\d ms in the queue before",
        shown["A batch, on average"],
    )
    assert shown["Not scored"] == "0 refused, 0 failed"
    assert shown["Scoring lanes restarted"] == "0"
    assert shown["Unscreened messages"] == "0 since the start, 0 to be caught up with"
    assert re.fullmatch(r"<t:\d+:R>", shown["Started"])
    assert shown["Reads"] == "all messages"
    for name in ("Database", "Memory"):
        assert 0 < float(shown[name].removesuffix(" MiB").replace(",", "")) < 10_000
    (last,) = [value for name, value in shown.items() if name.startswith("Last ")]
    assert "texts a second" in last
    assert "p50 " in last
    assert "–" not in last


async def test_without_messages_of_the_moment_it_says_what_there_is(scene: Scene) -> None:
    async with scene.bot():
        await scene.ada.post(scene.general, "hello")
        await scene.wire.quiet()
    await scene.ada.post(scene.general, "while it was away")
    async with scene.bot(log_channel=False):
        await until(lambda: scene.rows("SELECT passed FROM daily_counts") == [(2,)])
        reply = await scene.server.owner.run(scene.general, "status")
    (last,) = [value for name, value in fields(reply).items() if name.startswith("Last ")]
    assert "No message was screened as it was posted." in last
    assert re.search(r"Caught up with: p50 [\d.]+ ms, p99", last)
    shown = fields(reply)["Unscreened messages"]
    assert shown == "0 since the start, 0 to be caught up with"


async def test_it_says_what_it_reads_without_the_intent(scene: Scene) -> None:
    scene.settings = scene.settings.model_copy(update={"message_content": "off"})
    for members, read in ((False, "mention me alone"), (True, "mention me, and names")):
        scene.settings = scene.settings.model_copy(update={"members_intent": members})
        async with scene.bot():
            reply = await scene.server.owner.run(scene.general, "status")
        assert fields(reply)["Reads"] == f"messages that {read}: Message Content is off"


async def test_the_backlog_is_counted(scene: Scene) -> None:
    async with scene.bot():
        pass
    scene.change("INSERT INTO unscreened VALUES (5, 6, 7, '2099-01-01T00:00:00.000000Z', 'away')")
    async with scene.bot(log_channel=False):
        reply = await scene.server.owner.run(scene.general, "status")
    shown = fields(reply)["Unscreened messages"]
    assert shown == "0 since the start, 1 to be caught up with"


async def test_others_are_refused_whatever_they_may_do_in_the_server(scene: Scene) -> None:
    administrator = discord.Permissions(administrator=True)
    boss = scene.server.add_member("boss", permissions=administrator)
    async with scene.bot(log_channel=False):
        reply = await boss.run(scene.general, "status")
        assert reply.ephemeral
        assert reply.texts == "Only whoever hosts this bot can ask for its status."
        with pytest.raises(CannotDo):  # Discord does not show it to them
            await scene.ada.run(scene.general, "status")
        reply = await scene.ada.run(scene.general, "status", force=True)
        assert "Administrator" in reply.texts


async def test_the_team_that_owns_the_bot_may_ask(scene: Scene) -> None:
    administrator = discord.Permissions(administrator=True)
    developer, reader = (
        scene.server.add_member(name, permissions=administrator) for name in ("dev", "reader")
    )
    scene.wire.world.team |= {developer.id: "developer", reader.id: "read_only"}
    async with scene.bot(log_channel=False):
        assert "Model" in (await developer.run(scene.general, "status")).texts
        for other in (reader, scene.server.owner):
            assert "Only whoever" in (await other.run(scene.general, "status")).texts
