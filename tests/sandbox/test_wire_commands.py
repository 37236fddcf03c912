"""Commands, context menus, components and modals, and the three-second rule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest
from discord import app_commands
from wire_client import Bot, Demo, pointed_at, running

from sandbox.wire import CannotDo, NoReply, Wire

LABELS = ("toxic", "insult")


class Panel(discord.ui.View):
    """Every kind of answer that a component can give."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Update", custom_id="update")
    async def update(self, interaction: discord.Interaction, button: Any) -> None:
        await interaction.response.edit_message(content="updated")

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction: discord.Interaction, button: Any) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content="updated later")
        await interaction.followup.send("for you alone", ephemeral=True)

    @discord.ui.button(label="Ask", custom_id="ask")
    async def ask(self, interaction: discord.Interaction, button: Any) -> None:
        await interaction.response.send_modal(Reason())

    @discord.ui.button(label="Off", custom_id="off", disabled=True)
    async def off(self, interaction: discord.Interaction, button: Any) -> None:
        raise AssertionError("nobody can click this")

    @discord.ui.select(options=[discord.SelectOption(label=label) for label in LABELS])
    async def pick(self, interaction: discord.Interaction, select: Any) -> None:
        await interaction.response.send_message(f"picked {select.values[0]}")


class Reason(discord.ui.Modal, title="Why?"):
    why: discord.ui.TextInput[Any] = discord.ui.TextInput(
        label="Reason", custom_id="why", min_length=3
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"because {self.why.value}", ephemeral=True)


