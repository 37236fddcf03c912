"""``/privacy``: what is stored, for how long and by whom; and members' say in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.commands import Refusal, answer, clip, server_id
from bot.errors import HexwardError
from bot.logs import describe
from bot.storage.excerpts import MOST_CHARACTERS
from bot.storage.members import FORGET_AFTER, Forgotten, Members
from bot.storage.privacy import (
    DEFAULT_EXCERPT_DAYS,
    MOST_EXCERPT_DAYS,
    MOST_RETENTION_DAYS,
    Privacy,
    ServerPrivacy,
)
from bot.storage.retention import KEEP_LEFT, Retention

log = logging.getLogger(__name__)

# Uses, and in how many seconds, of one member in one server.
_LOOKS = (5, 60.0)
_REQUESTS = (3, 600.0)
# Seconds in which a wish to be forgotten can be confirmed.
_CONFIRM_S = 120.0
# What Discord takes besides the file itself.
_MARGIN_BYTES = 4_096

_Cooldowns = commands.CooldownMapping[discord.Interaction[Any]]


@dataclass(frozen=True, slots=True)
class Host:
    """Who runs the bot, as members are told; either may be None."""

    contact: str | None
    policy_url: str | None


class DaysOption(app_commands.Transformer):
    """A whole number of days from 1 up."""

    type = discord.AppCommandOptionType.integer
    min_value = 1

    def __init__(self, most: int) -> None:
        self._most = most

    @property
    def max_value(self) -> int:
        return self._most

    async def transform(self, interaction: discord.Interaction[Any], value: object, /) -> int:
        text = str(value)
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= self._most):
            raise Refusal(
                f"“{clip(value)}” days are not possible: choose from 1 to {self._most}. "
                "Nothing was changed."
            )
        return int(text)


@app_commands.guild_only()
class PrivacyCommands(
    commands.GroupCog, group_name="privacy", group_description="What Hexward stores, and of whom"
):
    """Tells everybody what is stored, hands out and forgets; moderators choose for how long."""

    excerpts = app_commands.Group(
        name="excerpts", description="Whether the beginning of flagged messages is kept"
    )

    def __init__(
        self, privacy: Privacy, retention: Retention, members: Members, host: Host
    ) -> None:
        self._privacy = privacy
        self._retention = retention
        self._members = members
        self._host = host
        self._looks = _cooldowns(_LOOKS)
        self._exports = _cooldowns(_REQUESTS)
        self._wishes = _cooldowns(_REQUESTS)

    @app_commands.command()
    async def show(self, interaction: discord.Interaction[Hexward]) -> None:
        """Show what is stored here, for how long and by whom"""
        _slow_down(self._looks, interaction)
        await interaction.response.defer(ephemeral=True)
        server = server_id(interaction)
        choice = await self._privacy.get(server)
        flags = await self._members.count(server, interaction.user.id)
        await answer(interaction, embed=_card(choice, self._host, flags))

    @app_commands.command()
    async def export(self, interaction: discord.Interaction[Hexward]) -> None:
        """Get what is stored of you in this server, as a file"""
        _slow_down(self._exports, interaction)
        await interaction.response.defer(ephemeral=True)
        document = await self._members.export(server_id(interaction), interaction.user.id)
        most = interaction.guild.filesize_limit if interaction.guild else 2**23
        file = discord.File(
            io.BytesIO(_fitting(document, most - _MARGIN_BYTES)), filename="hexward-privacy.json"
        )
        await interaction.followup.send(
            "This is everything that is stored of you in this server. Times are UTC.",
            file=file,
            ephemeral=True,
        )

    @app_commands.command()
    async def forget(self, interaction: discord.Interaction[Hexward]) -> None:
        """Have what is stored of you in this server deleted"""
        _slow_down(self._wishes, interaction)
        await interaction.response.defer(ephemeral=True)
        server, member = server_id(interaction), interaction.user.id

        async def confirmed() -> str:
            return _outcome(await self._members.forget(server, member))

        view = Confirmation(confirmed)
        view.message = await interaction.followup.send(
            _ABOUT_FORGETTING, view=view, ephemeral=True, wait=True
        )

    @app_commands.command(name="retention")
    @app_commands.describe(days="From 1 to 90 days; what is older is deleted")
    @app_commands.default_permissions(manage_guild=True)
    async def set_retention(
        self,
        interaction: discord.Interaction[Hexward],
        days: app_commands.Transform[int, DaysOption(MOST_RETENTION_DAYS)],
    ) -> None:
        """Choose for how long decisions are kept in this server"""
        await interaction.response.defer(ephemeral=True)
        server = server_id(interaction)
        await self._privacy.set_retention(server, days)
        await answer(
            interaction,
            f"What is stored of this server is now deleted when it is {_days(days)} old.",
        )
        await self._retention.purge_server(server)

    @excerpts.command(name="on")
    @app_commands.describe(days="From 1 to 30 days; 7 if you leave it out")
    @app_commands.default_permissions(manage_guild=True)
    async def excerpts_on(
        self,
        interaction: discord.Interaction[Hexward],
        days: app_commands.Transform[int, DaysOption(MOST_EXCERPT_DAYS)] = DEFAULT_EXCERPT_DAYS,
    ) -> None:
        """Keep the beginning of messages that are flagged from now on"""
        await interaction.response.defer(ephemeral=True)
        server = server_id(interaction)
        await self._privacy.set_excerpts(server, days)
        await self._retention.purge_server(server)
        await answer(
            interaction,
            f"The first {MOST_CHARACTERS} characters of messages that are flagged from now on are "
            f"kept for {_days(days)}, unless the message is deleted before. Members see this with "
            "/privacy show; tell them in your rules too.",
        )

    @excerpts.command(name="off")
    @app_commands.default_permissions(manage_guild=True)
    async def excerpts_off(self, interaction: discord.Interaction[Hexward]) -> None:
        """Keep no message text, and delete what was kept"""
        await interaction.response.defer(ephemeral=True)
        server = server_id(interaction)
        await self._privacy.set_excerpts(server, None)
        await self._retention.purge_server(server)
        await answer(interaction, "No message text is kept any more; what was kept is deleted.")


class Confirmation(discord.ui.View):
    """Asks once more before something that cannot be undone; works for two minutes.

    Attributes
    ----------
    message
        Where the buttons are, to take them away when it is too late.
    """

    def __init__(self, confirmed: Callable[[], Awaitable[str]]) -> None:
        super().__init__(timeout=_CONFIRM_S)
        self._confirmed = confirmed
        self.message: discord.WebhookMessage | None = None

    @discord.ui.button(label="Delete what is stored of me", style=discord.ButtonStyle.danger)
    async def confirm(
        self, interaction: discord.Interaction[Hexward], _: discord.ui.Button[Confirmation]
    ) -> None:
        self.stop()
        await interaction.response.defer()
        try:
            words = await self._confirmed()
        except HexwardError as error:
            words = f"{error} What you asked for is tried again within a day."
        await interaction.edit_original_response(content=words, view=None)

    @discord.ui.button(label="Cancel", style=discord.ButtonStyle.secondary)
    async def cancel(
        self, interaction: discord.Interaction[Hexward], _: discord.ui.Button[Confirmation]
    ) -> None:
        self.stop()
        await interaction.response.edit_message(content="Nothing was changed.", view=None)

    async def on_timeout(self) -> None:
        if self.message is not None:
            try:
                await self.message.edit(content="Nothing was changed: too late.", view=None)
            except discord.DiscordException as error:
                log.info("A question that is too late stays open: %s", describe(error))

    async def on_error(
        self,
        interaction: discord.Interaction[Any],
        error: Exception,
        item: discord.ui.Item[Any],
        /,
    ) -> None:
        log.error("/privacy forget failed: %s", describe(error))
        await answer(interaction, "Something went wrong here. The host's log says more.")


def _cooldowns(pace: tuple[int, float]) -> _Cooldowns:
    return _Cooldowns.from_cooldown(
        *pace, type=lambda interaction: (interaction.guild_id, interaction.user.id)
    )


def _slow_down(cooldowns: _Cooldowns, interaction: discord.Interaction[Any]) -> None:
    """Refuse a member who asks for the same too often; other members are not affected."""
    wait_s = cooldowns.update_rate_limit(interaction)
    if wait_s:
        wait = f"{wait_s:.0f} s" if wait_s < 90 else f"{wait_s / 60:.0f} min"
        raise Refusal(f"You have asked for this several times just now. Try again in {wait}.")


def _fitting(document: dict[str, Any], most_bytes: int) -> bytes:
    """The document as a file, without the oldest flags if Discord would not take it whole."""
    flags = document["flags_of_your_messages"]
    while True:
        raw = json.dumps(document, indent=1, ensure_ascii=False).encode()
        if len(raw) <= most_bytes or not flags:
            return raw
        left = flags[: len(flags) // 2]
        document = document | {
            "flags_of_your_messages": left,
            "older_flags_left_out": document["older_flags_left_out"] + len(flags) - len(left),
        }
        flags = left


def _card(choice: ServerPrivacy, host: Host, flags: int) -> discord.Embed:
    days = _days(choice.retention_days)
    card = discord.Embed(
        title="What Hexward stores in this server",
        colour=discord.Colour.blurple(),
        description=(
            "Messages are scored on the host's own machine. No text is sent to anybody else, and "
            "no model is trained on members' messages."
        ),
    )
    card.add_field(
        name="Of a flagged message",
        value=(
            "The ids of its author, channel and message, six scores and thresholds, times, what "
            f"was done about it, and moderators' verdicts. For {days}."
        ),
        inline=False,
    )
    card.add_field(name="Its text", value=_about_text(choice), inline=False)
    card.add_field(
        name="Of other messages",
        value=(
            f"How many there were on a day, and the six scores of some of them, for {days}: "
            "without who wrote them, or which messages they were. Of one that cannot be scored at "
            "once, its id, until that was made up for."
        ),
        inline=False,
    )
    card.add_field(
        name="When the bot leaves",
        value=f"Everything of the server is deleted {KEEP_LEFT.days} days later.",
        inline=False,
    )
    card.add_field(
        name="Of you",
        value=(
            f"Flags of your messages: {flags:,}. Get them with `/privacy export`, have them "
            "deleted with `/privacy forget`."
        ),
        inline=False,
    )
    card.add_field(
        name="Stored by",
        value=host.contact or "The host of this bot, who has named no address. Ask the moderators.",
        inline=False,
    )
    if host.policy_url is not None:
        card.add_field(name="Privacy policy", value=host.policy_url, inline=False)
    return card


def _about_text(choice: ServerPrivacy) -> str:
    shown = "An alert in the moderators' channel quotes it, on Discord."
    if choice.excerpt_days is None:
        return f"Not stored. {shown}"
    days = min(choice.excerpt_days, choice.retention_days)
    return (
        f"Its first {MOST_CHARACTERS} characters, as this server has chosen, for {_days(days)} or "
        f"until the message is deleted. {shown}"
    )


_ABOUT_FORGETTING = (
    "This deletes what Hexward stores of you in this server, and cannot be undone.\n"
    f"- What is younger than {FORGET_AFTER.days} days follows when it is that old, so that "
    "moderators can finish what they are about; dismissed flags and kept text go at once.\n"
    "- Moderators' verdicts stay as scores and a day, without any id.\n"
    "- What stands on Discord itself, such as alerts in the moderators' channel, is for the "
    "server's moderators to delete."
)


def _outcome(forgotten: Forgotten) -> str:
    if not forgotten.gone and not forgotten.later:
        return "Nothing was stored of you in this server."
    words = f"Done. Entries that no longer name you: {forgotten.gone:,}."
    if forgotten.later:
        words += (
            f" {forgotten.later:,} younger ones follow, each when it is {FORGET_AFTER.days} days "
            "old; you need not ask again."
        )
    return words


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"
