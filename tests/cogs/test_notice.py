"""What authors are told: over the wire, with the real bot."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.chat import actions
from tests.cogs.acting import choose, enforce, flagged, words
from tests.conftest import Scene


async def test_off_unless_chosen(scene: Scene) -> None:
    async with scene.bot():
        assert "not told" in words(await scene.mo.run(scene.general, "notice show"))
        await enforce(scene, "insult", "delete")
        await flagged(scene, scene.ada, scene.general, "you idiot")
        await scene.wire.quiet()
        assert scene.general.bot_messages == []


async def test_in_the_channel_pings_the_author_alone_and_once(scene: Scene) -> None:
    async with scene.bot():
        text = "Read the rules @everyone"
        reply = await scene.mo.run(scene.general, "notice channel", text=text)
        assert text in words(reply)
        await enforce(scene, "insult", "delete")
        card = await flagged(scene, scene.ada, scene.general, "you idiot")
        assert "told in the channel" in card.texts
        card = await flagged(scene, scene.ada, scene.general, "you moron")
        assert "told a moment ago" in card.texts
        (notice,) = scene.general.bot_messages
        assert notice.content == f"{scene.ada.mention} {text}"
        assert notice.pings == (scene.ada.id,)


async def test_by_direct_message(scene: Scene) -> None:
    async with scene.bot():
        await scene.mo.run(scene.general, "notice dm")
        await enforce(scene, "insult", "delete")
        card = await flagged(scene, scene.ada, scene.general, "you idiot")
        assert "told by direct message" in card.texts
        (notice,) = scene.ada.dms.messages
        assert notice.content.startswith("**Demo**: Something was done about your message")


async def test_once_the_message_is_gone_although_its_card_came_first(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "PATIENCE", timedelta(seconds=0.1))
    path = f"/channels/{scene.general.id}/messages/*"
    held = scene.wire.faults.server_error("DELETE", path, status=503, times=None)
    async with scene.bot():
        await scene.mo.run(scene.general, "notice dm")
        await enforce(scene, "insult", "delete")
        card = await flagged(scene, scene.ada, scene.general, "you idiot")
        assert "Message not deleted yet" in card.texts
        assert not scene.ada.dms.messages
        scene.wire.faults.remove(held)
        notice = await scene.wire.wait_for_message(scene.ada.dms)
        assert notice.content.startswith("**Demo**: Something was done about your message")


async def test_closed_direct_messages_are_told_and_nothing_else(scene: Scene) -> None:
    scene.ada.close_dms()
    async with scene.bot():
        await scene.mo.run(scene.general, "notice dm", text="hello")
        await enforce(scene, "insult", "delete")
        card = await flagged(scene, scene.ada, scene.general, "you idiot")
        assert "takes no direct messages" in card.texts
        assert "Message deleted." in card.texts


async def test_nobody_is_told_while_observing(scene: Scene) -> None:
    async with scene.bot():
        await scene.mo.run(scene.general, "notice channel")
        await choose(scene, "insult", "delete")
        await flagged(scene, scene.ada, scene.general, "you idiot")
        await scene.wire.quiet()
        assert scene.general.bot_messages == []
