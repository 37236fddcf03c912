"""Who is left without a timeout that the rules ask for."""

from __future__ import annotations

from datetime import timedelta

import discord
import pytest

from bot.chat.deeds import timeout
from sandbox.wire import Member
from tests.cogs.acting import done_to, enforce, flagged
from tests.conftest import Scene
from tests.patience import until


class TestWhoIsNeverTimedOut:
    @pytest.fixture(autouse=True)
    async def screened(self, scene: Scene) -> None:
        """Moderators are screened, or none of these would be flagged at all."""
        self.scene = scene

    async def card_for(self, author: Member) -> str:
        scene = self.scene
        async with scene.bot():
            await scene.mo.run(scene.general, "exempt moderators", exempt=False)
            await enforce(scene, "insult", "timeout", duration="1h")
            card = await flagged(scene, author, scene.general, "you idiot")
            assert author.timed_out_until is None
            assert not [path for method, path, _ in done_to(scene) if method == "PATCH"]
            assert "Message deleted." in card.texts
        return card.texts

    async def test_the_owner(self) -> None:
        assert "owns this server" in await self.card_for(self.scene.server.owner)

    async def test_a_member_who_moderates(self) -> None:
        assert "moderates in this server" in await self.card_for(self.scene.mo)

    async def test_a_member_who_moderates_this_channel(self) -> None:
        self.scene.general.set_permissions(self.scene.ada, manage_messages=True)
        assert "moderates in this channel" in await self.card_for(self.scene.ada)

    async def test_an_administrator(self) -> None:
        power = discord.Permissions(administrator=True)
        boss = self.scene.server.add_member("boss", permissions=power)
        assert "is an administrator" in await self.card_for(boss)

    async def test_a_member_above_the_bot(self) -> None:
        scene = self.scene
        high = scene.server.add_role("high")
        backend = scene.wire.world.backend
        backend.get_role(scene.server.id, high.id).position = 50
        scene.ada.give_role(high)
        assert "not below mine" in await self.card_for(scene.ada)

    async def test_a_webhook(self) -> None:
        scene = self.scene
        hook = scene.general.add_webhook("News")
        async with scene.bot():
            await scene.mo.run(scene.general, "exempt bots", exempt=False)
            await enforce(scene, "insult", "timeout", duration="1h")
            await hook.post("you idiot")
            card = await scene.wire.wait_for_message(scene.log)
            assert "posted by a webhook" in card.texts
            # Discord shows a mention of it as nothing but a number.
            assert "the webhook News" in card.texts
            assert f"<@{hook.id}>" not in card.texts
            await until(lambda: scene.rows("SELECT by_webhook FROM cards") == [(1,)])
            told = (await scene.mo.run(scene.general, "log recent")).texts
            assert f"a webhook in <#{scene.general.id}>" in told
            assert "Message deleted." in card.texts
            assert "[Jump to where it was](" in card.texts
            assert "Jump to the message" not in card.texts


async def test_a_message_that_is_caught_up_with_times_no_moderator_out(scene: Scene) -> None:
    async with scene.bot():
        await scene.mo.run(scene.general, "exempt moderators", exempt=False)
        await enforce(scene, "insult", "timeout", duration="1h")
    scene.general.set_permissions(scene.ada, manage_messages=True)
    await scene.ada.post(scene.general, "you idiot")
    async with scene.bot(log_channel=False):
        card = await scene.wire.wait_for_message(scene.log, 8, where=lambda one: bool(one.embeds))
        assert card.texts.count("The member moderates in this channel.") == 1
        assert "Message deleted." in card.texts
        assert scene.ada.timed_out_until is None


async def test_who_writes_many_at_once_is_timed_out_once(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "timeout", duration="1h")
        for at in range(4):
            await scene.ada.post(scene.general, f"you idiot {at}")
        for _ in range(4):
            await scene.wire.wait_for_message(scene.log, where=lambda one: bool(one.embeds))
        await scene.wire.quiet()
    asked = [path for method, path, _ in done_to(scene) if method == "PATCH"]
    assert len(asked) == 1
    assert scene.ada.timed_out_until is not None
    deeds = scene.rows("SELECT kind, COUNT(*) FROM deeds WHERE result = 'done' GROUP BY kind")
    assert dict(deeds) == {"delete": 4, "timeout": 1}


async def test_who_is_timed_out_is_not_again_for_what_is_caught_up_with_later(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeout, "_AGAIN", timedelta(0))  # it was not given a moment ago
    async with scene.bot():
        await enforce(scene, "insult", "timeout", duration="1h")
    for at in range(4):
        await scene.ada.post(scene.general, f"you idiot {at}")
    async with scene.bot(log_channel=False):
        for _ in range(4):
            await scene.wire.wait_for_message(scene.log, where=lambda one: bool(one.embeds))
        await scene.wire.quiet()
    asked = [path for method, path, _ in done_to(scene) if method == "PATCH"]
    assert len(asked) == 1


async def test_nobody_is_timed_out_for_what_was_written_long_ago(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeout, "LATEST", timedelta(0))
    async with scene.bot():
        await enforce(scene, "insult", "timeout", duration="1h")
        card = await flagged(scene, scene.ada, scene.general, "you idiot")
    assert "The message is more than an hour old." in card.texts
    assert "Message deleted." in card.texts
    assert scene.ada.timed_out_until is None
