"""``/escalation``: longer timeouts for authors who are flagged again and again."""

from __future__ import annotations

from datetime import timedelta

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.client import Hexward
from bot.chat.commands import Refusal, answer, server_id
from bot.chat.durations import in_words
from bot.chat.escalation_doubts import doubts
from bot.chat.readiness import shortcomings, wanted
from bot.chat.rule_options import TIMEOUTS, WINDOWS
from bot.language import tr, trn
from bot.rules import MOST_FLAGS, Mode, Step
from bot.storage.server_settings import MOST_STEPS
from bot.storage.servers import Servers, ServerSettings

Timeout = app_commands.Transform[timedelta, TIMEOUTS]
Window = app_commands.Transform[timedelta, WINDOWS]


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class EscalationCommands(
    commands.GroupCog,
    group_name="escalation",
    group_description="Longer timeouts for repeated flags",
):
    """Chooses the steps of the escalation."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    @app_commands.command(name="set")
    @app_commands.describe(
        flags="After so many flags that were upheld or enforced",
        window="Within this time: 1h, 7d, 30d",
        timeout="The author is timed out for so long: 10m, 2h, 1d; at most 28 days",
    )
    async def set_step(
        self,
        interaction: discord.Interaction[Hexward],
        flags: app_commands.Range[int, 1, MOST_FLAGS],
        window: Window,
        timeout: Timeout,  # noqa: ASYNC109 a member's, not this command's
    ) -> None:
        """Add a step, or change the one with the same number of flags"""
        await interaction.response.defer(ephemeral=True)
        server = server_id(interaction)
        try:
            step = Step(flags, window, timeout)
        except ValueError:  # only another client than Discord's sends such a number
            raise Refusal(
                tr(
                    "“{value}” is not possible for the option `flags`: choose from 1 to {most}. "
                    "Nothing was changed.",
                    value=flags,
                    most=MOST_FLAGS,
                )
            ) from None
        if not await self._servers.set_step(server, step):
            raise Refusal(
                tr(
                    "There are {most} steps, and more are not kept. Take one away with "
                    "`/escalation off`. Nothing was changed.",
                    most=MOST_STEPS,
                )
            )
        await answer(interaction, await self._state(interaction, server))

    @app_commands.command()
    async def show(self, interaction: discord.Interaction[Hexward]) -> None:
        """Show the steps"""
        await interaction.response.defer(ephemeral=True)
        await answer(interaction, await self._state(interaction, server_id(interaction)))

    @app_commands.command()
    @app_commands.describe(flags="Only the step with this number of flags; without it, all")
    async def off(
        self,
        interaction: discord.Interaction[Hexward],
        flags: app_commands.Range[int, 1, MOST_FLAGS] | None = None,
    ) -> None:
        """Take steps away"""
        await interaction.response.defer(ephemeral=True)
        server = server_id(interaction)
        dropped = await self._servers.drop_steps(server, flags)
        if not dropped and flags is not None:
            raise Refusal(
                trn(
                    "There is no step with {count} flag. Nothing was changed.",
                    "There is no step with {count} flags. Nothing was changed.",
                    flags,
                )
            )
        if not dropped:
            raise Refusal(
                tr("There is no step that could be taken away. Add one with `/escalation set`.")
            )
        gone = trn("{count} step was taken away.", "{count} steps were taken away.", dropped)
        state = await self._state(interaction, server)
        await answer(interaction, f"{gone}\n{state}")

    async def _state(self, interaction: discord.Interaction[Hexward], server: int) -> str:
        chosen = await self._servers.chosen(server)
        settings = chosen.settings
        if not settings.escalation:
            return tr("There is no escalation. Add a step with `/escalation set`.")
        lines = [
            trn(
                "After **{count}** flag within {window}: a timeout of **{timeout}**.",
                "After **{count}** flags within {window}: a timeout of **{timeout}**.",
                step.flags,
                window=in_words(step.window),
                timeout=in_words(step.timeout),
            )
            for step in settings.escalation
        ]
        lines.append(
            tr(
                "Flags count that moderators upheld or the bot enforced. Labels that only alert "
                "stay alerts, and members who moderate are never timed out."
            )
        )
        found = doubts(settings.escalation, chosen.retention_days)
        lines += [f"⚠️ {sentence}" for sentence in found]
        if interaction.guild is not None:
            lines += _notes(interaction.guild, settings)
        return "\n".join(lines)


def _notes(server: discord.Guild, settings: ServerSettings) -> list[str]:
    if not wanted(settings).acts:
        return [
            tr("So far no label does more than alert; choose what is done with `/actions set`.")
        ]
    if settings.mode is Mode.OBSERVE:
        return [tr("This server observes, so it is only told on the cards.")]
    return [f"⚠️ {sentence}" for sentence in shortcomings(server, settings)]
