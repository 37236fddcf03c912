"""Cards of titles and names: judged and acted on with the same buttons as those of messages."""

from __future__ import annotations

from typing import Any

import pytest

from bot.chat import card_upkeep
from tests.cogs.alerts import labels, shows
from tests.cogs.conftest import KEEPS_QUIET
from tests.conftest import Scene
from tests.patience import until

VERDICTS = "SELECT verdict, moderator_id FROM verdicts"

pytestmark = pytest.mark.usefixtures("unexplained")


@pytest.fixture
def named(scene: Scene) -> Scene:
    """The bot hears of names."""
    scene.settings = scene.settings.model_copy(update={"members_intent": True})
    return scene


async def title(scene: Scene) -> tuple[Any, Any]:
    thread = scene.general.add_thread("you idiot", by=scene.ada)
    return thread, await card_of(scene)


async def card_of(scene: Scene) -> Any:
    card = await scene.wire.wait_for_message(scene.log)
    await scene.wire.quiet()  # it is on record
    return card


async def nickname(scene: Scene, name: str = "idiot") -> Any:
    await scene.mo.run(scene.general, "screening names", screen=True)
    scene.ada.rename(name)
    return await card_of(scene)


def worn(scene: Scene, member: Any) -> str | None:
    found = scene.wire.world.backend.get_member(scene.server.id, member.id).nick
    return None if found is None else str(found)


async def test_a_title_is_judged_like_a_message(scene: Scene) -> None:
    async with scene.bot():
        _, card = await title(scene)
        assert labels(card) == ["Uphold", "Dismiss"]
        await scene.mo.click(card, "Uphold")
        await shows(scene, card, f"**Upheld** by {scene.mo.mention}")
        assert labels(card) == ["Undo"]
        assert scene.rows(VERDICTS) == [("upheld", scene.mo.id)]
        undone = await scene.mo.click(card, "Undo")
        await shows(scene, card, "“Upheld” taken back")
        assert undone.followups == []
        await scene.mo.click(card, "Dismiss")
        await shows(scene, card, "**Dismissed as a false alarm**")
    assert scene.rows(VERDICTS) == [("dismissed", scene.mo.id)]


async def test_a_title_whose_thread_is_deleted_says_so(scene: Scene) -> None:
    async with scene.bot():
        thread, card = await title(scene)
        thread.delete()
        await shows(scene, card, "Thread deleted <t:")


async def test_a_title_is_explained(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_upkeep, "_MOST_EXPLAINED", 4)
    async with scene.bot():
        scene.general.add_thread("hello you idiot there", by=scene.ada)
        card = await scene.wire.wait_for_message(scene.log)
        await scene.wire.wait_until(
            lambda: "__**idiot**__" in card.embeds[0]["description"], what="the marked word"
        )


async def test_a_title_that_was_told_before_a_crash_is_not_told_again(scene: Scene) -> None:
    async with scene.bot():
        await title(scene)
    cards = len(scene.log.bot_messages)
    scene.change("UPDATE decisions SET outcome = NULL")
    async with scene.bot(log_channel=False):
        await until(lambda: scene.rows("SELECT outcome FROM decisions") == [("alerted",)])
    assert len(scene.log.bot_messages) == cards


async def test_a_nickname_is_taken_away(named: Scene, mia: Any) -> None:
    scene = named
    async with scene.bot():
        card = await nickname(scene)
        assert labels(card) == ["Uphold", "Dismiss", "Reset name"]
        await mia.click(card, "Reset name")
        await shows(scene, card, f"**Name reset** by {mia.mention}")
        assert worn(scene, scene.ada) is None
        assert labels(card) == ["Undo"]
        (request,) = [
            r for r in scene.wire.requests if r.method == "PATCH" and "/members/" in r.path
        ]
        assert request.reason == f"Hexward decision 1: toxic 0.97, insult 0.97; by mia ({mia.id})"
        undone = await mia.click(card, "Undo")
        assert (await undone.followup()).texts == (
            "The verdict that the flag was right is taken back. The name is not put back, since "
            "nobody keeps what it was."
        )
    assert scene.rows("SELECT kind, moderator_id, result FROM deeds ORDER BY id LIMIT 1") == [
        ("rename", mia.id, "done")
    ]


async def test_a_display_name_is_covered_by_a_plain_nickname(named: Scene, mia: Any) -> None:
    scene = named
    async with scene.bot():
        await scene.mo.run(scene.general, "screening names", screen=True)
        newcomer = scene.server.add_member("idiot")
        card = await card_of(scene)
        await mia.click(card, "Reset name")
        await shows(scene, card, "**Name reset**")
        assert worn(scene, newcomer) == f"Member {newcomer.id % 10_000:04}"


async def test_a_name_that_changed_meanwhile_is_left_alone(named: Scene, mia: Any) -> None:
    scene = named
    async with scene.bot():
        card = await nickname(scene)
        scene.ada.rename(None)
        answer = await (await mia.click(card, "Reset name")).followup()
        assert answer.texts == "The server sees another name of this member by now."
        assert labels(card) == ["Uphold", "Dismiss", "Reset name"]


async def test_who_may_not_change_nicknames_does_not(named: Scene) -> None:
    scene = named
    boss = scene.server.add_role("boss")  # older than mia's, hence higher
    mia = scene.server.add_member("mia", permissions=KEEPS_QUIET)
    async with scene.bot():
        card = await nickname(scene)
        answer = await (await scene.mo.click(card, "Reset name")).followup()
        assert answer.texts == "You need the permission Manage Nicknames for this."
        scene.ada.give_role(boss)
        answer = await (await mia.click(card, "Reset name")).followup()
        assert "highest role is above yours" in answer.texts
    assert worn(scene, scene.ada) == "idiot"


async def test_a_bot_that_may_not_change_nicknames_says_so(named: Scene, mia: Any) -> None:
    scene = named
    scene.wire.faults.refuse("PATCH", "/guilds/*/members/*")
    async with scene.bot():
        card = await nickname(scene)
        answer = await (await mia.click(card, "Reset name")).followup()
        assert answer.texts.startswith("I lack Manage Nicknames for this member. Give my role")
    assert scene.rows("SELECT result FROM deeds") == [("failed",)]