def add_commands(bot: Bot) -> None:
    tree = bot.tree

    @tree.command(description="Score a text")
    @app_commands.default_permissions(manage_messages=True)
    async def check(interaction: discord.Interaction, text: str) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.followup.send(f"checked {text}", embed=discord.Embed(title="bars"))

    thresholds = app_commands.Group(name="thresholds", description="Thresholds")

    @thresholds.command(name="set", description="Set one")
    async def set_one(
        interaction: discord.Interaction,
        label: str,
        value: app_commands.Range[float, 0, 1],
        channel: discord.TextChannel | None = None,
        member: discord.Member | None = None,
        role: discord.Role | None = None,
    ) -> None:
        named = [one.name for one in (channel, member, role) if one is not None]
        await interaction.response.send_message(" ".join([label, f"{value:.2f}", *named]))

    @set_one.autocomplete("label")
    async def labels(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice]:
        return [
            app_commands.Choice(name=label.title(), value=label)
            for label in LABELS
            if label.startswith(typed)
        ]

    tree.add_command(thresholds)

    @tree.context_menu(name="Check message")
    async def check_message(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"checked {message.content}", ephemeral=True)

    @tree.context_menu(name="Who is this")
    async def who(interaction: discord.Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(member.name)

    @tree.command(description="A panel")
    async def panel(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("panel", view=Panel())

    @tree.command(description="Says it piece by piece")
    async def pieces(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("first", ephemeral=True)
        second = await interaction.followup.send("second", wait=True)
        await second.edit(content="second, edited")
        await interaction.edit_original_response(content="first, edited")
        assert (await interaction.original_response()).content == "first, edited"
        await interaction.delete_original_response()

    @tree.command(description="Too late")
    async def sleepy(interaction: discord.Interaction) -> None:
        await asyncio.sleep(0.6)
        await interaction.response.send_message("is anybody there?")

    @tree.command(description="Never finishes")
    async def mute(interaction: discord.Interaction) -> None:
        await interaction.response.defer()

    @tree.error
    async def on_error(interaction: discord.Interaction, error: Exception) -> None:
        bot.errors.append(str(getattr(error, "original", error)))


@pytest.fixture
async def bot(wire: Wire, demo: Demo) -> AsyncIterator[Bot]:
    bot = Bot()
    add_commands(bot)
    async with running(bot, wire):
        await bot.tree.sync()
        yield bot


async def test_commands_are_registered_and_keep_their_ids(wire: Wire, bot: Bot) -> None:
    first = {command.name: command.id for command in await bot.tree.fetch_commands()}
    assert set(first) >= {"check", "thresholds", "Check message"}
    bot.tree.remove_command("mute")
    await bot.tree.sync()
    second = {command.name: command.id for command in await bot.tree.fetch_commands()}
    assert second == {name: number for name, number in first.items() if name != "mute"}


async def test_single_command_is_edited_and_deleted(bot: Bot) -> None:
    command = next(one for one in await bot.tree.fetch_commands() if one.name == "panel")
    await command.edit(description="Another panel")
    assert (await bot.tree.fetch_command(command.id)).description == "Another panel"
    await command.delete()
    with pytest.raises(discord.NotFound):
        await bot.tree.fetch_command(command.id)


async def test_server_commands(demo: Demo, bot: Bot) -> None:
    @bot.tree.command(description="Only here", guild=discord.Object(demo.server.id))
    async def local(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"in {interaction.guild}")

    await bot.tree.sync(guild=discord.Object(demo.server.id))
    assert (await demo.ada.run(demo.general, "local")).content == "in Demo"


async def test_deferred_reply(demo: Demo, bot: Bot) -> None:
    reply = await demo.mo.run(demo.general, "check", text="hello")
    assert reply.deferred
    assert reply.ephemeral
    assert reply.content == "checked hello"
    assert reply.embeds[0]["title"] == "bars"
    assert reply.after_s < 3
    assert bot.of("message") == [], "an ephemeral reply is no message in the channel"


async def test_options_of_every_kind(demo: Demo, bot: Bot) -> None:
    role = demo.server.add_role("helpers")
    reply = await demo.mo.run(
        demo.general,
        "thresholds set",
        label="toxic",
        value=0.5,
        channel=demo.mods,
        member=demo.ada,
        role=role,
    )
    assert reply.content == "toxic 0.50 mod-log ada helpers"
    assert not reply.ephemeral


async def test_autocompletion(demo: Demo, bot: Bot) -> None:
    offered = await demo.mo.autocomplete(demo.general, "thresholds set", "label", "ins")
    assert offered == [{"name": "Insult", "value": "insult"}]


async def test_context_menus(demo: Demo, bot: Bot) -> None:
    message = await demo.ada.post(demo.general, "look at this")
    reply = await demo.mo.use_on(message, "Check message")
    assert reply.content == "checked look at this"
    assert reply.ephemeral
    assert (await demo.mo.use_on(demo.ada, "Who is this")).content == "ada"


async def test_default_permissions_hide_a_command(demo: Demo, bot: Bot) -> None:
    with pytest.raises(CannotDo, match="force=True"):
        await demo.ada.run(demo.general, "check", text="hello")
    reply = await demo.ada.run(demo.general, "check", text="hello", force=True)
    assert reply.content == "checked hello", "the bot itself has no check here"


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("nonsense", {}, "no command"),
        ("thresholds nonsense", {}, "subcommand"),
        ("check", {}, "needs the option"),
        ("check", {"text": "a", "more": 1}, "no option 'more'"),
        ("thresholds set", {"label": "toxic", "value": 2.0}, "≤ 1"),
        ("thresholds set", {"label": "toxic", "value": "high"}, "number"),
        ("thresholds set", {"label": "toxic", "value": 0.1, "channel": "general"}, "expected"),
    ],
)
async def test_what_the_client_would_not_send(
    demo: Demo, bot: Bot, name: str, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(CannotDo, match=problem):
        await demo.mo.run(demo.general, name, **options)
    assert bot.of("interaction") == []


async def test_component_answers(wire: Wire, demo: Demo, bot: Bot) -> None:
    panel = (await demo.mo.run(demo.general, "panel")).message
    assert panel is not None
    assert [button["label"] for button in panel.buttons] == ["Update", "Later", "Ask", "Off"]
    assert (await demo.ada.click(panel, "Update")).content == "updated"
    assert panel.content == "updated"
    later = await demo.ada.click(panel, custom_id="later")
    assert later.deferred
    followup = await later.followup()
    assert (followup.content, followup.ephemeral) == ("for you alone", True)
    assert panel.content == "updated later"
    assert (await demo.ada.select(panel, ["insult"])).content == "picked insult"


async def test_modal(demo: Demo, bot: Bot) -> None:
    panel = (await demo.mo.run(demo.general, "panel")).message
    assert panel is not None
    asked = await demo.mo.click(panel, "Ask")
    assert asked.modal is not None
    assert asked.modal["title"] == "Why?"
    with pytest.raises(CannotDo, match="at least 3"):
        await demo.mo.submit(asked, {"why": "no"})
    with pytest.raises(CannotDo, match="no control"):
        await demo.mo.submit(asked, {"why": "spam", "who": "me"})
    reply = await demo.mo.submit(asked, {"why": "spam"})
    assert reply.content == "because spam"


async def test_what_cannot_be_clicked(demo: Demo, bot: Bot) -> None:
    panel = (await demo.mo.run(demo.general, "panel")).message
    assert panel is not None
    with pytest.raises(CannotDo, match="disabled"):
        await demo.mo.click(panel, "Off")
    with pytest.raises(CannotDo, match="0 buttons"):
        await demo.mo.click(panel, "Nonsense")
    with pytest.raises(CannotDo, match="does not offer"):
        await demo.mo.select(panel, ["nonsense"])
    await panel.delete()
    with pytest.raises(CannotDo, match="deleted"):
        await demo.mo.click(panel, "Update")


async def test_ephemeral_replies_are_seen_by_one(demo: Demo, bot: Bot) -> None:
    panel = (await demo.mo.run(demo.general, "check", text="x")).message
    assert panel is not None
    with pytest.raises(CannotDo, match="does not see"):
        await demo.ada.click(panel, "Update")


async def test_followups_and_the_original(wire: Wire, demo: Demo, bot: Bot) -> None:
    reply = await demo.mo.run(demo.general, "pieces")
    assert reply.content == "first"
    await reply.followup()
    await wire.wait_until(lambda: reply.message is None, what="the original's deletion")
    assert [message.content for message in reply.followups] == ["second, edited"]
    assert bot.errors == []


async def test_answer_after_the_deadline_is_unknown_interaction() -> None:
    async with Wire(reply_deadline_s=0.3) as wire, pointed_at(wire):
        server = wire.add_server("Demo")
        general, ada = server.add_channel("general"), server.add_member("ada")
        bot = Bot()
        add_commands(bot)
        async with running(bot, wire):
            await bot.tree.sync()
            with pytest.raises(NoReply, match=r"0\.3 s") as silence:
                await ada.run(general, "sleepy")
            assert not silence.value.reply.acknowledged
            late = await wire.wait_for_request("POST", "/callback")
            assert (late.status, late.answer["code"]) == (404, 10062)


async def test_second_acknowledgement(wire: Wire, demo: Demo, bot: Bot) -> None:
    record = (await demo.mo.run(demo.general, "pieces")).interaction
    url = f"{wire.api_url}/interactions/{record.id}"
    async with aiohttp.ClientSession() as http:
        again = await http.post(f"{url}/{record.token}/callback", json={"type": 5})
        assert (again.status, (await again.json())["code"]) == (400, 40060)
        stranger = await http.post(f"{url}/nonsense/callback", json={"type": 5})
        assert (stranger.status, (await stranger.json())["code"]) == (404, 10062)


async def test_deferred_and_then_silent(wire: Wire, demo: Demo, bot: Bot) -> None:
    wire.world.patience_s = 0.1
    with pytest.raises(NoReply, match="deferred"):
        await demo.mo.run(demo.general, "mute")


async def test_commands_in_direct_messages(demo: Demo, bot: Bot) -> None:
    reply = await demo.ada.run(demo.ada.dms, "thresholds set", label="toxic", value=0.25)
    assert reply.content == "toxic 0.25"
