"""When flags cannot be shown: whoever can mend it hears of it once, and the rest is told later."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import discord
import pytest

from bot.chat import crowds, posting, stubborn, unseen
from sandbox.wire import Channel, Message, Role
from tests.cogs.acting import enforce
from tests.conftest import Scene
from tests.patience import until

MISSED = "SELECT flags + crowded FROM unshown"
SETTLED = "SELECT COUNT(*) FROM decisions WHERE outcome IS NOT NULL"


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unseen, "MAKE_UP_AFTER_S", 0.0)


def staff_channel(scene: Scene, *, readers: Sequence[Role] = ()) -> Channel:
    """A channel that the moderator reads, and nobody else but these."""
    channel = scene.server.add_channel("staff")
    moderators = [Role(scene.server, role_id) for role_id in scene.mo.roles]
    channel.set_permissions(scene.server.bot, view_channel=True, send_messages=True)
    for role in (*moderators, *readers):
        channel.set_permissions(role, view_channel=True)
    channel.set_permissions(scene.server.everyone, view_channel=False)
    return channel


async def flag(scene: Scene, times: int = 1) -> None:
    """Post what is flagged and wait until it is dealt with."""
    (before,) = scene.rows(SETTLED)[0]
    for number in range(times):
        await scene.ada.post(scene.general, f"you idiot {before + number}")
    await until(lambda: scene.rows(SETTLED) == [(before + times,)])


async def alarm(scene: Scene, channel: Channel) -> Message:
    return await scene.wire.wait_for_message(channel, where=lambda one: "alerts:**" in one.content)


def said(channel: Channel) -> list[str]:
    return [message.content for message in channel.bot_messages if not message.embeds]


async def test_moderators_are_told_once_that_nobody_sees_what_is_done(scene: Scene) -> None:
    staff = staff_channel(scene)
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        scene.log.delete()
        await flag(scene)
        told = await alarm(scene, staff)
        await flag(scene, 3)
        await scene.wire.quiet()
    assert "**In Demo nobody sees alerts:** the log channel is gone." in told.content
    assert "This server enforces" in told.content
    assert "Choose another in the server with `/logchannel set`" in told.content
    assert "idiot" not in told.content
    assert len(said(staff)) == 1
    assert not said(scene.general)
    assert not scene.server.owner.dms.messages
    # The next run knows that it was told.
    async with scene.bot(log_channel=False):
        await flag(scene)
        await scene.wire.quiet()
    assert len(said(staff)) == 1
    assert scene.rows(MISSED) == [(5,)]


async def test_it_is_told_again_a_day_later(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    staff = staff_channel(scene)
    async with scene.bot():
        scene.log.delete()
        await flag(scene)
        told = await alarm(scene, staff)
        assert "enforces" not in told.content
        monkeypatch.setattr(unseen, "TELL_AGAIN", timedelta(0))
        await flag(scene)
        await scene.wire.wait_until(lambda: len(said(staff)) == 2, what="another alarm")


async def test_it_is_told_after_a_stop_that_came_first(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff, begun = staff_channel(scene), asyncio.Event()

    async def never(*_: object) -> bool:
        begun.set()
        await asyncio.Event().wait()
        return True

    with monkeypatch.context() as patch:
        patch.setattr(unseen, "_tell_somebody", never)
        async with scene.bot():
            scene.log.delete()
            await flag(scene)
            await begun.wait()
    async with scene.bot(log_channel=False):
        await flag(scene)
        await alarm(scene, staff)


async def test_a_log_channel_that_is_closed_to_the_bot_is_told_by_name(scene: Scene) -> None:
    staff = staff_channel(scene)
    async with scene.bot():
        scene.log.set_permissions(scene.server.bot, send_messages=False)
        await flag(scene)
        told = await alarm(scene, staff)
    assert f"they belong in <#{scene.log.id}>, but there I lack Send Messages" in told.content
    assert "Give my role what it lacks, in that channel’s own permissions" in told.content


async def test_the_owner_hears_of_it_where_no_channel_is_the_moderators_own(scene: Scene) -> None:
    # Those who may read it do not moderate.
    staff_channel(scene, readers=[scene.server.add_role("members")])
    async with scene.bot():
        scene.log.delete()
        await flag(scene)
        await alarm(scene, scene.server.owner.dms)
        await scene.wire.quiet()
    assert not said(scene.general)


async def test_everybody_hears_no_more_than_that_somebody_has_to_look(scene: Scene) -> None:
    scene.server.owner.close_dms()
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        scene.log.delete()
        await flag(scene, 2)
        told = await scene.wire.wait_for_message(
            scene.general, where=lambda one: "`/doctor`" in one.content
        )
        await scene.wire.quiet()
    assert said(scene.general) == [told.content]
    assert "nobody sees" not in told.content


async def test_who_chose_no_log_channel_is_not_told(scene: Scene) -> None:
    staff = staff_channel(scene)
    async with scene.bot(log_channel=False):
        await flag(scene, 2)
        await scene.wire.quiet()
        assert not said(staff)
        assert not scene.server.owner.dms.messages
        await scene.mo.run(scene.general, "logchannel set", channel=scene.log)
        line = await scene.wire.wait_for_message(scene.log)
    assert "**2 flags were not shown here:**" in line.content
    assert "`/log recent` lists them." in line.content
    assert scene.rows(MISSED) == []


async def test_what_was_not_shown_is_told_in_the_new_channel(scene: Scene) -> None:
    staff = staff_channel(scene)
    async with scene.bot():
        scene.log.delete()
        await flag(scene, 2)
        await alarm(scene, staff)
    scene.log = scene.server.add_channel("new-log")
    async with scene.bot():
        line = await scene.wire.wait_for_message(
            scene.log, where=lambda one: "not shown" in one.content
        )
        assert line.content.startswith("**2 flags were not shown here:** since <t:")
        # A loss that comes later is a new one.
        scene.log.set_permissions(scene.server.bot, embed_links=False)
        await flag(scene)
        await scene.wire.wait_until(lambda: len(said(staff)) == 2, what="another alarm")
        # It is enough that the channel works again.
        scene.log.set_permissions(scene.server.bot, embed_links=True)
        await scene.wire.wait_until(lambda: len(said(scene.log)) == 2, what="another line")
    assert scene.rows(MISSED) == []


async def test_a_channel_that_is_chosen_while_the_last_one_is_looked_for_is_told(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff = staff_channel(scene)
    async with scene.bot():
        scene.log.delete()
        await flag(scene, 2)
        await alarm(scene, staff)
    find, looked, go_on = unseen.find_log_channel, asyncio.Event(), asyncio.Event()

    async def find_slowly(server: discord.Guild, channel_id: int | None) -> Any:
        found = await find(server, channel_id)
        looked.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(unseen, "find_log_channel", find_slowly)
    scene.log = scene.server.add_channel("new-log")
    async with scene.bot(log_channel=False):
        await looked.wait()
        await scene.mo.run(scene.general, "logchannel set", channel=scene.log)
        go_on.set()
        line = await scene.wire.wait_for_message(scene.log)
    assert line.content.startswith("**2 flags were not shown here:**")


async def test_a_card_that_gets_through_brings_word_of_one_that_did_not(scene: Scene) -> None:
    async with scene.bot():
        fault = scene.wire.faults.refuse("POST", f"*/channels/{scene.log.id}/messages", status=400)
        await flag(scene)
        scene.wire.faults.remove(fault)
        assert scene.rows("SELECT outcome FROM decisions") == [("failed",)]
        await flag(scene)
        await scene.wire.wait_until(lambda: bool(said(scene.log)), what="a line")
        await scene.wire.quiet()
    assert ["1 flag was not shown" in line for line in said(scene.log)] == [True]


@pytest.mark.parametrize("crash", [True, False])
async def test_a_line_that_was_not_posted_before_the_end_is_made_up_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, crash: bool
) -> None:
    monkeypatch.setattr(posting, "MOST_PENDING", 0)
    monkeypatch.setattr(crowds, "SUM_UP_EVERY_S", 3600.0)
    async with scene.bot():
        await enforce(scene, "insult", "delete")
        await flag(scene, 3)
        if crash:
            await until(lambda: scene.rows(MISSED) == [(3,)])

            async def die(_self: Any) -> None:
                """End as a process does that is killed."""

            monkeypatch.setattr(crowds.Crowds, "drain", die)
    lines = said(scene.log)
    assert len(lines) == (0 if crash else 1)
    async with scene.bot(log_channel=False):
        if crash:
            await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
    assert len(said(scene.log)) == 1
    assert ("3 flags were not shown" if crash else "3 more messages") in said(scene.log)[0]
    await until(lambda: scene.rows(MISSED) == [])


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Discord could not answer is tried again almost at once."""
    monkeypatch.setattr(stubborn, "_FIRST_S", 0.05)
    monkeypatch.setattr(posting, "_LONGEST_S", 0.05)


