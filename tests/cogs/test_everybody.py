"""The role that all members have: exempting it would switch everything off, so it is refused."""

from __future__ import annotations

import json

import pytest

from sandbox.wire import Reply
from tests.conftest import Scene

EXEMPTIONS = "SELECT kind, target_id FROM exemptions"
WAY_OUT = "Exempt channels instead"


async def test_everybody_cannot_be_exempt(scene: Scene) -> None:
    everyone, mo, general = scene.server.everyone, scene.mo, scene.general
    async with scene.bot():
        reply: Reply = await mo.run(general, "exempt add", role=everyone, channel=scene.log)
        assert WAY_OUT in reply.texts
        panel = (await mo.run(general, "setup")).message
        picked = await mo.select(panel, [everyone], custom_id="hexward:setup:roles")
        assert WAY_OUT in (await picked.followup()).texts
        exempt = {
            "moderators": True,
            "bots": True,
            "roles": [str(scene.server.id)],
            "channels": [],
        }
        raw = json.dumps({"hexward_settings": 1, "exempt": exempt}).encode()
        file: Reply = await mo.run(general, "settings import", force=True, file=("a.json", raw))
        assert WAY_OUT in file.texts
        assert not file.message.buttons
    assert scene.rows(EXEMPTIONS) == []


@pytest.mark.parametrize("command", ["doctor", "setup"])
async def test_everybody_who_is_exempt_already_is_told_of(scene: Scene, command: str) -> None:
    async with scene.bot():
        pass
    scene.change(f"INSERT INTO exemptions VALUES ({scene.server.id}, 'role', {scene.server.id})")
    async with scene.bot(log_channel=False):
        told: Reply = await scene.mo.run(scene.general, command)
        assert "❌ **Exemptions** · The role @everyone is exempt" in told.texts
        await scene.mo.run(scene.general, "exempt remove", role=scene.server.everyone)
        told = await scene.mo.run(scene.general, command)
        assert "Exemptions" not in told.texts
