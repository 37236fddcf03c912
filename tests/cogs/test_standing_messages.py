"""What still stands after a raid goes with one click, whoever clicks and whenever."""

from __future__ import annotations

import asyncio

import discord
import pytest

from bot.chat import crowds, standing_desk
from bot.chat.card_upkeep import CardUpkeep
from sandbox.wire import Member, Message
from tests.cogs.acting import done_to, enforce
from tests.cogs.raiding import BULK, ONE, left, lines, make_small, on_record, raid
from tests.conftest import MODERATOR, Scene
from tests.patience import PATIENCE_S

SETTLED = "SELECT COUNT(*) FROM decisions WHERE outcome IS NOT NULL"
BUTTON = "Delete what still stands"
DELETED = "SELECT COUNT(*) FROM deeds WHERE kind = 'delete' AND result = 'done'"


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)
    monkeypatch.setattr("bot.chat.deletions.KEEP_TRYING_S", 0.1)


async def stands(scene: Scene, count: int = 12) -> Message:
    """A raid of which Discord lets nothing be deleted: the line that tells of it."""
    scene.wire.faults.server_error("POST", BULK, status=503, times=None)
    scene.wire.faults.server_error("DELETE", ONE, status=503, times=None)
    await enforce(scene, "insult", "delete")
    await raid(scene, count)
    await on_record(scene, SETTLED, [(count,)])
    (without,) = scene.rows("SELECT COUNT(*) FROM decisions WHERE outcome = 'crowded_out'")[0]
    await scene.wire.wait_until(
        lambda: any(f"**{without:,} flagged messages" in line for line in lines(scene)),
        what="a line",
    )
    scene.wire.faults.clear()
    return next(one for one in scene.log.bot_messages if not one.embeds)


async def clicked(moderator: Member, line: Message) -> str:
    """What a moderator who clicks is told, and nobody else."""
    reply = await (await moderator.click(line, BUTTON)).wait()
    assert reply.deferred
    assert reply.ephemeral
    return reply.texts


@pytest.mark.parametrize("restart", [True, False])
async def test_one_click_deletes_what_stands(scene: Scene, restart: bool) -> None:
    async with scene.bot():
        line = await stands(scene)
        assert [button["label"] for button in line.buttons] == [BUTTON]
        assert left(scene) == 12
        if not restart:
            told = await clicked(scene.mo, line)
            await scene.wire.wait_until(lambda: not line.buttons, what="no button")
    if restart:
        scene.log.set_permissions(scene.server.bot, read_message_history=False)
        async with scene.bot(log_channel=False):
            # What stands there already stays in the language of then.
            await scene.mo.run(scene.general, "language set", language="de")
            told = await clicked(scene.mo, line)
            await scene.wire.wait_until(lambda: not line.buttons, what="no button")
    assert told == "12 messages were deleted."
    assert f"{scene.mo.mention} had 12 more messages deleted <t:" in line.content
    assert "still stand" not in line.content
    assert "To get rid of them" not in line.content
    assert left(scene) == 0
    reasons = [reason or "" for _, _, reason in done_to(scene)]
    assert "; by mo (" in reasons[-1]
    # Who has many deleted at once has judged none of them.
    assert scene.rows("SELECT COUNT(*) FROM verdicts") == [(0,)]
    cards = [one for one in scene.log.bot_messages if one.embeds]
    assert cards
    # The bot was stopped since: it ends with what it has begun.
    assert all("Message deleted" in card.content for card in cards)


async def test_a_line_that_is_kept_up_to_date_tells_of_a_click_at_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowds, "_QUIET_LOOKS", 10**6)
    looked, say = asyncio.Event(), crowds._Line.say

    async def for_the_last_time(
        line: crowds._Line, crowd: crowds.Crowd, *, stopping: bool = False
    ) -> None:
        monkeypatch.setattr(crowds, "SUM_UP_EVERY_S", 600.0)
        await say(line, crowd, stopping=stopping)
        looked.set()

    async with scene.bot():
        line = await stands(scene)
        monkeypatch.setattr(crowds._Line, "say", for_the_last_time)
        async with asyncio.timeout(PATIENCE_S):
            await looked.wait()
        assert await clicked(scene.mo, line) == "12 messages were deleted."
        await scene.wire.wait_until(lambda: not line.buttons, what="no button")
        assert f"{scene.mo.mention} had 12 more messages deleted <t:" in line.content


async def test_who_clicks_is_answered_before_all_cards_tell_of_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    through, refresh_in = asyncio.Event(), CardUpkeep.refresh_in

    async def held(self: CardUpkeep, server: discord.Guild, decision_id: int) -> None:
        await through.wait()
        await refresh_in(self, server, decision_id)

    async with scene.bot():
        line = await stands(scene)
    monkeypatch.setattr(CardUpkeep, "refresh_in", held)
    async with scene.bot(log_channel=False):
        assert await clicked(scene.mo, line) == "12 messages were deleted."
        through.set()
        await scene.wire.wait_until(
            lambda: all(
                "Message deleted" in one.content for one in scene.log.bot_messages if one.embeds
            ),
            what="cards that say so",
        )


async def test_two_who_click_at_once_share_what_there_is(scene: Scene) -> None:
    other = scene.server.add_member("max", permissions=MODERATOR)
    async with scene.bot():
        line = await stands(scene)
        told = await asyncio.gather(clicked(scene.mo, line), clicked(other, line))
        await on_record(scene, DELETED, [(12,)])
    assert "12 messages were deleted." in told
    assert left(scene) == 0


async def test_the_line_names_both_who_had_some_of_it_deleted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing_desk, "_AT_ONCE", 1)
    both = scene.mo, scene.server.add_member("max", permissions=MODERATOR)
    async with scene.bot():
        line = await stands(scene, 8)
    async with scene.bot(log_channel=False):
        # Each begins before the other has ended.
        scene.wire.faults.slow(0.1, "DELETE", ONE, times=2)
        await asyncio.gather(*(clicked(one, line) for one in both))
        await scene.wire.wait_until(
            lambda: all(f"{one.mention} had " in line.content for one in both), what="both"
        )
        assert left(scene) == 0


async def test_who_may_not_manage_messages_there_deletes_nothing(scene: Scene) -> None:
    helper = scene.server.add_member("helper")
    async with scene.bot():
        line = await stands(scene)
        told = await clicked(helper, line)
        assert "You need the permission Manage Messages" in told
        assert left(scene) == 12
        assert line.buttons


async def test_what_cannot_be_deleted_is_counted_with_the_reason(scene: Scene) -> None:
    async with scene.bot():
        line = await stands(scene)
        scene.general.set_permissions(scene.server.bot, manage_messages=False)
        told = await clicked(scene.mo, line)
        assert f"12 messages still stand: I lack Manage Messages in <#{scene.general.id}>." in told
        assert [button["label"] for button in line.buttons] == [BUTTON]
        scene.general.set_permissions(scene.server.bot, manage_messages=True)
        told = await clicked(scene.mo, line)
        assert "12 messages were deleted." in told
        assert left(scene) == 0
