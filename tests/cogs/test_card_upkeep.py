"""Alert cards after they were posted: what became of the message, and the words that counted."""

from __future__ import annotations

import pytest

from bot.chat import card_upkeep
from tests.cogs.alerts import flagged, labels, settled, shows
from tests.conftest import Scene


@pytest.fixture(autouse=True)
def unexplained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards are edited by what a test does alone; explaining has its own tests."""
    monkeypatch.setattr(card_upkeep, "_MOST_EXPLAINED", 0)


async def test_the_card_says_that_the_message_was_edited(scene: Scene) -> None:
    async with scene.bot():
        message, card = await flagged(scene)
        await message.edit("good morning")
        await shows(scene, card, "Message edited <t:", "after it was flagged")
        await message.edit("good evening")
        await message.refresh_embeds([{"type": "link", "url": "https://example.com"}])
        await scene.wire.quiet()
        assert card.content.count("edited") == 1
        assert len([one for one in scene.wire.requests if one.method == "PATCH"]) == 1


async def test_a_second_card_points_to_the_first(scene: Scene) -> None:
    async with scene.bot():
        message, first = await flagged(scene)
        await message.edit("you moron")
        second = await scene.wire.wait_for_message(scene.log)
        await shows(scene, first, "Message edited")
        link = f"https://discord.com/channels/{scene.server.id}/{scene.log.id}/{first.id}"
        assert f"Flagged before: [decision 1]({link})" in str(second.embeds[0]["fields"])
        await scene.wire.quiet()
        assert second.content == ""


async def test_the_card_says_that_the_message_was_deleted(scene: Scene) -> None:
    async with scene.bot():
        message, card = await flagged(scene)
        await message.delete()
        await shows(scene, card, "Message deleted <t:")
        assert labels(card) == ["Uphold", "Dismiss", "Timeout…"]


async def test_deletions_in_bulk_cost_an_edit_for_each_card(scene: Scene) -> None:
    async with scene.bot():
        messages, cards = [], []
        for number in range(3):
            message, card = await flagged(scene, f"idiot {number}")
            messages.append(message)
            cards.append(card)
        clean = [await scene.ada.post(scene.general, f"hello {number}") for number in range(20)]
        ids = [message.id for message in [*messages, *clean]]
        scene.wire.world.backend.bulk_delete_messages(scene.general.id, ids)
        for card in cards:
            await shows(scene, card, "Message deleted")
        await scene.wire.quiet()
        assert len([one for one in scene.wire.requests if one.method == "PATCH"]) == 3


async def test_a_message_deleted_while_its_card_is_on_the_way(scene: Scene) -> None:
    async with scene.bot():
        scene.wire.faults.slow(0.6, "POST", "/channels/*/messages")
        message = await scene.ada.post(scene.general, "idiot")
        await scene.wire.wait_until(lambda: scene.rows("SELECT * FROM decisions"))
        await message.delete()
        card = await scene.wire.wait_for_message(scene.log)
        await shows(scene, card, "Message deleted")


async def test_a_card_that_is_gone_hinders_nobody(scene: Scene) -> None:
    async with scene.bot():
        message, card = await flagged(scene)
        scene.wire.world.backend.delete_message(scene.log.id, card.id)
        await message.edit("good morning")
        await scene.wire.wait_for_request("PATCH", f"/messages/{card.id}")
        _, other = await flagged(scene, "you moron")
        await scene.mo.click(other, "Uphold")
        await shows(scene, other, "Upheld")


@pytest.mark.parametrize("kind", ["channel", "thread"])
async def test_the_card_says_that_the_messages_channel_is_gone(scene: Scene, kind: str) -> None:
    place = scene.server.add_channel("games")
    async with scene.bot():
        if kind == "thread":
            place = place.add_thread("a thread", by=scene.ada)
        await scene.ada.post(place, "you idiot")
        card = await scene.wire.wait_for_message(scene.log)
        await settled(scene)
        place.delete()
        await shows(scene, card, "Message deleted <t:")
        assert labels(card) == ["Uphold", "Dismiss", "Timeout…"]


class TestExplaining:
    @pytest.fixture(autouse=True)
    def unexplained(self) -> None:
        """Here cards are explained."""

    async def test_the_words_that_counted_are_marked(self, scene: Scene) -> None:
        async with scene.bot():
            await scene.ada.post(scene.general, "well now you are such an idiot today my friend")
            card = await scene.wire.wait_for_message(scene.log)
            await scene.wire.wait_until(lambda: "__**" in card.embeds[0]["description"])
            assert "such an __**idiot**__ today" in card.embeds[0]["description"]
            assert "Without them the score would be 0.02." in card.texts
            assert labels(card) == ["Uphold", "Dismiss", "Delete", "Timeout…"]

    async def test_explaining_and_clicking_do_not_overwrite_each_other(self, scene: Scene) -> None:
        async with scene.bot():
            scene.wire.faults.slow(0.3, "PATCH", "/channels/*/messages/*")
            await scene.ada.post(scene.general, "you are such an idiot")
            card = await scene.wire.wait_for_message(scene.log)
            await scene.mo.click(card, "Uphold")
            await shows(scene, card, "Upheld")
            await scene.wire.wait_until(lambda: "__**" in card.embeds[0]["description"])
            await scene.wire.quiet()
            assert "Upheld" in card.content
            assert labels(card) == ["Delete", "Timeout…", "Undo"]

    async def test_a_card_that_cannot_be_explained_stays_as_it_is(self, scene: Scene) -> None:
        async with scene.bot():
            await scene.ada.post(scene.general, "idiot")  # nothing can be left out
            card = await scene.wire.wait_for_message(scene.log)
            await scene.wire.quiet()
            assert card.embeds[0]["description"] == "||idiot||"
            assert not [one for one in scene.wire.requests if one.method == "PATCH"]
