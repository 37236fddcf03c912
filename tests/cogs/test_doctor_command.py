"""`/doctor` in servers that are well, and in those that are not."""

from __future__ import annotations

import discord
import pytest

from bot import __version__
from sandbox.wire import CannotDo, Reply
from tests.conftest import Scene


def lines(reply: Reply) -> list[str]:
    """The findings, a line each, without the ways out."""
    assert reply.ephemeral
    assert reply.deferred
    (embed,) = reply.embeds
    return [line for line in embed["description"].splitlines() if not line.startswith("-#")]


async def looked(scene: Scene) -> str:
    reply = await scene.mo.run(scene.general, "doctor")
    found = lines(reply)
    order = ["❌⚠✅".index(line[0]) for line in found]
    assert order == sorted(order)
    return str(reply.embeds[0]["description"])


@pytest.fixture(autouse=True)
def tidy(scene: Scene) -> None:
    """A log channel for moderators only, and a bot that may do its work."""
    scene.log.set_permissions(scene.server.everyone, view_channel=False)
    scene.log.set_permissions(scene.server.bot_role, view_channel=True)
    scene.log.set_permissions(scene.mo, view_channel=True)


async def test_a_healthy_server_has_only_good_lines(scene: Scene) -> None:
    async with scene.bot():
        reply = await scene.mo.run(scene.general, "doctor")
    assert reply.embeds[0]["title"] == "Everything is well"
    assert {line[0] for line in lines(reply)} == {"✅"}
    text = reply.texts
    assert f"Alerts are posted in {scene.log.mention}" in text
    assert f"Hexward {__version__}" in text
    assert "tiny-1 works: a rude sentence gets 0.97, a friendly one 0.02" in text
    assert "can be written" in text
    assert "Nothing is left unscreened" in text


async def test_problems_come_first_with_their_ways_out(scene: Scene) -> None:
    secret = scene.server.add_channel("secret")
    secret.set_permissions(scene.server.bot, view_channel=False)
    async with scene.bot():
        scene.log.set_permissions(scene.server.bot, embed_links=False)
        scene.general.set_permissions(scene.server.bot, manage_messages=False)
        await scene.mo.run(scene.general, "actions set", label="toxic", action="delete")
        observing = await looked(scene)
        await scene.mo.run(scene.general, "mode enforce")
        enforcing = await looked(scene)
    assert observing.startswith("❌ **Log channel** · Alerts belong in")
    assert "I lack Embed Links" in observing
    assert f"⚠️ **Reading** · I cannot see {secret.mention}" in observing
    lacking = f"To delete messages I lack **Manage Messages** in {scene.general.mention}"
    assert f"⚠️ **Actions** · {lacking}" in observing
    assert f"❌ **Actions** · {lacking}" in enforcing


@pytest.mark.parametrize("latency_s", [float("inf"), 41.26])
async def test_a_latency_that_was_not_measured_is_left_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, latency_s: float
) -> None:
    # How fast an acknowledgement comes back is a race inside discord.py.
    monkeypatch.setattr(discord.Client, "latency", property(lambda _client: latency_s))
    async with scene.bot():
        text = await looked(scene)
    assert f"✅ **Connection** · Hexward {__version__}, connected to Discord." in text
    assert " ms to Discord" not in text


async def test_roles_above_the_bots_are_named(scene: Scene) -> None:
    proud = scene.server.add_role("proud")
    backend = scene.wire.world.backend
    backend.reorder_roles(scene.server.id, [{"id": str(proud.id), "position": 50}])
    async with scene.bot():
        text = await looked(scene)
    assert f"I cannot time out members with {proud.mention}" in text
    assert "Move my role up" in text


async def test_what_lies_with_the_host_is_told_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.storage.database.free_bytes", lambda path: 30 * 2**20)
    scene.wire.approved_intents.message_content = False
    async with scene.bot():
        await scene.mo.run(scene.general, "screening names", screen=True)
        text = await looked(scene)
    assert "❌ **Database** · It takes" in text
    assert "only 30 MiB are left" in text
    assert "❌ **Intents** · Message Content is off" in text
    assert "⚠️ **Intents** · Names are to be screened" in text


async def test_a_channel_that_everybody_reads_is_doubtful(scene: Scene) -> None:
    async with scene.bot():
        await scene.mo.run(scene.general, "logchannel set", channel=scene.general)
        scene.general.set_permissions(scene.server.bot, attach_files=False)
        await scene.mo.run(scene.general, "notice channel")
        quiet = scene.server.add_channel("quiet")
        quiet.set_permissions(scene.server.bot, send_messages=False)
        await scene.wire.quiet()
        text = await looked(scene)
    assert f"⚠️ **Log channel** · Everybody can read {scene.general.mention}" in text
    assert "I cannot post pictures and files" in text
    assert f"I cannot write in {quiet.mention}" in text


async def test_the_backlog_of_this_server_is_counted(scene: Scene) -> None:
    scene.settings = scene.settings.model_copy(update={"catch_up_hours": 0})
    async with scene.bot():
        pass
    for message_id, server_id in ((7, scene.server.id), (8, 5)):
        row = f"{message_id}, {server_id}, 6, '2099-01-01T00:00:00.000000Z', 'away'"
        scene.change(f"INSERT INTO unscreened VALUES ({row})")
    async with scene.bot(log_channel=False):
        text = await looked(scene)
    assert "⚠️ **Backlog** · 1 message of this server" in text


async def test_only_who_manages_the_server_may_ask(scene: Scene) -> None:
    judges = discord.Permissions(manage_messages=True)
    judge = scene.server.add_member("judge", permissions=judges)
    async with scene.bot(log_channel=False):
        with pytest.raises(CannotDo):
            await judge.run(scene.general, "doctor")
        refused = await judge.run(scene.general, "doctor", force=True)
    assert "Manage Server" in refused.texts
