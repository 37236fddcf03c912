"""A log channel that is a thread, which Discord puts to sleep when nobody writes in it."""

import pytest

from bot.chat import card_upkeep
from tests.conftest import Scene

ARCHIVED = 50083


@pytest.fixture(autouse=True)
def unexplained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards are edited by clicks alone."""
    monkeypatch.setattr(card_upkeep, "_MOST_EXPLAINED", 0)


@pytest.mark.parametrize("may_wake", [True, False])
async def test_a_click_on_a_card_there_wakes_it_or_says_that_the_card_stays(
    scene: Scene, may_wake: bool
) -> None:
    thread = scene.log.add_thread("alerts", by=scene.mo)
    async with scene.bot():
        await scene.mo.run(scene.log, "logchannel set", channel=thread)
        await scene.ada.post(scene.general, "you idiot")
        card = await scene.wire.wait_for_message(thread)
        await scene.wire.quiet()
        thread.archive()
        scene.wire.faults.refuse("PATCH", "/channels/*/messages/*", status=400, code=ARCHIVED)
        if not may_wake:
            scene.wire.faults.refuse("PATCH", f"/channels/{thread.id}")
        clicked = await scene.mo.click(card, "Uphold")
        if may_wake:
            await scene.wire.wait_until(lambda: "Upheld" in card.content, what="the verdict")
        else:
            said = await clicked.followup()
            assert "Discord did not let me change the alert" in said.texts
            assert card.content == ""
        woken = [
            request.body
            for request in scene.wire.requests
            if request.method == "PATCH" and request.path == f"/channels/{thread.id}"
        ]
        assert woken == [{"archived": False}]
    assert scene.rows("SELECT verdict FROM verdicts") == [("upheld",)]
