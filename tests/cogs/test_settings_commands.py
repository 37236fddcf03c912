"""``/settings``: a server's settings out as a file, and in again, whole or not at all."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import discord

from sandbox.wire import Reply
from tests.conftest import MODERATOR, Scene

NAME = "hexward-settings.json"


async def exported(scene: Scene) -> dict[str, Any]:
    reply = await scene.mo.run(scene.general, "settings export")
    assert reply.ephemeral
    (attachment,) = reply.message.attachments
    document: dict[str, Any] = json.loads(scene.wire.world.backend.cdn.get(attachment["url"]))
    return document


async def imported(scene: Scene, document: object, *, by: Any = None) -> Reply:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return await (by or scene.mo).run(
        scene.general, "settings import", force=True, file=(NAME, raw)
    )


async def clicked(scene: Scene, reply: Reply, label: str) -> str:
    await scene.mo.click(reply.message, label)
    await scene.wire.wait_until(lambda: not reply.message.buttons)
    return str(reply.message.texts)


async def test_what_is_exported_can_be_imported_and_holds_then(scene: Scene) -> None:
    quiet = scene.server.add_channel("quiet")
    role = scene.server.add_role("helpers")
    mo = scene.mo
    async with scene.bot():
        await mo.run(scene.general, "thresholds preset", name="strict")
        await mo.run(scene.general, "thresholds set", label="toxic", value=0.9)
        await mo.run(scene.general, "thresholds set", label="toxic", value=0.3, channel=quiet)
        await mo.run(scene.general, "actions set", label="insult", action="timeout", duration="2h")
        await mo.run(scene.general, "escalation set", flags=3, window="7d", timeout="1d")
        await mo.run(scene.general, "exempt add", role=role, channel=scene.log)
        await mo.run(scene.general, "notice dm", text="Please be kind.")
        await mo.run(scene.general, "privacy retention", days=11)
        await mo.run(scene.general, "mode enforce")
        before = await exported(scene)
        assert before["channels"] == {str(quiet.id): {"thresholds": {"toxic": 0.3}, "actions": {}}}
        assert before["privacy"] == {"retention_days": 11, "excerpt_days": None}
        # Everything else, and back again.
        for command in ("exempt remove", "exempt add"):
            await mo.run(scene.general, command, role=role)
        await mo.run(scene.general, "exempt remove", role=role)
        await mo.run(scene.general, "thresholds preset", name="relaxed")
        await mo.run(scene.general, "mode observe")
        await mo.run(scene.general, "escalation off")
        await mo.run(scene.general, "privacy retention", days=90)
        panel = await imported(scene, before)
        assert panel.ephemeral
        for line in (
            "**Preset**: relaxed → strict",
            "**Toxic** flags from: as the preset → 0.9",
            "**Mode**: observe → enforce",
            "**Escalation after 3 flags**: nothing → within 7 days a timeout of 1 day",
            f"**No longer screened**: <@&{role.id}>",
            "**Decisions are kept for**: 90 days → 11 days",
        ):
            assert line in panel.texts, panel.texts
        assert "Insult" not in panel.texts  # what holds already is no change
        assert "hold now" in await clicked(scene, panel, "Apply")
        assert await exported(scene) == before
        # Also what is in memory: the member is answered by what holds now.
        await scene.ada.post(quiet, "rude")
        await scene.wire.wait_for_message(scene.log)
        again = await imported(scene, before)
        assert "Nothing" in again.texts
        assert not again.message.buttons


async def test_of_another_server_the_rest_is_applied_if_that_is_wanted(scene: Scene) -> None:
    async with scene.bot():
        own = await exported(scene)
        document = own | {
            "server": "77",
            "mode": "enforce",
            "log_channel": "701",
            "channels": {"702": {"thresholds": {"toxic": 0.1}, "actions": {}}},
            "exempt": own["exempt"] | {"roles": ["703"], "channels": ["704"]},
        }
        asked = len(scene.wire.requests)
        panel = await imported(scene, document)
        for one in ("701", "702", "703", "704"):
            assert one in panel.texts
        assert not [r for r in scene.wire.requests[asked:] if r.method == "GET"]
        await clicked(scene, panel, "Cancel")
        assert await exported(scene) == own
        panel = await imported(scene, document)
        assert "hold now" in await clicked(scene, panel, "Apply the rest")
        assert await exported(scene) == own | {"mode": "enforce"}
        # With what is missing in the very server it comes from: it was deleted.
        panel = await imported(scene, document | {"server": own["server"]})
        assert "702" in panel.texts


async def test_what_cannot_be_the_log_channel_and_what_is_odd_is_said(scene: Scene) -> None:
    category = scene.server.add_channel("alerts", kind="category")
    async with scene.bot():
        own = await exported(scene)
        panel = await imported(scene, own | {"log_channel": str(category.id)})
        assert "Not possible as the log channel" in panel.texts
        assert f"<#{category.id}>" in panel.texts
        assert "not in this server" not in panel.texts
        assert "without what is named below" in panel.texts
        assert "apply the rest" not in panel.texts
        assert not panel.message.buttons
        step = {"flags": 2, "window_s": 8 * 86_400, "timeout_s": 3_600}
        kept = {"retention_days": 7, "excerpt_days": None}
        panel = await imported(scene, own | {"escalation": [step], "privacy": kept})
        assert "looks back 8 days, but flags are deleted when they are 7 days old" in panel.texts
        panel = await imported(scene, own | {"escalation": [step]})
        assert "looks back" not in panel.texts


async def test_what_was_changed_meanwhile_is_not_overwritten(scene: Scene) -> None:
    async with scene.bot():
        own = await exported(scene)
        panel = await imported(scene, own | {"mode": "enforce", "preset": "strict"})
        await scene.mo.run(scene.general, "exempt bots", exempt=False)
        assert "changed meanwhile" in await clicked(scene, panel, "Apply")
        now = await exported(scene)
        assert (now["mode"], now["preset"]) == ("observe", "balanced")
        assert not now["exempt"]["bots"]


async def test_a_question_from_before_a_restart_is_answered_all_the_same(scene: Scene) -> None:
    async with scene.bot():
        own = await exported(scene)
        panel = await imported(scene, own | {"mode": "enforce"})
    async with scene.bot(log_channel=False):
        assert "Use the command again" in await clicked(scene, panel, "Apply")
        assert await exported(scene) == own


async def test_a_second_click_does_nothing_and_is_answered(scene: Scene) -> None:
    async with scene.bot():
        own = await exported(scene)
        panel = await imported(scene, own | {"mode": "enforce"})
        await asyncio.gather(*(scene.mo.click(panel.message, "Apply") for _ in range(2)))
        await scene.wire.wait_until(lambda: not panel.message.buttons)
        assert "hold now" in panel.message.texts
        assert (await exported(scene))["mode"] == "enforce"


async def test_who_may_not_manage_the_server_any_more_applies_nothing(scene: Scene) -> None:
    role = scene.server.add_role("managers", MODERATOR)
    eve = scene.server.add_member("eve", roles=[role])
    async with scene.bot():
        own = await exported(scene)
        panel = await imported(scene, own | {"mode": "enforce"}, by=eve)
        eve.take_role(role)
        refused = await eve.click(panel.message, "Apply")
        assert "Manage Server" in refused.texts
        assert await exported(scene) == own
        refused = await imported(scene, own, by=scene.ada)
        assert "permission" in refused.texts


async def test_a_file_that_cannot_be_names_the_place_and_what_could_be(scene: Scene) -> None:
    async with scene.bot():
        own = await exported(scene)
        bad = own | {"mode": "panic", "thresholds": {"toxic": 2, "rude": 0.5}, "mood": 1}
        told = (await imported(scene, bad)).texts
        for line in (
            '“mode” cannot be "panic". Possible: observe, enforce.',
            "“thresholds.toxic” cannot be 2. Possible: a number from 0 to 1.",
            "“thresholds.rude” is no label",
            "“mood” is not a setting",
        ):
            assert line in discord.utils.remove_markdown(told), told
        assert "line 1" in (await imported(scene, b"oh no")).texts
        assert "too large" in (await imported(scene, b" " * 300_000)).texts
        assert await exported(scene) == own
