"""Clicks on alert cards that are refused: who may not, and what cannot be done any more."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from tests.cogs.alerts import becomes, flagged, labels, said, settled, shows
from tests.conftest import Scene

JUDGES = discord.Permissions(manage_messages=True, view_channel=True, send_messages=True)
VERDICTS = "SELECT verdict, moderator_id FROM verdicts"

pytestmark = pytest.mark.usefixtures("unexplained")


async def test_members_cannot_use_the_buttons(scene: Scene) -> None:
    async with scene.bot():
        message, card = await flagged(scene, by=scene.server.add_member("ben"))
        for label in ("Uphold", "Dismiss", "Delete"):
            reply = await scene.ada.click(card, label)
            assert "You need the permission Manage Messages" in await said(reply)
        assert "Timeout Members" in (await scene.ada.click(card, "Timeout…")).texts
        assert not message.deleted
        assert card.content == ""
    assert scene.rows(VERDICTS) == scene.rows("SELECT * FROM deeds") == []


async def test_the_permission_that_counts_is_that_where_the_message_stands(scene: Scene) -> None:
    judge = scene.server.add_member("judge", permissions=JUDGES)
    scene.general.set_permissions(judge, manage_messages=False)
    async with scene.bot():
        _, card = await flagged(scene)
        assert f"in <#{scene.general.id}>" in await said(await judge.click(card, "Delete"))
        scene.general.set_permissions(judge, manage_messages=True)
        await judge.click(card, "Delete")
        await shows(scene, card, "Message deleted")
        # Judging a flag is one thing, keeping members quiet another.
        assert "Timeout Members" in (await judge.click(card, "Timeout…")).texts


async def test_lifting_a_timeout_needs_the_permission_for_timeouts(scene: Scene, mia: Any) -> None:
    judge = scene.server.add_member("judge", permissions=JUDGES)
    async with scene.bot():
        _, card = await flagged(scene)
        await mia.select((await mia.click(card, "Timeout…")).message, ["600"])
        await shows(scene, card, "Author timed out")
        assert "Timeout Members" in await said(await judge.click(card, "Undo"))
        assert scene.ada.timed_out_until is not None
    assert scene.rows(VERDICTS) == [("upheld", mia.id)]


async def test_nobody_acts_on_members_above_them_or_decides_about_themselves(
    scene: Scene, mia: Any
) -> None:
    async with scene.bot():
        await scene.mo.run(scene.general, "exempt moderators", exempt=False)
        message, card = await flagged(scene, by=scene.mo)  # whose role is older, hence higher
        assert "highest role is above yours" in await said(await mia.click(card, "Delete"))
        assert "above yours" in (await mia.click(card, "Timeout…")).texts
        assert "your own message" in await said(await scene.mo.click(card, "Dismiss"))
        assert not message.deleted
        owner = scene.server.owner
        await owner.click(card, "Delete")
        await shows(scene, card, "Message deleted")


async def test_what_the_bot_may_not_do_is_said_with_its_remedy(scene: Scene, mia: Any) -> None:
    async with scene.bot():
        message, card = await flagged(scene)
        scene.general.set_permissions(scene.server.bot, manage_messages=False)
        reply = await mia.click(card, "Delete")
        assert "I lack Manage Messages" in await said(reply)
        assert "Give my role" in await said(reply)
        assert not message.deleted
        assert card.content == ""
        scene.general.set_permissions(scene.server.bot, manage_messages=True)
        await mia.click(card, "Delete")
        await shows(scene, card, "Message deleted")


async def test_an_author_who_has_left_cannot_be_timed_out(scene: Scene, mia: Any) -> None:
    async with scene.bot():
        _, card = await flagged(scene)
        menu = (await mia.click(card, "Timeout…")).message
        scene.ada.leave()
        await mia.select(menu, ["600"])
        await becomes(scene, menu, "The member has left the server.")
        again = await mia.click(card, "Timeout…")
        assert again.texts == "The member has left the server."
        await mia.click(card, "Uphold")
        await shows(scene, card, "Upheld")


async def test_a_decision_that_was_purged_says_so(scene: Scene) -> None:
    async with scene.bot():
        _, card = await flagged(scene)
    scene.change("DELETE FROM decisions")
    async with scene.bot(log_channel=False):
        reply = await scene.mo.click(card, "Uphold")
        assert "no longer in the log" in await said(reply)
        await scene.wire.wait_until(lambda: not card.buttons)


async def test_nothing_more_is_done_about_an_author_who_was_forgotten(
    scene: Scene, mia: Any
) -> None:
    async with scene.bot():
        _, card = await flagged(scene)
        await mia.click(card, "Dismiss")
        await shows(scene, card, "Dismissed")
        asked = await scene.ada.run(scene.general, "privacy forget")
        (question,) = [one for one in (asked.message, *asked.followups) if one and one.buttons]
        await scene.ada.click(question, "Delete what is stored of me")
        await scene.wire.wait_until(lambda: question.content.startswith("Done."))
        refused = await said(await mia.click(card, "Undo"))
        assert refused.startswith("The author of decision 1 asked to be forgotten")
        await scene.wire.wait_until(lambda: not card.buttons)
    assert scene.rows("SELECT author_id FROM decisions") == [(0,)]
    assert scene.rows("SELECT * FROM cards") == []
    assert scene.rows(VERDICTS) == [("dismissed", mia.id)]


@pytest.mark.parametrize("on_record", [True, False])
async def test_nobody_is_asked_to_time_a_webhook_out(
    scene: Scene, mia: Any, on_record: bool
) -> None:
    hook = scene.general.add_webhook("News")
    async with scene.bot():
        await scene.mo.run(scene.general, "exempt bots", exempt=False)
        await hook.post("you idiot")
        card = await scene.wire.wait_for_message(scene.log)
        await settled(scene)
        assert labels(card) == ["Uphold", "Dismiss", "Delete"]
        _, other = await flagged(scene)
    if not on_record:  # as if the database had been full when they were posted
        scene.change("DELETE FROM cards")
    async with scene.bot(log_channel=False):
        await mia.click(card, "Uphold")
        await shows(scene, card, "Upheld")
        assert labels(card) == ["Delete", "Undo"]
        await mia.click(other, "Uphold")
        await shows(scene, other, "Upheld")
        assert labels(other) == ["Delete", "Timeout…", "Undo"]
