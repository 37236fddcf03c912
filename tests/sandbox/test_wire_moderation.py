"""What the bot does to members and messages, what it may not, and what is written down."""

from __future__ import annotations

from datetime import timedelta

import discord
import pytest
from wire_client import Bot, Demo

from sandbox.wire import Wire

REASON = "toxic 0.97 > 0.80 – see #mod-log"


def guild_of(bot: Bot, demo: Demo) -> discord.Guild:
    guild = bot.get_guild(demo.server.id)
    assert guild is not None
    return guild


def member_of(bot: Bot, demo: Demo, user_id: int) -> discord.Member:
    member = guild_of(bot, demo).get_member(user_id)
    assert member is not None
    return member


async def test_timeout(wire: Wire, demo: Demo, bot: Bot) -> None:
    ada = member_of(bot, demo, demo.ada.id)
    await ada.timeout(timedelta(minutes=10), reason=REASON)
    assert demo.ada.timed_out_until is not None
    _, after = await bot.hears("member_update")
    assert after.is_timed_out()
    entry = demo.server.audit_log[-1]
    assert (entry["action_type"], entry["reason"]) == (24, REASON)
    request = await wire.wait_for_request("PATCH", f"/members/{demo.ada.id}")
    assert request.reason == REASON
    with pytest.raises(Exception, match="50013"):
        await demo.ada.post(demo.general, "I cannot speak")
    wire.advance(601)
    assert demo.ada.timed_out_until is None
    await demo.ada.post(demo.general, "now I can")


async def test_timeouts_that_discord_refuses(demo: Demo, bot: Bot) -> None:
    ada = member_of(bot, demo, demo.ada.id)
    with pytest.raises(discord.HTTPException) as too_long:
        await ada.timeout(timedelta(days=29))
    assert too_long.value.code == 50035
    boss = demo.server.add_member("boss", permissions=discord.Permissions(administrator=True))
    await bot.hears("member_join")
    with pytest.raises(discord.Forbidden) as administrator:
        await member_of(bot, demo, boss.id).timeout(timedelta(minutes=1))
    assert administrator.value.code == 50013


async def test_hierarchy(demo: Demo, bot: Bot) -> None:
    owner = guild_of(bot, demo).owner
    assert owner is not None
    with pytest.raises(discord.Forbidden) as refused:
        await owner.kick(reason="a coup")
    assert refused.value.code == 50013


async def test_kick_ban_and_unban(demo: Demo, bot: Bot) -> None:
    guild = guild_of(bot, demo)
    await member_of(bot, demo, demo.mo.id).kick(reason="kicked")
    assert not demo.mo.present
    ada = member_of(bot, demo, demo.ada.id)
    await ada.ban(reason="banned")
    assert not demo.ada.present
    assert demo.server.bans == {demo.ada.id: "banned"}
    assert (await guild.fetch_ban(ada)).reason == "banned"
    await guild.unban(ada, reason="forgiven")
    assert demo.server.bans == {}
    reasons = [entry["reason"] for entry in demo.server.audit_log]
    assert reasons == ["kicked", "banned", "forgiven"]


async def test_roles(demo: Demo, bot: Bot) -> None:
    role = demo.server.add_role("muted")
    ada = member_of(bot, demo, demo.ada.id)
    await ada.add_roles(discord.Object(role.id), reason="quiet now")
    assert role.id in demo.ada.roles
    await ada.remove_roles(discord.Object(role.id))
    assert role.id not in demo.ada.roles
    demo.ada.give_role(role)
    await bot.hears("member_update", 3)
    assert role.id in {one.id for one in member_of(bot, demo, demo.ada.id).roles}


async def test_deleting_others_messages_is_logged(demo: Demo, bot: Bot) -> None:
    message = await demo.ada.post(demo.general, "bad")
    await (await bot.hears("message")).delete()
    channel = bot.get_channel(demo.general.id)
    assert isinstance(channel, discord.TextChannel)
    assert message.deleted
    entry = demo.server.audit_log[-1]
    assert (entry["action_type"], entry["target_id"]) == (72, str(demo.ada.id))
    second = await demo.ada.post(demo.general, "worse")
    await bot.http.delete_message(channel.id, second.id, reason=REASON)
    assert demo.server.audit_log[-1]["reason"] == REASON
    entries = [entry async for entry in guild_of(bot, demo).audit_logs(limit=1)]
    assert entries[0].action is discord.AuditLogAction.message_delete
    assert entries[0].reason == REASON


@pytest.mark.parametrize(
    ("lacking", "code"),
    [("view_channel", 50001), ("send_messages", 50013), ("embed_links", 50013)],
)
async def test_sending_without_permission(demo: Demo, bot: Bot, lacking: str, code: int) -> None:
    demo.mods.set_permissions(demo.server.bot, **{lacking: False})
    channel = bot.get_partial_messageable(demo.mods.id)
    with pytest.raises(discord.Forbidden) as refused:
        await channel.send("alert", embed=discord.Embed(title="Flag"))
    assert refused.value.code == code
    demo.mods.set_permissions(demo.server.bot, **{lacking: None})
    await channel.send("alert", embed=discord.Embed(title="Flag"))


async def test_attaching_without_permission(demo: Demo, bot: Bot) -> None:
    demo.mods.set_permissions(demo.server.everyone, attach_files=False)
    demo.server.bot_role.set_permissions(discord.Permissions(send_messages=True))
    channel = bot.get_partial_messageable(demo.mods.id)
    await channel.send("no file")
    with pytest.raises(discord.Forbidden):
        await channel.send("a file", file=discord.File(__file__))


async def test_deleting_without_permission(demo: Demo, bot: Bot) -> None:
    demo.server.bot_role.set_permissions(discord.Permissions(view_channel=True))
    message = await demo.ada.post(demo.general, "bad")
    with pytest.raises(discord.Forbidden) as refused:
        await (await bot.hears("message")).delete()
    assert refused.value.code == 50013
    assert not message.deleted


async def test_client_sees_its_permissions_change(demo: Demo, bot: Bot) -> None:
    channel = bot.get_channel(demo.mods.id)
    assert isinstance(channel, discord.TextChannel)
    assert channel.permissions_for(channel.guild.me).send_messages
    demo.mods.set_permissions(demo.server.bot, send_messages=False)
    await bot.hears("guild_channel_update")
    assert not channel.permissions_for(channel.guild.me).send_messages
