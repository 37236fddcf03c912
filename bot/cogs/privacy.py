"""``/privacy``: what is stored, for how long and by whom; and members' say in it."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.commands import Refusal, answer, clip, server_id
from bot.chat.durations import in_words
from bot.chat.escalation_doubts import forgotten
from bot.chat.questions import Question, Questions
from bot.errors import HexwardError
from bot.language import tr, trn
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
from bot.storage.servers import Servers

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
                tr(
                    "“{value}” days are not possible: choose from 1 to {most}. Nothing was "
                    "changed.",
                    value=clip(value),
                    most=self._most,
                )
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
        self,
        privacy: Privacy,
        retention: Retention,
        members: Members,
        servers: Servers,
        host: Host,
    ) -> None:
        self._privacy = privacy
        self._servers = servers
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
            tr("This is everything that is stored of you in this server. Times are UTC."),
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

        view = Confirmation(interaction.client.questions, confirmed)
        view.message = await interaction.followup.send(
            _about_forgetting(), view=view, ephemeral=True, wait=True
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
        told = tr(
            "What is stored of this server is now deleted when it is {age} old.", age=_days(days)
        )
        steps = (await self._servers.get(server)).escalation
        lines = [told, *(f"⚠️ {sentence}" for sentence in forgotten(steps, days))]
        await answer(interaction, "\n".join(lines))
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
            tr(
                "The first {most} characters of messages that are flagged from now on are kept for "
                "{lasting}, unless the message is deleted before. Members see this with `/privacy "
                "show`; tell them in your rules too.",
                most=MOST_CHARACTERS,
                lasting=_days(days),
            ),
        )

    @excerpts.command(name="off")
    @app_commands.default_permissions(manage_guild=True)
    async def excerpts_off(self, interaction: discord.Interaction[Hexward]) -> None:
        """Keep no message text, and delete what was kept"""
        await interaction.response.defer(ephemeral=True)
        server = server_id(interaction)
        await self._privacy.set_excerpts(server, None)
        await self._retention.purge_server(server)
        await answer(interaction, tr("No message text is kept any more; what was kept is deleted."))


class Confirmation(Question):
    """Asks once more before what is stored of a member is deleted; works for two minutes."""

    def __init__(self, questions: Questions, confirmed: Callable[[], Awaitable[str]]) -> None:
        super().__init__(
            questions,
            confirmed,
            yes=tr("Delete what is stored of me"),
            style=discord.ButtonStyle.danger,
            open_s=_CONFIRM_S,
        )

    def explain(self, error: HexwardError) -> str:
        again = tr("What you asked for is tried again within a day.")
        return f"{super().explain(error)} {again}"


def _cooldowns(pace: tuple[int, float]) -> _Cooldowns:
    return _Cooldowns.from_cooldown(
        *pace, type=lambda interaction: (interaction.guild_id, interaction.user.id)
    )


def _slow_down(cooldowns: _Cooldowns, interaction: discord.Interaction[Any]) -> None:
    """Refuse a member who asks for the same too often; other members are not affected."""
    wait_s = cooldowns.update_rate_limit(interaction)
    if wait_s:
        wait = f"{wait_s:.0f} s" if wait_s < 90 else f"{wait_s / 60:.0f} min"
        raise Refusal(
            tr("You have asked for this several times just now. Try again in {wait}.", wait=wait)
        )


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
        title=tr("What Hexward stores in this server"),
        colour=discord.Colour.blurple(),
        description=tr(
            "Messages are scored on the host's own machine. No text is sent to anybody else, and "
            "no model is trained on members' messages."
        ),
    )
    card.add_field(
        name=tr("Of a flagged message"),
        value=tr(
            "The ids of its author, channel and message, six scores and thresholds, times, what "
            "was done about it, and moderators' verdicts. For {lasting}.",
            lasting=days,
        ),
        inline=False,
    )
    card.add_field(name=tr("Its text"), value=_about_text(choice), inline=False)
    card.add_field(
        name=tr("Of other messages"),
        value=tr(
            "How many there were on a day, and the six scores of some of them, for {lasting}: "
            "without who wrote them, or which messages they were. Of one that cannot be scored at "
            "once, its id, until that was made up for.",
            lasting=days,
        ),
        inline=False,
    )
    card.add_field(
        name=tr("When the bot leaves"),
        value=tr(
            "Everything of the server is deleted {lasting} later.", lasting=in_words(KEEP_LEFT)
        ),
        inline=False,
    )
    card.add_field(
        name=tr("Of you"),
        value=tr(
            "Flags of your messages: {count:,}. Get them with `/privacy export`, have them "
            "deleted with `/privacy forget`.",
            count=flags,
        ),
        inline=False,
    )
    card.add_field(
        name=tr("Stored by"),
        value=host.contact
        or tr("The host of this bot, who has named no address. Ask the moderators."),
        inline=False,
    )
    if host.policy_url is not None:
        card.add_field(name=tr("Privacy policy"), value=host.policy_url, inline=False)
    return card


def _about_text(choice: ServerPrivacy) -> str:
    shown = tr("An alert in the moderators' channel quotes it, on Discord.")
    if choice.excerpt_days is None:
        return f"{tr('Not stored.')} {shown}"
    kept = tr(
        "Its first {most} characters, as this server has chosen, for {lasting} or until the "
        "message is deleted.",
        most=MOST_CHARACTERS,
        lasting=_days(min(choice.excerpt_days, choice.retention_days)),
    )
    return f"{kept} {shown}"


def _about_forgetting() -> str:
    return tr(
        "This deletes what Hexward stores of you in this server, and cannot be undone.\n"
        "- What is younger than {age} follows when it is that old, so that moderators can finish "
        "what they are about; dismissed flags and kept text go at once.\n"
        "- Moderators' verdicts stay as scores and a day, without any id.\n"
        "- What stands on Discord itself, such as alerts in the moderators' channel, is for the "
        "server's moderators to delete.",
        age=in_words(FORGET_AFTER),
    )


def _outcome(forgotten: Forgotten) -> str:
    if not forgotten.gone and not forgotten.later:
        return tr("Nothing was stored of you in this server.")
    words = tr("Done. Entries that no longer name you: {count:,}.", count=forgotten.gone)
    if forgotten.later:
        later = trn(
            "{count:,} younger one follows when it is {age} old; you need not ask again.",
            "{count:,} younger ones follow, each when it is {age} old; you need not ask again.",
            forgotten.later,
            age=in_words(FORGET_AFTER),
        )
        words = f"{words} {later}"
    return words


def _days(number: int) -> str:
    return in_words(timedelta(days=number))
