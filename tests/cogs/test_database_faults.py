"""What moderators hear while the database refuses: never what only the host should see."""

from __future__ import annotations

import asyncio
import json

from sandbox.wire import Reply
from tests.conftest import Scene
from tests.patience import PATIENCE_S


async def refuse_to(scene: Scene, what: str, table: str) -> None:
    """Have the database refuse at once, as it does where its disk is full."""
    # In a thread: the bot may be about to end a transaction, and needs the loop to do so.
    await asyncio.to_thread(
        scene.change,
        f"CREATE TRIGGER full_{table} BEFORE {what} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'no room'); END",
    )


def hears_of_it(scene: Scene, words: str) -> None:
    assert "The database could not be used just now." in words
    assert "no room" not in words
    assert scene.database.name not in words


async def test_the_doctor_counts_flags_that_cannot_be_written_down(scene: Scene) -> None:
    async with scene.bot():
        assert "Nothing is left unscreened" in (await scene.mo.run(scene.general, "doctor")).texts
    await refuse_to(scene, "INSERT", "decisions")
    async with scene.bot(log_channel=False):
        await scene.ada.post(scene.general, "you idiot")
        async with asyncio.timeout(PATIENCE_S):
            told = ""
            while "cannot be written down" not in told:
                told = (await scene.mo.run(scene.general, "doctor")).texts
        assert "❌ **Backlog** · 1 flag of this server cannot be written down" in told


async def test_panels_and_buttons_say_that_the_host_has_to_look(scene: Scene) -> None:
    raw = json.dumps({"hexward_settings": 1, "mode": "enforce"}).encode()
    mo, general = scene.mo, scene.general
    async with scene.bot():
        setup: Reply = await mo.run(general, "setup")
        file: Reply = await mo.run(general, "settings import", force=True, file=("a.json", raw))
        preview: Reply = await mo.run(general, "thresholds preview", label="toxic", value=0.42)
        await refuse_to(scene, "UPDATE", "servers")
        await refuse_to(scene, "INSERT", "announcements")
        await refuse_to(scene, "INSERT", "thresholds")
        chosen = await mo.select(setup.message, ["enforce"], custom_id="hexward:setup:mode")
        hears_of_it(scene, (await chosen.followup()).texts)
        tried = await mo.click(setup.message, custom_id="hexward:setup:try")
        hears_of_it(scene, (await tried.followup()).texts)
        await mo.click(file.message, "Apply")
        await scene.wire.wait_until(lambda: not file.message.buttons)
        hears_of_it(scene, file.message.texts)
        clicked = await mo.click(preview.message, "Set it")
        hears_of_it(scene, (await clicked.followup()).texts)
