"""The commands that choose what is done about flags, with good and bad arguments."""

from __future__ import annotations

import pytest

from bot.chat import commands
from bot.labels import LABELS
from tests.cogs.acting import choose, words
from tests.conftest import Scene


async def test_actions_are_shown_and_reset(scene: Scene) -> None:
    other = scene.server.add_channel("other")
    run, general = scene.mo.run, scene.general
    async with scene.bot(log_channel=False):
        await choose(scene, "threat", "timeout")
        await choose(scene, "insult", "delete", channel=other)
        shown = words(await run(general, "actions show"))
        assert "**Threat**: alert, delete the message and time its author out for 10" in shown
        assert "**Toxic**: alert" in shown
        assert f"{other.mention} · Insult: delete" in shown
        there = words(await run(general, "actions show", channel=other))
        assert "**Insult**: alert and delete the message" in there
        assert "10 minutes" in there
        told = (await run(general, "actions reset", label="threat")).message.content
        assert told.splitlines() == [
            "**Threat** alerts again.",
            "Taken back: Threat: timeout 10 minutes.",
        ]
        assert "10 minutes" not in words(await run(general, "actions show"))
        told = (await run(general, "actions reset", label="threat")).message.content
        assert told == "**Threat** had no action of its own: it alerts."
        await choose(scene, "toxic", "log", channel=other)
        told = (await run(general, "actions reset", channel=other)).message.content
        assert told.splitlines()[1] == "Taken back: Toxic: log, Insult: delete."
        assert other.mention not in words(await run(general, "actions show"))
        told = (await run(general, "actions reset", channel=other)).message.content
        assert told.startswith(f"No label had an action of its own in {other.mention}")
    assert scene.rows("SELECT * FROM actions") == []


async def test_the_mode_survives_a_restart(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        assert "observes" in words(await scene.mo.run(scene.general, "mode show"))
        reply = words(await scene.mo.run(scene.general, "mode enforce"))
        assert "no label does more than alert" in reply
    async with scene.bot(log_channel=False):
        assert "enforces" in words(await scene.mo.run(scene.general, "mode show"))
        await choose(scene, "insult", "timeout", duration="1d")
        assert "every permission" in words(await scene.mo.run(scene.general, "mode show"))
        assert "observes" in words(await scene.mo.run(scene.general, "mode observe"))


async def test_a_mode_without_actions_says_that_nothing_but_alerts_happens(scene: Scene) -> None:
    run, general = scene.mo.run, scene.general
    async with scene.bot(log_channel=False):
        for command in ("mode enforce", "mode show"):
            told = words(await run(general, command))
            assert "nothing but alerts" in told
            assert "/actions set" in told
            assert "carried out" not in told
        await choose(scene, "insult", "delete")
        assert "nothing but" not in words(await run(general, "mode enforce"))


async def test_a_reset_says_which_places_keep_their_own(scene: Scene) -> None:
    one, other = scene.server.add_channel("one"), scene.server.add_channel("other")
    run, general = scene.mo.run, scene.general
    async with scene.bot(log_channel=False):
        await run(general, "thresholds set", label="toxic", value=0.5, channel=one)
        await choose(scene, "insult", "delete", channel=one)
        for command, label in (("thresholds reset", "toxic"), ("actions reset", "insult")):
            for options in ({}, {"label": label}):
                told = (await run(general, command, **options)).message.content
                assert f"{one.mention} keeps" in told
            for options in ({"label": "threat"}, {"channel": other}):
                assert "keep" not in (await run(general, command, **options)).message.content
        await choose(scene, "insult", "delete", channel=other)
        told = (await run(general, "actions reset")).message.content
        assert f"{one.mention}, {other.mention} keep" in told
        for channel in (one, other):
            await run(general, "actions reset", channel=channel)
        assert "keep" not in (await run(general, "actions reset")).message.content


async def test_thresholds_of_a_channel(scene: Scene) -> None:
    other = scene.server.add_channel("other")
    run, general = scene.mo.run, scene.general
    async with scene.bot(log_channel=False):
        reply = await run(general, "thresholds set", label="toxic", value=0.5, channel=other)
        assert f"0.5** on in {other.mention} (before: 0.7)" in words(reply)
        here, there = (
            words(await run(general, "thresholds show")),
            words(await run(general, "thresholds show", channel=other)),
        )
        assert "0.50" not in here
        assert other.mention in here
        assert "0.50 (0.70)" in there
        assert "Would be flagged" in words(await run(other, "check", text="rude"))
        assert "Would not be flagged" in words(await run(general, "check", text="rude"))
        await run(general, "thresholds reset", channel=other)
        assert "0.50" not in words(await run(general, "thresholds show", channel=other))


async def test_choices_for_a_channel_that_is_gone_disappear(scene: Scene) -> None:
    other = scene.server.add_channel("other")
    async with scene.bot(log_channel=False):
        await choose(scene, "insult", "delete", channel=other)
        other.delete()
        assert str(other.id) not in words(await scene.mo.run(scene.general, "actions show"))
    assert scene.rows("SELECT * FROM actions") == []


@pytest.mark.parametrize(
    ("command", "options", "said"),
    [
        ("actions set", {"label": "rudeness", "action": "delete"}, "is not a label"),
        ("actions set", {"label": "toxic", "action": "ban"}, "is not an action"),
        (
            "actions set",
            {"label": "toxic", "action": "delete", "duration": "1h"},
            "Only a timeout has a duration",
        ),
        (
            "actions set",
            {"label": "toxic", "action": "timeout", "duration": "soon"},
            "“soon” is not a duration",
        ),
        (
            "actions set",
            {"label": "toxic", "action": "timeout", "duration": "29d"},
            "from 1 minute to 28 days",
        ),
        (
            "actions set",
            {"label": "toxic", "action": "timeout", "duration": "30s"},
            "out of range",
        ),
        ("escalation set", {"flags": 1, "window": "7", "timeout": "1h"}, "not a duration"),
        (
            "escalation set",
            {"flags": 0, "window": "7d", "timeout": "1h"},
            "“0” is not possible for the option `flags`",
        ),
        ("escalation off", {}, "no step that could be taken away"),
        ("escalation set", {"flags": 1, "window": "2000d", "timeout": "1h"}, "out of range"),
        ("notice channel", {"text": "   "}, "blank"),
    ],
)
async def test_bad_arguments_get_one_sentence_and_change_nothing(
    scene: Scene, command: str, options: dict[str, object], said: str
) -> None:
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, command, force=True, **options)
        assert reply.ephemeral
        assert said in reply.texts
    for table in ("actions", "escalation"):
        assert scene.rows(f"SELECT * FROM {table}") == []
    assert scene.rows("SELECT notice_text FROM servers WHERE notice_text IS NOT NULL") == []


