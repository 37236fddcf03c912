"""What the bot itself asks, against Discord's specification; recorded events, into the bot.

Neither is part of this project; without them these tests are skipped.
"""

from __future__ import annotations

import json
import logging

import pytest
from specification import ROOT, load

from tests.conftest import Scene

pytestmark = pytest.mark.skipif(
    not (ROOT / "openapi.json").exists(), reason="needs Discord's specification beside the project"
)


async def test_every_request_of_the_bot_is_one_discord_knows(scene: Scene) -> None:
    role = scene.server.add_role("helpers")
    async with scene.bot():
        message = await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
        await message.edit("you damn idiot")
        await scene.wire.wait_for_message(scene.log)
        await scene.mo.use_on(message, "Check message")
        for command, options in (
            ("check", {"text": "kill"}),
            ("thresholds show", {}),
            ("thresholds set", {"label": "toxic", "value": 0.5}),
            ("thresholds reset", {}),
            ("thresholds preset", {"name": "strict"}),
            ("logchannel show", {}),
            ("exempt add", {"role": role, "channel": scene.general}),
            ("exempt list", {}),
            ("exempt remove", {"role": role, "channel": scene.general}),
            ("privacy show", {}),
            ("privacy export", {}),
            ("privacy forget", {}),
            ("privacy retention", {"days": 20}),
            ("privacy excerpts on", {"days": 3}),
            ("privacy excerpts off", {}),
            ("logchannel clear", {}),
        ):
            await scene.mo.run(scene.general, command, **options)
        await scene.server.owner.run(scene.general, "status")
        await scene.mo.run(scene.general, "logchannel set", channel=scene.log)
    await scene.ada.post(scene.general, "you moron")
    async with scene.bot(log_channel=False):
        # Posted while the bot was away: listed, fetched and alerted.
        await scene.wire.wait_for_message(scene.log, where=lambda message: "moron" in message.texts)
    specification = load()
    assert [
        fault for request in scene.wire.requests for fault in specification.faults_of(request)
    ] == []


async def test_recorded_events_are_taken_and_the_bot_goes_on(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    events = [
        event
        for path in sorted((ROOT / "captures").glob("gateway_*.json"))
        for event in json.loads(path.read_text())
        if event["op"] == 0 and event["t"] != "READY"
    ]
    assert events
    # The server first: the others happen in it.
    events.sort(key=lambda event: event["t"] != "GUILD_CREATE")
    async with scene.bot():
        for event in events:
            scene.wire.send_event(event["t"], event["d"])
        await scene.wire.quiet()
        await scene.ada.post(scene.general, "idiot")
        await scene.wire.wait_for_message(scene.log)
    assert "could not be parsed" not in caplog.text
    assert "failed" not in caplog.text
