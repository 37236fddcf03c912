"""Every command, with good and bad arguments, as moderators and members send them."""

import asyncio

import pytest

from bot.labels import LABELS
from sandbox.wire import CannotDo
from tests.conftest import Scene
from tests.patience import until


def words(reply) -> str:
    assert reply.ephemeral
    return reply.texts


async def test_every_command_is_registered_for_the_right_members(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        (registered,) = [r for r in scene.wire.requests if r.method == "PUT"]
    permissions = {c["name"]: c["default_member_permissions"] for c in registered.body}
    administrator, manage_guild, manage_messages = 1 << 3, 1 << 5, 1 << 13
    assert permissions == {
        "thresholds": manage_guild,
        "actions": manage_guild,
        "mode": manage_guild,
        "escalation": manage_guild,
        "notice": manage_guild,
        "logchannel": manage_guild,
        "language": manage_guild,
        "exempt": manage_guild,
        "screening": manage_guild,
        "settings": manage_guild,
        "setup": manage_guild,
        "doctor": manage_guild,
        "check": manage_messages,
        "Check message": manage_messages,
        "stats": manage_messages,
        "log": manage_messages,
        "status": administrator,
        "privacy": None,  # for everybody; what it changes for the server asks for more
    }


@pytest.mark.parametrize(("status", "code"), [(404, 10062), (400, 40060)])
async def test_an_answer_that_discord_waits_for_no_more_is_let_be(
    scene: Scene, caplog: pytest.LogCaptureFixture, status: int, code: int
) -> None:
    async with scene.bot(log_channel=False):
        scene.wire.faults.refuse("POST", "/interactions/*/callback", status=status, code=code)
        asked = asyncio.create_task(scene.mo.run(scene.general, "mode show"))
        await until(lambda: "/mode show: Discord does not wait for an answer" in caplog.text)
        await scene.wire.quiet()
        asked.cancel()
        answers = [one for one in scene.wire.requests if one.path.startswith("/interactions/")]
        assert [answer.status for answer in answers] == [status]
        assert "failed" not in caplog.text
        assert "observe" in words(await scene.mo.run(scene.general, "mode show")).lower()


async def test_a_threshold_that_is_set_decides_what_flags(scene: Scene) -> None:
    async with scene.bot():
        reply = await scene.mo.run(scene.general, "thresholds set", label="toxic", value=0.55)
        assert "0.55" in words(reply)
        await scene.ada.post(scene.general, "that is rude")  # 0.60
        await scene.wire.wait_for_message(scene.log)
        shown = words(await scene.mo.run(scene.general, "thresholds show"))
        assert "0.55 (0.70)" in shown
        assert "1 set by hand" in shown
    async with scene.bot(log_channel=False):  # and it survives a restart
        assert "0.55" in words(await scene.mo.run(scene.general, "thresholds show"))
        await scene.mo.run(scene.general, "thresholds reset", label="toxic")
        assert "0.55" not in words(await scene.mo.run(scene.general, "thresholds show"))


async def test_a_tiny_threshold_is_written_out_and_warned_about(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        for value, shown, warned in (
            (1e-9, "**0** on", "Every message will be flagged"),
            (1e-5, "**0.00001** on", "Nearly every message will be flagged"),
            (0.5, "**0.5** on", ""),
        ):
            reply = await scene.mo.run(scene.general, "thresholds set", label="toxic", value=value)
            assert shown in words(reply)
            assert warned in words(reply)
        assert "every message" not in words(reply).lower()


async def test_a_preset_replaces_the_values_set_by_hand(scene: Scene) -> None:
    async with scene.bot():
        await scene.mo.run(scene.general, "thresholds set", label="insult", value=0.9)
        reply = await scene.mo.run(scene.general, "thresholds preset", name="strict")
        assert "strict" in words(reply)
        assert words(reply).count("0.50") == len(LABELS)
        await scene.ada.post(scene.general, "that is rude")
        await scene.wire.wait_for_message(scene.log)


@pytest.mark.parametrize(
    ("command", "options", "said"),
    [
        ("thresholds set", {"label": "rudeness", "value": 0.5}, "is not a label"),
        ("thresholds set", {"label": "toxic", "value": 1.5}, "from 0 to 1"),
        ("thresholds set", {"label": "toxic", "value": -0.1}, "from 0 to 1"),
        ("thresholds reset", {"label": "everything"}, "is not a label"),
        ("thresholds preset", {"name": "paranoid"}, "is not a preset"),
        ("exempt add", {}, "Name a role, a channel or both"),
        ("check", {"text": "   "}, "no text"),
        ("check", {"text": "\u200b\u200d \u2060"}, "no text"),
    ],
)
async def test_bad_arguments_get_one_sentence_and_change_nothing(
    scene: Scene, command: str, options: dict[str, object], said: str
) -> None:
    async with scene.bot(log_channel=False):
        # Forced: Discord's client would not let a person choose these, another might.
        reply = await scene.mo.run(scene.general, command, force=True, **options)
        assert said in words(reply)
    assert scene.rows("SELECT * FROM thresholds") == []
    assert scene.rows("SELECT * FROM exemptions") == []


async def test_members_cannot_use_moderators_commands(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        with pytest.raises(CannotDo):
            await scene.ada.run(scene.general, "thresholds show")
        reply = await scene.ada.run(
            scene.general, "thresholds set", label="toxic", value=1, force=True
        )
        assert "Manage Server" in words(reply)
        reply = await scene.ada.run(scene.general, "check", text="idiot", force=True)
        assert "Manage Messages" in words(reply)
    assert scene.rows("SELECT * FROM thresholds") == []


async def test_check_answers_only_the_moderator_with_six_bars(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, "check", text="you idiot")
        text = words(reply)
        assert reply.deferred
        assert "Would be flagged: Toxic, Insult" in text
        assert all(label.caption in text for label in LABELS)
        assert "tiny-1" in text
        assert "Would not be flagged" in words(
            await scene.mo.run(scene.general, "check", text="hello")
        )
        await scene.wire.quiet()
        assert scene.general.bot_messages == []
    assert scene.rows("SELECT * FROM decisions") == []


async def test_check_message_reads_what_screening_would_read(scene: Scene) -> None:
    source = await scene.ada.post(scene.general, "idiot", unseen=True)
    other = scene.server.add_channel("other")
    forwarded = await scene.ada.forward(source, to=other)
    async with scene.bot(log_channel=False):
        assert "Insult" in words(await scene.mo.use_on(forwarded, "Check message"))
        clean = await scene.ada.post(scene.general, "hello")
        assert "Would not be flagged" in words(await scene.mo.use_on(clean, "Check message"))


async def test_the_log_channel_must_be_one_the_bot_can_speak_in(scene: Scene) -> None:
    closed = scene.server.add_channel("closed")
    closed.set_permissions(scene.server.bot, send_messages=False, embed_links=False)
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, "logchannel set", channel=closed)
        assert "Send Messages and Embed Links" in words(reply)
        assert "No log channel is set" in words(
            await scene.mo.run(scene.general, "logchannel show")
        )


async def test_the_log_channel_can_be_set_shown_and_cleared(scene: Scene) -> None:
    scene.log.set_permissions(scene.server.everyone, view_channel=False)
    for member in (scene.server.bot, scene.mo):
        scene.log.set_permissions(member, view_channel=True)
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, "logchannel set", channel=scene.log)
        assert "Everybody can read" not in words(reply)
        assert f"<#{scene.log.id}>" in words(await scene.mo.run(scene.general, "logchannel show"))
        scene.log.set_permissions(scene.server.bot, view_channel=True, embed_links=False)
        assert "lack Embed Links" in words(await scene.mo.run(scene.general, "logchannel show"))
        assert "no longer" in words(await scene.mo.run(scene.general, "logchannel clear"))
        assert "was no log channel" in words(await scene.mo.run(scene.general, "logchannel clear"))


async def test_a_public_log_channel_is_warned_about(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, "logchannel set", channel=scene.log)
        assert "Everybody can read" in words(reply)


async def test_exemptions_are_listed_and_told_apart_from_repeats(scene: Scene) -> None:
    role = scene.server.add_role("helpers")
    async with scene.bot(log_channel=False):
        assert "now exempt" in words(await scene.mo.run(scene.general, "exempt add", role=role))
        assert "already" in words(await scene.mo.run(scene.general, "exempt add", role=role))
        assert f"<@&{role.id}>" in words(await scene.mo.run(scene.general, "exempt list"))
        assert "again" in words(await scene.mo.run(scene.general, "exempt remove", role=role))
        assert "was not" in words(await scene.mo.run(scene.general, "exempt remove", role=role))


async def test_exemptions_of_what_was_deleted_disappear(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        role = scene.server.add_role("helpers")
        await scene.mo.run(scene.general, "exempt add", role=role, channel=scene.log)
    scene.change("UPDATE exemptions SET target_id = target_id + 1")
    async with scene.bot(log_channel=False):
        assert words(await scene.mo.run(scene.general, "exempt list")).count("None") == 2
    assert scene.rows("SELECT * FROM exemptions") == []


async def test_an_exemption_is_not_dropped_because_the_cache_forgot_the_role(scene: Scene) -> None:
    role = scene.server.add_role("helpers")
    async with scene.bot(log_channel=False):
        await scene.mo.run(scene.general, "exempt add", role=role)
        # The event of a deletion that did not happen: the bot's cache is wrong from here on.
        scene.wire.send_event(
            "GUILD_ROLE_DELETE", {"guild_id": str(scene.server.id), "role_id": str(role.id)}
        )
        assert f"<@&{role.id}>" in words(await scene.mo.run(scene.general, "exempt list"))
    assert scene.rows("SELECT target_id FROM exemptions") == [(role.id,)]


async def test_a_command_under_way_at_the_stop_is_answered(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        slow = scene.wire.faults.slow(0.5, "POST", "/interactions/*")
        asking = asyncio.create_task(scene.mo.run(scene.general, "check", text="idiot"))
        await until(lambda: slow.hits == 1)
    assert "Would be flagged" in words(await asking)


async def test_a_registration_with_an_odd_answer_does_not_stop_screening(scene: Scene) -> None:
    async with scene.bot():
        await scene.wire.quiet()
    scene.wire.faults.reply("PUT", "/applications/*/commands", body=[{"name": "check"}])
    async with scene.bot(log_channel=False):
        await scene.ada.post(scene.general, "idiot")
        await scene.wire.wait_for_message(scene.log)


async def test_replies_ping_nobody(scene: Scene) -> None:
    role = scene.server.add_role("helpers")
    async with scene.bot():
        await scene.mo.run(scene.general, "exempt add", role=role)
        await scene.ada.post(scene.general, "idiot @everyone")
        await scene.wire.wait_for_message(scene.log)
        sent = [r for r in scene.wire.requests if r.method == "POST" and isinstance(r.body, dict)]
    bodies = [r.body.get("data") or r.body for r in sent]
    spoken = [body for body in bodies if body.get("content") or body.get("embeds")]
    assert spoken
    assert all(body.get("allowed_mentions", {}).get("parse") == [] for body in spoken)