async def test_a_card_is_posted_once_discord_answers_again(scene: Scene, soon: None) -> None:
    scene.wire.faults.server_error(
        "POST", f"/channels/{scene.log.id}/messages", status=503, times=8
    )
    async with scene.bot():
        await flag(scene)
        await scene.wire.quiet()
        assert len([one for one in scene.log.bot_messages if one.embeds]) == 1
        assert not said(scene.log)
    assert scene.rows("SELECT outcome FROM decisions") == [("alerted",)]


async def test_a_line_tells_of_cards_that_discord_took_too_long_for(
    scene: Scene, soon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "KEEP_TRYING_S", 0.0)
    path = f"/channels/{scene.log.id}/messages"
    fault = scene.wire.faults.server_error("POST", path, status=503, times=None)
    async with scene.bot():
        await flag(scene, 2)
        assert scene.rows("SELECT DISTINCT outcome FROM decisions") == [("failed",)]
        tried = fault.hits
        await until(lambda: fault.hits > tried + 2)
        scene.wire.faults.remove(fault)
        await scene.wire.wait_until(lambda: bool(said(scene.log)), what="a line")
        await scene.wire.quiet()
        assert ["2 flags were not shown" in line for line in said(scene.log)] == [True]
    assert scene.rows(MISSED) == []
