"""What a connection can do to the bot, and that the bot goes on (or says what to change)."""

import asyncio
import logging

import discord
import pytest

from bot.chat import client
from bot.errors import ConnectionRefused
from tests.conftest import Scene


async def flags_again(scene: Scene) -> None:
    await scene.ada.post(scene.general, "idiot")
    await scene.wire.wait_for_message(scene.log)


async def test_a_wrong_token_ends_with_one_sentence(scene: Scene) -> None:
    wrong = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"
    scene.settings = type(scene.settings)(
        **{**scene.settings.model_dump(), "discord_token": wrong, "_env_file": None}
    )
    with pytest.raises(ConnectionRefused, match="DISCORD_TOKEN") as caught:
        async with scene.bot(log_channel=False):
            pass
    assert wrong not in str(caught.value)


async def test_a_first_handshake_that_fails_is_tried_again(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "bot")
    scene.wire.faults.refuse_handshakes = 1
    async with scene.bot():
        await flags_again(scene)
    assert any("next attempt" in record.getMessage() for record in caplog.records)


async def test_a_lost_connection_is_resumed_without_losing_a_message(scene: Scene) -> None:
    async with scene.bot():
        await scene.wire.drop_sockets()
        await scene.ada.post(scene.general, "idiot")  # while nobody listens
        await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
    assert len(scene.rows("SELECT id FROM decisions")) == 1


async def test_an_expired_session_is_opened_anew(scene: Scene) -> None:
    async with scene.bot():
        await scene.wire.invalidate_sessions(resumable=False)
        await scene.wire.wait_connected()
        await flags_again(scene)


async def test_a_session_that_begins_just_before_the_end_is_told_nothing_after_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "READY_AFTER_S", 0.5)
    async with scene.bot():
        await scene.wire.invalidate_sessions(resumable=False)
        await scene.wire.wait_connected()
    for waiting in [task for task in asyncio.all_tasks() if "_delay_ready" in repr(task)]:
        await waiting


async def test_discords_wish_to_reconnect_is_granted(scene: Scene) -> None:
    async with scene.bot():
        await scene.wire.reconnect()
        await scene.wire.wait_connected()
        await flags_again(scene)


@pytest.mark.parametrize(
    "event",
    [
        ("MESSAGE_CREATE", {"nonsense": 1}),
        ("MESSAGE_UPDATE", {}),
        ("CHANNEL_CREATE", {"id": "x"}),
        ("SOMETHING_NEW", {"id": "1"}),
    ],
)
async def test_an_event_that_cannot_be_parsed_ends_nothing(
    scene: Scene, caplog: pytest.LogCaptureFixture, event: tuple[str, dict[str, object]]
) -> None:
    caplog.set_level(logging.WARNING, "bot")
    async with scene.bot():
        scene.wire.send_event(*event)
        await flags_again(scene)
    assert "next attempt" not in caplog.text


def told(scene: Scene, **fields: object) -> dict[str, object]:
    """A message as the gateway tells of it."""
    return {
        "id": str(discord.utils.time_snowflake(discord.utils.utcnow())),
        "channel_id": str(scene.general.id),
        "guild_id": str(scene.server.id),
        "author": {
            "id": str(scene.ada.id),
            "username": "ada",
            "discriminator": "0",
            "avatar": None,
        },
        "member": {"roles": [], "joined_at": None, "deaf": False, "mute": False, "flags": 0},
        "type": 0,
        "content": "idiot",
        "timestamp": discord.utils.utcnow().isoformat(),
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "pinned": False,
        **fields,
    }


async def test_an_event_that_lacks_what_discord_sends_is_read_all_the_same(scene: Scene) -> None:
    poll = {"question": {"text": "you idiot"}, "answers": [], "expiry": None}
    async with scene.bot():
        for fields in ({"author": {"id": str(scene.ada.id), "username": "ada"}}, {"poll": poll}):
            scene.wire.send_event("MESSAGE_CREATE", told(scene, **fields))
            card = await scene.wire.wait_for_message(scene.log)
            assert f"<@{scene.ada.id}>" in card.texts


async def test_a_thread_with_no_more_than_is_documented_can_be_named(scene: Scene) -> None:
    thread = scene.general.add_thread("a thread", scene.ada)
    metadata = {"archived": False, "auto_archive_duration": 60, "archive_timestamp": "2026-11-21"}
    named = {
        "id": str(thread.id),
        "name": "a thread",
        "type": 11,
        "parent_id": str(scene.general.id),
        "permissions": "0",
        "thread_metadata": metadata,
    }
    option = {"name": "channel", "type": 7, "value": str(thread.id)}
    user = {"id": str(scene.mo.id), "username": "mo"}
    event = {
        "id": "1573000000000000000",
        "application_id": "1573000000000000001",
        "token": "of-nobody",
        "type": 2,
        "guild_id": str(scene.server.id),
        "channel": {"id": str(scene.general.id), "type": 0},
        "member": {"user": user, "roles": [], "joined_at": None, "permissions": "8"},
        "data": {
            "id": "1573000000000000002",
            "name": "logchannel",
            "type": 1,
            "options": [{"name": "set", "type": 1, "options": [option]}],
            "resolved": {"channels": {str(thread.id): named}},
        },
    }
    async with scene.bot():
        scene.wire.send_event("INTERACTION_CREATE", event)
        # Nobody has asked, so the answer is refused; but the bot gives one.
        await scene.wire.wait_until(
            lambda: any("/of-nobody/" in request.path for request in scene.wire.requests)
        )


async def test_the_result_of_a_poll_is_not_flagged_once_more(scene: Scene) -> None:
    async with scene.bot():
        scene.wire.send_event("MESSAGE_CREATE", told(scene, type=46))
        await flags_again(scene)
    assert len(scene.rows("SELECT id FROM decisions")) == 1


@pytest.mark.parametrize("garbage", ["not json", b"\x00\x01\x00\x00\xff\xff"])
async def test_a_stream_that_breaks_is_built_anew(scene: Scene, garbage: str | bytes) -> None:
    async with scene.bot():
        scene.wire.send_raw(garbage)
        await scene.wire.wait_until(lambda: scene.wire.connections == 0, what="the break")
        await scene.wire.wait_connected()
        await flags_again(scene)


async def test_refused_commands_do_not_stop_screening(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene.bot():
        pass  # the log channel is chosen while commands work
    scene.wire.faults.refuse("PUT", "/applications/*/commands", status=403, code=50001)
    async with scene.bot(log_channel=False):
        await flags_again(scene)
    assert "Commands could not be registered" in caplog.text


async def test_neither_token_nor_text_is_logged(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with scene.bot():
        await scene.ada.post(scene.general, "idiot Zebrafinkenhaus")
        await scene.wire.wait_for_message(scene.log)
        scene.wire.send_event("MESSAGE_CREATE", {"content": "Zebrafinkenhaus"})
        await scene.wire.drop_sockets()
        await flags_again(scene)
    assert "Zebrafinkenhaus" not in caplog.text
    assert scene.wire.token not in caplog.text
