"""Whose messages are screened, and whose are left alone."""

import discord

from tests.conftest import Scene

DECIDED = "SELECT message_id FROM decisions ORDER BY id"


async def test_who_is_not_screened_by_default(scene: Scene) -> None:
    other_bot = scene.server.add_member("otherbot", bot=True)
    hook = scene.general.add_webhook("News")
    async with scene.bot():
        await scene.mo.post(scene.general, "idiot")
        await other_bot.post(scene.general, "idiot")
        await hook.post("idiot")
        scene.general.post_system_message(discord.MessageType.new_member, by=scene.ada)
        await scene.ada.dm("idiot")
        await scene.wire.quiet()
    assert scene.rows(DECIDED) == []


async def test_a_moderator_of_one_channel_is_a_moderator_there_only(scene: Scene) -> None:
    other = scene.server.add_channel("other")
    other.set_permissions(scene.ada, manage_messages=True)
    async with scene.bot():
        await scene.ada.post(other, "idiot")
        here = await scene.ada.post(scene.general, "idiot")
        await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
    assert [row[0] for row in scene.rows(DECIDED)] == [here.id]


async def test_a_moderator_who_is_denied_it_in_a_channel_is_screened_there(scene: Scene) -> None:
    scene.general.set_permissions(scene.mo, manage_messages=False)
    async with scene.bot():
        await scene.mo.post(scene.general, "idiot")
        await scene.wire.wait_for_message(scene.log)


async def test_exempt_roles_channels_and_categories(scene: Scene) -> None:
    helpers = scene.server.add_role("helpers")
    vent = scene.server.add_channel("vent")
    async with scene.bot():
        await scene.mo.run(scene.general, "exempt add", role=helpers, channel=vent)
        await scene.ada.post(vent, "idiot")
        thread = vent.add_thread("in it", by=scene.ada)
        await scene.ada.post(thread, "idiot")
        scene.ada.give_role(helpers)
        await scene.ada.post(scene.general, "idiot")
        await scene.wire.quiet()
        assert scene.rows(DECIDED) == []
        await scene.mo.run(scene.general, "exempt remove", role=helpers)
        await scene.ada.post(scene.general, "idiot")
        await scene.wire.wait_for_message(scene.log)


async def test_bots_and_moderators_can_be_screened_too(scene: Scene) -> None:
    other_bot = scene.server.add_member("otherbot", bot=True)
    hook = scene.general.add_webhook("News")
    async with scene.bot():
        await scene.mo.run(scene.general, "exempt bots", exempt=False)
        await scene.mo.run(scene.general, "exempt moderators", exempt=False)
        await other_bot.post(scene.general, "idiot")
        await hook.post("idiot")
        await scene.mo.post(scene.general, "idiot")
        for _ in range(3):
            await scene.wire.wait_for_message(scene.log)
