"""The buttons of alert cards, as moderators see and click them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.cogs.alerts import becomes, flagged, labels, said, shows
from tests.cogs.conftest import KEEPS_QUIET
from tests.conftest import Scene

VERDICTS = "SELECT verdict, moderator_id FROM verdicts"
DEEDS = "SELECT kind, moderator_id, result FROM deeds ORDER BY id"
MESSAGE_DELETE, MEMBER_UPDATE = 72, 24

pytestmark = pytest.mark.usefixtures("unexplained")


async def test_a_new_card_has_its_buttons(scene: Scene) -> None:
    async with scene.bot():
        _, card = await flagged(scene)
        assert labels(card) == ["Uphold", "Dismiss", "Delete", "Timeout…"]
        assert card.content == ""
        fields = {field["name"]: field["value"] for field in card.embeds[0]["fields"]}
        assert "no earlier flags upheld" in fields["Author"]
        assert "account made <t:" in fields["Author"]
        assert fields["Mode: observe"] == "Alert only."


async def test_uphold_and_dismiss_are_judgements(scene: Scene) -> None:
    async with scene.bot():
        _, card = await flagged(scene)
        reply = await scene.mo.click(card, "Uphold")
        assert reply.deferred
        await shows(scene, card, f"**Upheld** by <@{scene.mo.id}> <t:")
        assert labels(card) == ["Delete", "Timeout…", "Undo"]
        assert card.embeds[0]["title"] == "Flagged: Toxic, Insult"
        _, other = await flagged(scene, "you moron")
        assert "1 earlier flag upheld" in str(other.embeds[0]["fields"])
        await scene.mo.click(other, "Dismiss")
        await shows(scene, other, f"**Dismissed as a false alarm** by <@{scene.mo.id}> <t:")
        assert labels(other) == ["Undo"]
    assert scene.rows(VERDICTS) == [("upheld", scene.mo.id), ("dismissed", scene.mo.id)]
    assert all(not message.pings for message in scene.log.bot_messages)


async def test_delete_takes_the_message_away_and_says_why(scene: Scene) -> None:
    async with scene.bot():
        message, card = await flagged(scene)
        await scene.mo.click(card, "Delete")
        await shows(scene, card, f"**Message deleted** by <@{scene.mo.id}> <t:")
        assert message.deleted
        assert labels(card) == ["Timeout…", "Undo"]
        await scene.wire.quiet()
        edits = [one for one in scene.wire.requests if one.method == "PATCH"]
        assert len(edits) == 1  # the bot's own deletion is no news
        assert "Upheld" not in card.content  # it goes without saying
    (entry,) = [one for one in scene.server.audit_log if one["action_type"] == MESSAGE_DELETE]
    assert entry["reason"] == (
        f"Hexward decision 1: toxic 0.97, insult 0.97; by mo ({scene.mo.id})"
    )
    assert scene.rows(VERDICTS) == [("upheld", scene.mo.id)]
    assert scene.rows(DEEDS) == [("delete", scene.mo.id, "done")]


async def test_timeout_asks_how_long(scene: Scene, mia: Any) -> None:
    async with scene.bot():
        _, card = await flagged(scene)
        reply = await mia.click(card, "Timeout…")
        assert reply.ephemeral
        assert scene.ada.timed_out_until is None
        assert f"<@{scene.ada.id}>" in reply.content
        await mia.select(reply.message, ["3600"])
        await becomes(scene, reply.message, f"<@{scene.ada.id}> is timed out for 1 hour.")
        assert reply.message.components == []
        await shows(scene, card, f"**Author timed out** for 1 hour by <@{mia.id}> <t:", "until")
        assert scene.ada.timed_out_until is not None
        assert labels(card) == ["Delete", "Undo"]
    (entry,) = [one for one in scene.server.audit_log if one["action_type"] == MEMBER_UPDATE]
    assert entry["reason"].startswith("Hexward decision 1: toxic 0.97")


async def test_undo_lifts_the_timeout_and_takes_the_verdict_back(scene: Scene, mia: Any) -> None:
    async with scene.bot():
        _, card = await flagged(scene)
        await mia.select((await mia.click(card, "Timeout…")).message, ["600"])
        await shows(scene, card, "Author timed out")
        undone = await mia.click(card, "Undo")
        await shows(scene, card, f"“Upheld” taken back by <@{mia.id}>", "lifted <t:")
        assert undone.followups == []
        assert scene.ada.timed_out_until is None
        assert labels(card) == ["Uphold", "Dismiss", "Delete", "Timeout…"]
    assert scene.rows(VERDICTS) == []


async def test_undo_says_that_a_deletion_cannot_be_undone(scene: Scene) -> None:
    async with scene.bot():
        message, card = await flagged(scene)
        await scene.mo.click(card, "Delete")
        await shows(scene, card, "Message deleted")
        assert await said(await scene.mo.click(card, "Undo")) == (
            "The verdict that the flag was right is taken back. The message stays deleted: Discord "
            "cannot bring a deleted message back."
        )
        await shows(scene, card, "Message deleted", "taken back")
        assert message.deleted
        assert labels(card) == ["Uphold", "Dismiss", "Timeout…"]


async def enforce(scene: Scene) -> None:
    """Have the bot delete and time out for insults by itself."""
    await scene.mo.run(
        scene.general, "actions set", label="insult", action="timeout", duration="1h"
    )
    await scene.mo.run(scene.general, "mode enforce")


async def test_what_the_bot_did_itself_stands_in_the_card(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene)
        message, card = await flagged(scene)
        assert message.deleted
        fields = {field["name"]: field["value"] for field in card.embeds[0]["fields"]}
        assert fields["Mode: enforce"].startswith(
            "Message deleted.\nAuthor timed out for 1 hour, until <t:"
        )
        assert card.content == ""
        assert labels(card) == ["Uphold", "Dismiss", "Undo"]


async def test_dismissing_a_false_alarm_lifts_the_bots_own_timeout(scene: Scene, mia: Any) -> None:
    async with scene.bot():
        await enforce(scene)
        _, card = await flagged(scene)
        assert scene.ada.timed_out_until is not None
        # mo may judge, not keep members quiet or let them speak
        assert "Timeout Members" in await said(await scene.mo.click(card, "Dismiss"))
        await mia.click(card, "Dismiss")
        await shows(scene, card, "Timeout lifted <t:", "**Dismissed as a false alarm**")
        assert scene.ada.timed_out_until is None
        assert labels(card) == ["Undo"]


async def test_two_clicks_at_once_act_once(scene: Scene, mia: Any) -> None:
    async with scene.bot():
        _, card = await flagged(scene)
        scene.wire.faults.slow(0.5, "DELETE", "/channels/*/messages/*")
        replies = await asyncio.gather(scene.mo.click(card, "Delete"), mia.click(card, "Delete"))
        await shows(scene, card, "Message deleted")
        await scene.wire.quiet()
        late = [message.texts for reply in replies for message in reply.followups]
        assert len(late) == 1
        assert "clicked that a moment ago; it is under way" in late[0]
    deletions = [one for one in scene.wire.requests if one.method == "DELETE"]
    assert len(deletions) == 1
    assert [row[0] for row in scene.rows(DEEDS)] == ["delete"]


async def test_two_verdicts_at_once_leave_the_first(scene: Scene, mia: Any) -> None:
    async with scene.bot():
        _, card = await flagged(scene)
        replies = await asyncio.gather(scene.mo.click(card, "Uphold"), mia.click(card, "Dismiss"))
        await scene.wire.quiet()
        late = [message.texts for reply in replies for message in reply.followups]
    ((verdict, by),) = scene.rows(VERDICTS)
    word = {"upheld": "upheld this", "dismissed": "dismissed this"}[verdict]
    assert len(late) == 1
    assert late[0].startswith(f"<@{by}> {word} already, <t:")


async def test_the_menu_of_a_late_moderator_times_nobody_out_twice(scene: Scene, mia: Any) -> None:
    max_ = scene.server.add_member("max", permissions=KEEPS_QUIET)
    async with scene.bot():
        _, card = await flagged(scene)
        menus = [(await one.click(card, "Timeout…")).message for one in (mia, max_)]
        await mia.select(menus[0], ["600"])
        await becomes(scene, menus[0], f"<@{scene.ada.id}> is timed out for 10 minutes.")
        until = scene.ada.timed_out_until
        await max_.select(menus[1], ["86400"])
        await becomes(scene, menus[1], f"<@{mia.id}> timed the author out already")
        assert scene.ada.timed_out_until == until


async def test_buttons_outlive_the_bot(scene: Scene, mia: Any) -> None:
    async with scene.bot():
        message, card = await flagged(scene)
        menu = (await mia.click(card, "Timeout…")).message
    async with scene.bot(log_channel=False):
        await mia.select(menu, ["60"])
        await shows(scene, card, "Author timed out")
        await scene.mo.click(card, "Delete")
        await shows(scene, card, "Author timed out", "Message deleted")
        assert message.deleted
    async with scene.bot(log_channel=False):
        await mia.click(card, "Undo")
        await shows(scene, card, "taken back")
        assert scene.ada.timed_out_until is None


async def test_a_click_under_way_is_finished_before_the_stop(scene: Scene) -> None:
    async with scene.bot():
        message, card = await flagged(scene)
        scene.wire.faults.slow(0.5, "DELETE", "/channels/*/messages/*")
        before = len(scene.wire.world.acknowledged)
        clicking = asyncio.create_task(scene.mo.click(card, "Delete"))
        await scene.wire.wait_until(lambda: len(scene.wire.world.acknowledged) > before)
    await clicking
    assert message.deleted
    assert "Message deleted" in card.content


async def test_a_message_that_is_gone_already_is_told(scene: Scene) -> None:
    async with scene.bot():
        message, card = await flagged(scene)
        scene.wire.world.muted = True  # Discord does not tell
        await message.delete()
        scene.wire.world.muted = False
        reply = await scene.mo.click(card, "Delete")
        await shows(scene, card, "Message deleted <t:")
        assert "already deleted" in await said(reply)
        assert labels(card) == ["Uphold", "Dismiss", "Timeout…"]
    assert scene.rows(VERDICTS) == []


async def test_undoing_a_timeout_leaves_a_longer_one_of_somebody_elses(
    scene: Scene, mia: Any
) -> None:
    async with scene.bot():
        _, card = await flagged(scene)
        _, other = await flagged(scene, "you moron")
        await mia.select((await mia.click(card, "Timeout…")).message, ["600"])
        await shows(scene, card, "Author timed out")
        await mia.select((await mia.click(other, "Timeout…")).message, ["86400"])
        await shows(scene, other, "Author timed out")
        until = scene.ada.timed_out_until
        undone = await mia.click(card, "Undo")
        assert "A longer timeout has taken its place" in await said(undone)
        await shows(scene, card, "“Upheld” taken back", "; ended")
        assert scene.ada.timed_out_until == until
        await mia.click(other, "Undo")
        await shows(scene, other, "lifted <t:")
        assert scene.ada.timed_out_until is None
