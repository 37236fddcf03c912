"""The wire and the client against Discord's own specification and recorded payloads.

Neither is part of this project; without them these tests are skipped.
"""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import discord
import pytest
from discord import app_commands
from specification import ROOT, load
from wire_client import Bot, Demo, pointed_at, running

from sandbox.wire import Wire

pytestmark = pytest.mark.skipif(
    not (ROOT / "openapi.json").exists(), reason="needs Discord's specification beside the project"
)


def faults_in(wire: Wire) -> list[str]:
    return [fault for request in wire.requests for fault in load().faults_of(request)]


class Panel(discord.ui.View):
    @discord.ui.button(label="Update", custom_id="update")
    async def update(self, interaction: discord.Interaction, button: Any) -> None:
        await interaction.response.edit_message(content="updated")

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction: discord.Interaction, button: Any) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content="updated later")
        await interaction.followup.send("and more")

    @discord.ui.button(label="Ask", custom_id="ask")
    async def ask(self, interaction: discord.Interaction, button: Any) -> None:
        await interaction.response.send_modal(Reason())


class Reason(discord.ui.Modal, title="Why?"):
    why: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Reason", custom_id="why")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message("thanks", ephemeral=True, view=Panel())
        await interaction.edit_original_response(content="thanks again")


async def test_messages_and_channels(wire: Wire, demo: Demo, bot: Bot) -> None:
    forum = demo.server.add_channel("ideas", "forum")
    voice = demo.server.add_channel("voice", "voice")
    posted = await demo.ada.post(demo.general, "hello", attachments=[("a.txt", b"a")])
    await demo.ada.forward(posted, to=demo.random)
    await demo.ada.post(demo.general, poll=("Which?", ["this", "that"]))
    await demo.ada.post(demo.general, "reply", reply_to=posted)
    spam = [await demo.ada.post(demo.general, f"spam {number}") for number in range(2)]
    await bot.hears("message", 6)

    channel = bot.get_channel(demo.general.id)
    assert isinstance(channel, discord.TextChannel)
    history = [message async for message in channel.history()]
    embed = discord.Embed(title="Flag", description="why", colour=0xAA0000, url="https://a.org")
    embed.set_author(name="ada").set_footer(text="now").add_field(name="toxic", value="0.9")
    card = await channel.send(
        "alert",
        embed=embed,
        view=Panel(),
        file=discord.File(io.BytesIO(b"chart"), "chart.png", description="a chart"),
        allowed_mentions=discord.AllowedMentions.none(),
        reference=history[-1],
    )
    await card.edit(content="settled", view=None, attachments=[])
    await (await channel.fetch_message(card.id)).forward(channel)
    await card.add_reaction("👍")
    await card.delete()
    await channel.delete_messages([discord.Object(one.id) for one in spam], reason="spam")
    await channel.create_thread(name="aside", type=discord.ChannelType.public_thread)
    ideas = bot.get_channel(forum.id)
    assert isinstance(ideas, discord.ForumChannel)
    await ideas.create_thread(name="idea", content="text")
    await bot.get_partial_messageable(voice.id).send("in voice chat")
    await channel.edit(topic="talk")
    await channel.set_permissions(channel.guild.default_role, send_messages=True)
    await channel.create_webhook(name="hook")
    await channel.webhooks()
    await bot.fetch_channel(demo.general.id)
    with pytest.raises(discord.HTTPException):
        await channel.send("x" * 2001)

    assert faults_in(wire) == []
    assert wire.gaps == []


async def test_servers_and_members(wire: Wire, demo: Demo, bot: Bot) -> None:
    role = demo.server.add_role("muted")
    guild = bot.get_guild(demo.server.id)
    assert guild is not None
    ada = await guild.fetch_member(demo.ada.id)
    await ada.timeout(timedelta(minutes=5), reason="insult 0.9")
    await ada.timeout(None)
    await ada.add_roles(discord.Object(role.id), reason="quiet")
    await ada.remove_roles(discord.Object(role.id))
    await ada.edit(nick="a")
    await ada.send("a direct message")
    await ada.ban(reason="enough")
    await guild.fetch_ban(ada)
    assert [ban.reason async for ban in guild.bans()] == ["enough"]
    await guild.unban(ada)
    assert len([entry async for entry in guild.audit_logs()]) >= 5
    assert [one async for one in guild.fetch_members()]
    assert [one async for one in bot.fetch_guilds()]
    await bot.fetch_guild(demo.server.id)
    await bot.fetch_user(demo.mo.id)
    await guild.fetch_channels()
    await guild.fetch_roles()
    await guild.active_threads()
    await guild.create_text_channel("more")
    await bot.application_info()
    await bot.http.get_bot_gateway()

    assert faults_in(wire) == []
    assert wire.gaps == []


