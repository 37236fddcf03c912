"""Without the Message Content intent: what still works, and who is told."""

from __future__ import annotations

import logging

import pytest

from bot.chat import intents
from bot.cogs import catch_up
from bot.errors import ConnectionRefused
from tests.conftest import Scene
from tests.patience import PATIENCE_S, until

REDUCED = "reads only messages that mention it"


def of_mode(scene: Scene) -> list[str]:
    """What the log channel was told of the mode."""
    return [one.content for one in scene.log.bot_messages if "Message Content" in one.content]


async def test_checks_and_mentions_work_and_nothing_else_is_read(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    scene.wire.approved_intents.message_content = False
    async with scene.bot():
        await scene.ada.post(scene.general, "you idiot")
        await scene.ada.post(scene.general, attachments=[("a.txt", b"idiot")])
        await scene.wire.quiet()
        assert scene.rows("SELECT id FROM decisions") == []
        unread = await scene.ada.post(scene.general, "kill them")
        reply = await scene.mo.use_on(unread, "Check message")
        assert "Would be flagged: Toxic, Threat" in reply.message.texts
        reply = await scene.mo.run(scene.general, "check", text="idiot")
        assert "Would be flagged" in reply.message.texts
        mention = await scene.ada.post(scene.general, f"<@{scene.wire.bot_id}> you idiot")
        await scene.wire.wait_for_message(scene.log, where=lambda message: bool(message.embeds))
    assert scene.rows("SELECT message_id FROM decisions") == [(mention.id,)]
    assert "refuses the Message Content intent" in caplog.text


async def test_a_server_is_told_once_and_once_again_when_it_is_over(scene: Scene) -> None:
    scene.wire.approved_intents.message_content = False
    async with scene.bot():
        notice = await scene.wire.wait_for_message(scene.log)
        assert REDUCED in notice.content
        assert "has to start it again then" in notice.content  # it is not asked for anew
        await scene.mo.run(scene.general, "logchannel show")
    async with scene.bot(log_channel=False):
        await scene.wire.quiet()
        assert len(of_mode(scene)) == 1
    scene.wire.approved_intents.message_content = True
    for _ in range(2):
        async with scene.bot(log_channel=False):
            await scene.wire.quiet()
    assert len(of_mode(scene)) == 2
    assert "on again" in of_mode(scene)[1]


async def test_a_notice_that_could_not_be_posted_is_posted_later(scene: Scene) -> None:
    scene.wire.approved_intents.message_content = False
    async with scene.bot():
        await scene.wire.wait_for_message(scene.log)
    scene.change("DELETE FROM announcements")
    scene.wire.faults.refuse("POST", "/channels/*/messages", status=403, code=50013)
    async with scene.bot(log_channel=False):
        await scene.wire.quiet()
        assert len(of_mode(scene)) == 1
        await scene.mo.run(scene.general, "logchannel show")
        await scene.wire.wait_for_message(scene.log)


async def test_status_and_show_say_so(scene: Scene) -> None:
    scene.wire.approved_intents.message_content = False
    async with scene.bot():
        reply = await scene.server.owner.run(scene.general, "status")
        assert "messages that mention me alone" in reply.message.embeds[0]["fields"][4]["value"]
        reply = await scene.mo.run(scene.general, "screening show")
        assert REDUCED in reply.message.content


async def test_a_host_can_force_the_mode(scene: Scene) -> None:
    scene.settings = scene.settings.model_copy(update={"message_content": "off"})
    async with scene.bot():
        await scene.wire.wait_for_message(scene.log)
        await scene.ada.post(scene.general, "you idiot")
        await scene.wire.quiet()
    assert scene.rows("SELECT id FROM decisions") == []


async def test_a_host_can_have_it_refuse_to_start(scene: Scene) -> None:
    scene.wire.approved_intents.message_content = False
    scene.settings = scene.settings.model_copy(update={"message_content": "required"})
    with pytest.raises(ConnectionRefused, match="Message Content Intent"):
        async with scene.bot(log_channel=False):
            pass


async def test_an_intent_that_is_taken_away_while_it_runs_ends_nothing(scene: Scene) -> None:
    async with scene.bot():
        scene.wire.approved_intents.message_content = False
        await scene.wire.invalidate_sessions(resumable=False)
        notice = await scene.wire.wait_for_message(scene.log)
        assert REDUCED in notice.content


async def test_the_intent_that_was_taken_away_is_the_one_that_is_named(
    scene: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intents, "_ASK_S", PATIENCE_S)
    caplog.set_level(logging.WARNING)
    scene.settings = scene.settings.model_copy(update={"members_intent": True})
    async with scene.bot():
        scene.wire.approved_intents.message_content = False
        await scene.wire.invalidate_sessions(resumable=False)
        assert REDUCED in (await scene.wire.wait_for_message(scene.log)).content
    assert "refuses the Message Content intent" in caplog.text
    assert "refuses the Server Members intent" not in caplog.text


async def test_where_discord_does_not_say_which_it_is_found_out(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    scene.settings = scene.settings.model_copy(update={"members_intent": True})
    async with scene.bot():
        scene.wire.approved_intents.message_content = False
        scene.wire.faults.refuse("GET", "/oauth2/applications/@me", status=403)
        await scene.wire.invalidate_sessions(resumable=False)
        assert REDUCED in (await scene.wire.wait_for_message(scene.log)).content
    assert "refuses the Server Members intent" in caplog.text


async def test_what_is_not_looked_through_is_told_as_it_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "MOST_IN_CHANNEL", 3)
    scene.wire.approved_intents.message_content = False
    async with scene.bot():
        await scene.ada.post(scene.general, "hello")
        await until(lambda: scene.rows("SELECT * FROM last_seen") != [])
    for _ in range(5):
        await scene.ada.post(scene.general, "you idiot")
    async with scene.bot(log_channel=False):
        line = await scene.wire.wait_for_message(
            scene.log, where=lambda one: "While Hexward was away" in one.content
        )
    assert "only messages that mention Hexward are screened" in line.content
    assert scene.rows("SELECT id FROM decisions") == []
