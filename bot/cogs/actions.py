"""``/actions``: what is done about each label, in the server or in a channel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import accumulate

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.captions import action_caption, and_more, mode_line
from bot.chat.channel_option import AnyChannel
from bot.chat.client import Hexward
from bot.chat.commands import LabelOption, Refusal, answer, server_of
from bot.chat.durations import in_words
from bot.chat.readiness import shortcomings
from bot.chat.rule_options import (
    TIMEOUTS,
    ActionOption,
    check_room,
    forget_deleted_places,
    keeping_their_own,
    resolve_channel,
)
from bot.chat.ruling import rules_at
from bot.labels import LABELS, Label
from bot.language import tr
from bot.rules import Action, Measure, Mode
from bot.screening.policy import Rules
from bot.screening.presets import Presets
from bot.storage.servers import Servers, ServerSettings

LabelArgument = app_commands.Transform[Label, LabelOption]
ActionArgument = app_commands.Transform[Action, ActionOption]
DurationArgument = app_commands.Transform[timedelta, TIMEOUTS]

_USUAL_TIMEOUT = timedelta(minutes=10)
_MOST_SHOWN = 20
# A description takes 4,096 characters, and the six labels of the server come first.
_MOST_CHARACTERS = 3_200


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class ActionCommands(
    commands.GroupCog, group_name="actions", group_description="What is done about a flag"
):
    """Chooses an action for each label."""

    def __init__(self, presets: Presets, servers: Servers) -> None:
        self._presets = presets
        self._servers = servers

    @app_commands.command(name="set")
    @app_commands.describe(
        label="What is found",
        action="What is done; each includes those above it",
        duration="How long a timeout lasts: 10m, 2h, 1d; at most 28 days",
        channel="Only in this channel, forum or category",
    )
    async def set_action(
        self,
        interaction: discord.Interaction[Hexward],
        label: LabelArgument,
        action: ActionArgument,
        duration: DurationArgument | None = None,
        channel: AnyChannel | None = None,
    ) -> None:
        """Choose what is done about one label"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        if duration is not None and action is not Action.TIMEOUT:
            raise Refusal(
                tr(
                    "Only a timeout has a duration, and the action is {action}. Nothing was "
                    "changed.",
                    action=action_caption(action),
                )
            )
        if action is Action.TIMEOUT and duration is None:
            duration = _USUAL_TIMEOUT
        await check_room(self._servers, server.id, channel)
        if channel is not None:
            await resolve_channel(server, channel)
        measure = Measure(action, duration)
        channel_id = None if channel is None else channel.id
        await self._servers.set_measure(server.id, label, measure, channel_id=channel_id)
        settings = await self._servers.get(server.id)
        if channel is None:
            lines = [f"**{label.caption}**: {in_full(measure)}."]
        else:
            lines = [
                tr(
                    "**{label}** in {channel}: {action}.",
                    label=label.caption,
                    channel=channel.mention,
                    action=in_full(measure),
                )
            ]
        if action.acts and settings.mode is Mode.OBSERVE:
            lines.append(
                tr(
                    "This server observes, so it is only told on the cards. `/mode enforce` has it "
                    "carried out."
                )
            )
        elif action.acts:
            lines += [f"⚠️ {sentence}" for sentence in shortcomings(server, settings)]
        await answer(interaction, "\n".join(lines))

    @app_commands.command()
    @app_commands.describe(channel="What holds in this channel, forum or category")
    async def show(
        self, interaction: discord.Interaction[Hexward], channel: AnyChannel | None = None
    ) -> None:
        """Show what is done about each label"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        await forget_deleted_places(self._servers, server)
        settings = await self._servers.get(server.id)
        place = None if channel is None else await resolve_channel(server, channel)
        card = self._card(settings, rules_at(self._presets, settings, place))
        if channel is None:
            _add_places(card, settings)
        else:
            place_line = tr("In {channel}", channel=channel.mention)
            card.description = f"{place_line}\n{card.description}"
        await answer(interaction, embed=card)

    @app_commands.command()
    @app_commands.describe(
        label="Only this label; without it, all six",
        channel="Only the choices for this channel, forum or category",
    )
    async def reset(
        self,
        interaction: discord.Interaction[Hexward],
        label: LabelArgument | None = None,
        channel: AnyChannel | None = None,
    ) -> None:
        """Go back to alerting, or in a channel to what the server does"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        channel_id = None if channel is None else channel.id
        dropped = await self._servers.reset_measure(server.id, label, channel_id=channel_id)
        await forget_deleted_places(self._servers, server)
        settings = await self._servers.get(server.id)
        place = None if channel is None else channel.mention
        if dropped:
            taken_back = tr("Taken back: {actions}.", actions=_brief(dropped))
            told = f"{_reset(label, place)}\n{taken_back}"
        else:
            told = _nothing_to_reset(label, place)
        if channel is None and (own := _with_their_own(settings, label)):
            told = f"{told}\n{keeping_their_own(own)}"
        await answer(
            interaction, told, embed=self._card(settings, rules_at(self._presets, settings))
        )

    def _card(self, settings: ServerSettings, rules: Rules) -> discord.Embed:
        lines = [f"**{label.caption}**: {in_full(rules[label].measure)}" for label in LABELS]
        card = discord.Embed(
            title=tr("Actions"), description="\n".join(lines), colour=discord.Colour.blurple()
        )
        card.set_footer(text=mode_line(settings.mode))
        return card