async def test_commands_and_interactions(wire: Wire, demo: Demo) -> None:
    bot = Bot()
    group = app_commands.Group(name="thresholds", description="Thresholds")

    @group.command(name="set", description="Set one")
    @app_commands.describe(value="0 to 1")
    async def set_one(
        interaction: discord.Interaction,
        label: str,
        value: app_commands.Range[float, 0, 1],
        channel: discord.TextChannel | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.followup.send(f"{label} {value}")

    @set_one.autocomplete("label")
    async def labels(
        interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name="Toxic", value="toxic")]

    bot.tree.add_command(group)

    @bot.tree.context_menu(name="Check message")
    @app_commands.default_permissions(manage_messages=True)
    async def check_message(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message("checked", view=Panel())

    async with running(bot, wire):
        await bot.tree.sync()
        await bot.tree.sync(guild=discord.Object(demo.server.id))
        for command in await bot.tree.fetch_commands():
            await bot.tree.fetch_command(command.id)
        await demo.mo.autocomplete(demo.general, "thresholds set", "label", "t")
        await demo.mo.run(
            demo.general, "thresholds set", label="toxic", value=0.5, channel=demo.mods
        )
        message = await demo.ada.post(demo.general, "hello")
        card = (await demo.mo.use_on(message, "Check message")).message
        assert card is not None
        await demo.mo.click(card, "Update")
        await (await demo.mo.click(card, "Later")).followup()
        thanks = await demo.mo.submit(await demo.mo.click(card, "Ask"), {"why": "spam"})
        await wire.wait_until(lambda: thanks.content == "thanks again")

        assert faults_in(wire) == []
        assert wire.gaps == []


async def test_errors_and_rate_limits(wire: Wire, demo: Demo, bot: Bot) -> None:
    channel = bot.get_partial_messageable(demo.general.id)
    wire.faults.rate_limit("POST", "*", retry_after_s=0.05)
    await channel.send("after a while")
    wire.faults.refuse("POST", "*")
    with pytest.raises(discord.Forbidden):
        await channel.send("refused")
    assert {429, 403} <= {request.status for request in wire.requests}
    assert faults_in(wire) == []


async def test_the_check_itself_finds_faults(wire: Wire, demo: Demo, bot: Bot) -> None:
    await bot.get_partial_messageable(demo.general.id).send("hello")
    request = wire.requests[-1]
    assert load().faults_of(request) == []
    broken = {**request.answer, "channel_id": ["not an id"]}
    assert load().faults_of(replace(request, answer=broken))
    assert load().faults_of(replace(request, answer={}))
    assert load().faults_of(replace(request, status=201))
    assert load().faults_of(replace(request, body={"content": 7}))
    assert load().faults_of(replace(request, path="/nonsense"))


def captured(name: str) -> list[Any]:
    return json.loads((ROOT / "captures" / f"{name}.json").read_text())


def recorded_events() -> list[dict[str, Any]]:
    """Every recorded event: first READY, then the servers, then the rest."""
    names = sorted(path.stem for path in (ROOT / "captures").glob("gateway_*.json"))
    events = [event for name in names for event in captured(name) if event["op"] == 0]
    first = {"READY": 0, "GUILD_CREATE": 1}
    return sorted(events, key=lambda event: (first.get(event["t"], 2), event["s"]))


async def test_client_takes_the_recorded_events() -> None:
    async with Wire() as wire, pointed_at(wire):
        bot = Bot(chunk_guilds_at_startup=False)
        async with running(bot, wire):
            for event in recorded_events():
                if event["t"] == "READY":
                    event["d"]["resume_gateway_url"] = wire.gateway_url
                wire.send_event(event["t"], event["d"])
            counts: dict[str, int] = {}
            for event in recorded_events():
                counts[event["t"]] = counts.get(event["t"], 0) + 1
            await bot.hears("socket_event_type", 1 + sum(counts.values()))
            await bot.hears("message", counts["MESSAGE_CREATE"])
            await bot.hears("raw_message_edit", counts["MESSAGE_UPDATE"])
            await bot.hears("raw_message_delete", counts["MESSAGE_DELETE"])
            await bot.hears("interaction", counts["INTERACTION_CREATE"])
            await bot.hears("raw_reaction_add", counts["MESSAGE_REACTION_ADD"])
            guild = bot.get_guild(int(captured("gateway_guild_create")[0]["d"]["id"]))
            assert guild is not None
            assert guild.channels
            assert bot.errors == []


async def test_client_takes_the_recorded_replies(wire: Wire, demo: Demo, bot: Bot) -> None:
    (me,) = captured("rest_get_me")
    (guild,) = captured("rest_get_guild")
    (channel,) = captured("rest_get_channel")
    (message,) = captured("rest_create_message")
    (gateway,) = captured("rest_get_gateway_bot")
    wire.faults.reply("GET", "/users/*", me)
    assert (await bot.fetch_user(int(me["id"]))).name == me["username"]
    wire.faults.reply("GET", "/guilds/*", guild)
    fetched = await bot.fetch_guild(int(guild["id"]))
    assert fetched.name == guild["name"]
    wire.faults.reply("GET", "/channels/*", channel | {"guild_id": str(demo.server.id)})
    assert (await bot.fetch_channel(int(channel["id"]))).id == int(channel["id"])
    for name, fetch in (
        ("channels", fetched.fetch_channels),
        ("roles", fetched.fetch_roles),
        ("emojis", fetched.fetch_emojis),
    ):
        items = captured(f"rest_get_{name}")[0]["items"]
        wire.faults.reply("GET", f"/guilds/*/{name}", items)
        assert len(await fetch()) == len(items)
    members = captured("rest_get_members")[0]["items"]
    wire.faults.reply("GET", "/guilds/*/members", members)
    demo_guild = bot.get_guild(demo.server.id)
    assert demo_guild is not None
    found = {member.id async for member in demo_guild.fetch_members(limit=len(members))}
    assert found == {int(member["user"]["id"]) for member in members}
    wire.faults.reply("POST", "*/messages", message)
    sent = await bot.get_partial_messageable(demo.general.id).send("anything")
    assert sent.content == message["content"]
    wire.faults.reply("GET", "/gateway/bot", gateway)
    shards, url, _ = await bot.http.get_bot_gateway()
    assert (shards, url) == (gateway["shards"], gateway["url"])
