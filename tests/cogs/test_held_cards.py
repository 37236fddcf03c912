"""Cards that Discord does not let through, and what goes on meanwhile."""

from __future__ import annotations

from tests.cogs.acting import enforce
from tests.conftest import Scene
from tests.patience import until


async def test_an_edit_is_acted_on_while_the_card_of_what_was_posted_waits(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "threat", "delete")
        held = scene.wire.faults.server_error(
            "POST", f"/channels/{scene.log.id}/messages", status=503, times=None
        )
        message = await scene.ada.post(scene.general, "you idiot")
        await scene.wire.wait_until(lambda: held.hits > 0, what="the first card")
        await message.edit("I will kill you")
        await until(lambda: message.deleted)
        scene.wire.faults.remove(held)
        for _ in range(2):
            await scene.wire.wait_for_message(scene.log)
    outcomes = scene.rows("SELECT outcome FROM decisions ORDER BY id")
    assert outcomes == [("alerted",), ("deleted",)]