def in_full(measure: Measure) -> str:
    """What a measure does, as a phrase."""
    match measure.action:
        case Action.LOG:
            return tr("log, without an alert")
        case Action.DELETE:
            return tr("alert and delete the message")
        case Action.TIMEOUT if measure.timeout:
            return tr(
                "alert, delete the message and time its author out for {lasting}",
                lasting=in_words(measure.timeout),
            )
        case Action.TIMEOUT:
            return tr("alert, delete the message and time its author out for a while")
        case _:
            return action_caption(Action.ALERT)


def _reset(label: Label | None, channel: str | None) -> str:
    if label is None:
        if channel is None:
            return tr("All labels alert again.")
        return tr("All labels do in {channel} what holds around it.", channel=channel)
    if channel is None:
        return tr("**{label}** alerts again.", label=label.caption)
    return tr(
        "**{label}** does in {channel} what holds around it.",
        label=label.caption,
        channel=channel,
    )


def _nothing_to_reset(label: Label | None, channel: str | None) -> str:
    if label is None:
        if channel is None:
            return tr("No label had an action of its own: all of them alert.")
        return tr(
            "No label had an action of its own in {channel}: what holds around it holds there.",
            channel=channel,
        )
    if channel is None:
        return tr("**{label}** had no action of its own: it alerts.", label=label.caption)
    return tr(
        "**{label}** had no action of its own in {channel}: what holds around it holds there.",
        label=label.caption,
        channel=channel,
    )


def _with_their_own(settings: ServerSettings, label: Label | None) -> list[int]:
    """Scopes with a choice of their own for a label, or for any."""
    return [
        channel_id
        for channel_id, own in settings.places.items()
        if (own.measures if label is None else label in own.measures)
    ]


def _add_places(card: discord.Embed, settings: ServerSettings) -> None:
    lines = [
        f"<#{channel_id}> · {_brief(own.measures)}"
        for channel_id, own in settings.places.items()
        if own.measures
    ]
    if lines:
        ends = accumulate(len(line) + 1 for line in lines[:_MOST_SHOWN])
        room = sum(end <= _MOST_CHARACTERS for end in ends)
        more = len(lines) - room
        shown = and_more(lines[:room], more, separator="\n")
        card.description = f"{card.description}\n\n**{tr('Instead, in these channels')}**\n{shown}"


def _brief(measures: Mapping[Label, Measure]) -> str:
    return ", ".join(
        f"{label.caption}: {action_caption(measure.action)}"
        + (f" {in_words(measure.timeout)}" if measure.timeout else "")
        for label, measure in measures.items()
    )