async def test_durations_are_offered_while_they_are_typed(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        offered = await scene.mo.autocomplete(
            scene.general, "actions set", "duration", "2", label="toxic", action="timeout"
        )
        assert [choice["value"] for choice in offered] == ["2m", "2h", "2d"]
        for typed, value in (("90 min", "90m"), ("hour", "1h"), ("", "1m"), ("28d", "28d")):
            offered = await scene.mo.autocomplete(
                scene.general, "actions set", "duration", typed, label="toxic", action="timeout"
            )
            assert offered[0]["value"] == value
        assert not await scene.mo.autocomplete(
            scene.general, "actions set", "duration", "29d", label="toxic", action="timeout"
        )


async def test_who_may_not_use_a_command_is_offered_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.bot(log_channel=False):
        monkeypatch.setattr(commands, "lacking_permissions", lambda *_: ["manage_guild"])
        assert not await scene.mo.autocomplete(
            scene.general, "actions set", "duration", "2", label="toxic", action="timeout"
        )


async def test_members_cannot_use_them(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        for command, options in (
            ("mode enforce", {}),
            ("notice off", {}),
            ("actions reset", {}),
            ("escalation off", {}),
        ):
            reply = await scene.ada.run(scene.general, command, force=True, **options)
            assert "Manage Server" in reply.texts
    assert scene.rows("SELECT * FROM servers") == []


async def test_choices_for_many_channels_fit_into_one_answer(scene: Scene) -> None:
    others = [scene.server.add_channel(f"other-{number}") for number in range(20)]
    async with scene.bot():
        pass
    for other in others:
        for label in LABELS:
            scene.change(
                "INSERT INTO actions (server_id, scope_id, label, action, timeout_s)"
                f" VALUES ({scene.server.id}, {other.id}, '{label}', 'timeout', 2419140)"
            )
    async with scene.bot(log_channel=False):
        shown = words(await scene.mo.run(scene.general, "actions show"))
        listed = sum(other.mention in shown for other in others)
        assert 0 < listed < 20
        assert f"and {20 - listed} more" in shown
