"""``/thresholds``: from which score on each label flags in this server."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import discord
from discord import app_commands
from discord.ext import commands

from bot.charts.describe import Picture
from bot.charts.drawing import Charts
from bot.chat.captions import and_more, preset_caption
from bot.chat.cards import threshold_table
from bot.chat.channel_option import AnyChannel
from bot.chat.client import Hexward
from bot.chat.commands import (
    LabelOption,
    Refusal,
    ThresholdOption,
    answer,
    clip,
    server_of,
)
from bot.chat.rule_options import (
    check_room,
    forget_deleted_places,
    keeping_their_own,
    resolve_channel,
)
from bot.chat.ruling import rules_at
from bot.chat.threshold_buttons import ThresholdsButton, ThresholdsView, shortest
from bot.chat.threshold_desk import ThresholdDesk
from bot.chat.threshold_option import value_choices
from bot.chat.threshold_preview import places_of, preview_card, preview_picture
from bot.chat.threshold_suggestions import suggested_values, suggestion_card
from bot.errors import ChartError
from bot.labels import LABELS, Label
from bot.language import tr
from bot.logs import describe
from bot.screening.artifact import PRESET_NAMES
from bot.screening.policy import Rules
from bot.screening.presets import Presets
from bot.screening.suggestion import (
    DEFAULT_PRECISION,
    HIGHEST_PRECISION,
    LOWEST_PRECISION,
    suggest,
)
from bot.storage.evidence import Evidence
from bot.storage.preview import Previews
from bot.storage.privacy import MOST_RETENTION_DAYS, Privacy
from bot.storage.servers import Servers, ServerSettings

log = logging.getLogger(__name__)

_PICTURE = "thresholds.png"
_MOST_SHOWN = 30
# Scores of harmless texts are hardly ever below this.
_NEARLY_NOTHING = 0.0001

LabelArgument = app_commands.Transform[Label, LabelOption]


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class ThresholdCommands(
    commands.GroupCog, group_name="thresholds", group_description="When a message is flagged here"
):
    """A server's preset, and its own values over it."""

    def __init__(
        self,
        client: Hexward,
        presets: Presets,
        servers: Servers,
        privacy: Privacy,
        previews: Previews,
        evidence: Evidence,
        charts: Charts,
    ) -> None:
        self._presets = presets
        self._servers = servers
        self._privacy = privacy
        self._previews = previews
        self._evidence = evidence
        self._charts = charts
        self._desk = ThresholdDesk(presets, servers)
        client.add_dynamic_items(ThresholdsButton)
        client.before_close(self._desk.drain)

    @app_commands.command()
    @app_commands.describe(channel="What holds in this channel, forum or category")
    async def show(
        self, interaction: discord.Interaction[Hexward], channel: AnyChannel | None = None
    ) -> None:
        """Show the thresholds of this server, or of a channel"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        await forget_deleted_places(self._servers, server)
        await answer(interaction, embed=await self._card(server, channel))

    @app_commands.command(name="set")
    @app_commands.describe(
        label="What to look for",
        value="Flag from this score on: 0 (everything) to 1 (certain)",
        channel="Only in this channel, forum or category",
    )
    async def set_value(
        self,
        interaction: discord.Interaction[Hexward],
        label: LabelArgument,
        value: app_commands.Transform[float, ThresholdOption],
        channel: AnyChannel | None = None,
    ) -> None:
        """Set the threshold of one label"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        await check_room(self._servers, server.id, channel)
        before = (await self._rules(server, channel)).thresholds[label]
        channel_id = None if channel is None else channel.id
        await self._servers.set_threshold(server.id, label, value, channel_id=channel_id)
        if channel is None:
            told = tr(
                "**{label}** now flags from **{value}** on (before: {before}).",
                label=label.caption,
                value=shortest(value),
                before=shortest(before),
            )
        else:
            told = tr(
                "**{label}** now flags from **{value}** on in {channel} (before: {before}).",
                label=label.caption,
                value=shortest(value),
                before=shortest(before),
                channel=channel.mention,
            )
        if value == 0:
            told = f"{told} {tr('Every message will be flagged for it.')}"
        elif value < _NEARLY_NOTHING:
            told = f"{told} {tr('Nearly every message will be flagged for it.')}"
        await answer(interaction, told)

    @app_commands.command()
    @app_commands.describe(
        label="Only this label; without it, all six",
        channel="Only the values of this channel, forum or category",
    )
    async def reset(
        self,
        interaction: discord.Interaction[Hexward],
        label: LabelArgument | None = None,
        channel: AnyChannel | None = None,
    ) -> None:
        """Go back to the preset's thresholds, or in a channel to the server's"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        channel_id = None if channel is None else channel.id
        await self._servers.reset_threshold(server.id, label, channel_id=channel_id)
        told = _reset(label, None if channel is None else channel.mention)
        if channel is None:
            await forget_deleted_places(self._servers, server)
            own = _with_their_own(await self._servers.get(server.id), label)
            told = f"{told}\n{keeping_their_own(own)}" if own else told
        card = await self._card(server, channel)
        await answer(interaction, told, embed=card)

    @app_commands.command()
    @app_commands.describe(name="How much to flag; replaces the values set by hand")
    @app_commands.choices(
        name=[
            app_commands.Choice(name="relaxed: only what is near certain", value="relaxed"),
            app_commands.Choice(name="balanced: the usual choice", value="balanced"),
            app_commands.Choice(name="strict: flags more, errs more", value="strict"),
        ]
    )
    async def preset(self, interaction: discord.Interaction[Hexward], name: str) -> None:
        """Choose a ready-made set of thresholds"""
        folded = name.strip().lower()
        chosen = next(
            (known for known in PRESET_NAMES if folded in (known, preset_caption(known))), None
        )
        if chosen is None:
            raise Refusal(
                tr(
                    "“{value}” is not a preset. The presets are: {presets}.",
                    value=clip(name),
                    presets=", ".join(preset_caption(known) for known in PRESET_NAMES),
                )
            )
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        await self._servers.set_preset(server.id, chosen)
        card = await self._card(server)
        told = tr("This server now uses **{preset}**.", preset=preset_caption(chosen))
        await answer(interaction, told, embed=card)

    @app_commands.command()
    @app_commands.describe(
        label="What to look for",
        value="The threshold to try: 0 (everything) to 1 (certain)",
        days="How many days back, today included; 7 if you name none",
        channel="Only in this channel, forum or category",
    )
    async def preview(
        self,
        interaction: discord.Interaction[Hexward],
        label: LabelArgument,
        value: app_commands.Transform[float, ThresholdOption],
        days: app_commands.Range[int, 1, MOST_RETENTION_DAYS] = 7,
        channel: AnyChannel | None = None,
    ) -> None:
        """Count what another threshold would have flagged in the last days"""
        await interaction.response.defer(ephemeral=True)
        if not 1 <= days <= MOST_RETENTION_DAYS:
            raise Refusal(
                tr(
                    "{days} days cannot be looked at: from 1 to {most} are possible.",
                    days=days,
                    most=MOST_RETENTION_DAYS,
                )
            )
        server = server_of(interaction)
        place = None if channel is None else await resolve_channel(server, channel)
        if isinstance(place, discord.Thread):
            raise Refusal(
                tr(
                    "Scores in a thread are kept with its channel: name {channel} instead.",
                    channel=f"<#{place.parent_id}>",
                )
            )
        settings = await self._servers.get(server.id)
        places = places_of(server, self._presets, settings, label, place)
        now = places.usual[label]
        last = datetime.now(UTC).date()
        preview = await self._previews.of(server.id, places, last - timedelta(days=days - 1), last)
        kept = (await self._privacy.get(server.id)).retention_days
        card = preview_card(preview, now, value, retention_days=kept, channel=place)
        offered = (
            {label: value} if value not in (0, now) and float(shortest(value)) == value else {}
        )
        view = ThresholdsView(offered, None if channel is None else channel.id) if offered else None
        await answer(interaction, embed=card, view=view)
        # The numbers are there at once; the picture follows.
        if (picture := preview_picture(preview, now, value)) is not None:
            await self._add_picture(interaction, card, picture)

    @app_commands.command()
    @app_commands.describe(
        precision="The part of flags that is to be right: 0.5 to 0.99; 0.8 if you name none",
        label="Only this label; without it, all six",
    )
    async def suggest(
        self,
        interaction: discord.Interaction[Hexward],
        precision: app_commands.Range[float, LOWEST_PRECISION, HIGHEST_PRECISION] | None = None,
        label: LabelArgument | None = None,
    ) -> None:
        """Find thresholds with few false alarms, from moderators' verdicts"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        wanted = DEFAULT_PRECISION if precision is None else precision
        if not LOWEST_PRECISION <= wanted <= HIGHEST_PRECISION:
            raise Refusal(
                tr(
                    "A precision of {precision} cannot be wanted: from {lowest} to {highest} is "
                    "possible.",
                    precision=f"{wanted:g}",
                    lowest=LOWEST_PRECISION,
                    highest=HIGHEST_PRECISION,
                )
            )
        labels = LABELS if label is None else (label,)
        now = (await self._rules(server, None)).thresholds
        found = suggest(await self._evidence.judged(server.id), now, wanted, labels)
        values = suggested_values(found)
        view = ThresholdsView(values) if values else None
        await answer(interaction, embed=suggestion_card(found, wanted), view=view)

    @set_value.autocomplete("value")
    @preview.autocomplete("value")
    async def _values(
        self, interaction: discord.Interaction[Hexward], typed: str | float
    ) -> list[app_commands.Choice[float]]:
        server = server_of(interaction)
        label = Label.parse(str(getattr(interaction.namespace, "label", None)))
        if label is None:
            return []
        settings = await self._servers.get(server.id)
        channel = getattr(interaction.namespace, "channel", None)
        place = None if channel is None else server.get_channel_or_thread(channel.id)
        now = rules_at(self._presets, settings, place).thresholds
        judged = await self._evidence.judged(server.id)
        (suggested,) = suggest(judged, now, DEFAULT_PRECISION, (label,))
        return value_choices(typed, label, now[label], self._presets, suggested)

    @commands.Cog.listener()
    async def on_thresholds_click(
        self,
        interaction: discord.Interaction[Hexward],
        values: Mapping[Label, float],
        channel_id: int | None,
    ) -> None:
        await self._desk.clicked(interaction, values, channel_id)

    async def _add_picture(
        self, interaction: discord.Interaction[Hexward], card: discord.Embed, picture: Picture
    ) -> None:
        try:
            png = await self._charts.draw(picture)
            card.set_image(url=f"attachment://{_PICTURE}")
            file = discord.File(io.BytesIO(png), _PICTURE)
            await interaction.edit_original_response(embed=card, attachments=[file])
        except (ChartError, discord.DiscordException) as error:
            log.warning("A preview stays without its picture: %s", describe(error))

    async def _rules(self, server: discord.Guild, channel: AnyChannel | None) -> Rules:
        place = None if channel is None else await resolve_channel(server, channel)
        return rules_at(self._presets, await self._servers.get(server.id), place)

    async def _card(
        self, server: discord.Guild, channel: AnyChannel | None = None
    ) -> discord.Embed:
        rules = await self._rules(server, channel)
        settings = await self._servers.get(server.id)
        preset = self._presets.thresholds(settings.preset)
        card = discord.Embed(
            title=tr("Thresholds"),
            description=threshold_table(rules.thresholds, preset),
            colour=discord.Colour.blurple(),
        )
        own = len(settings.overrides)
        name = preset_caption(settings.preset)
        card.set_footer(
            text=tr("Preset {preset}, {count} set by hand", preset=name, count=own)
            if own
            else tr("Preset {preset}", preset=name)
        )
        if channel is not None:
            place_line = tr("In {channel}", channel=channel.mention)
            card.description = f"{place_line}\n{card.description}"
        elif places := [f"<#{id_}>" for id_, own in settings.places.items() if own.thresholds]:
            more = len(places) - _MOST_SHOWN
            others = and_more(places[:_MOST_SHOWN], more, separator=" ")
            card.add_field(name=tr("Values of their own"), value=others, inline=False)
        return card


def _with_their_own(settings: ServerSettings, label: Label | None) -> list[int]:
    """Scopes with a value of their own for a label, or for any."""
    return [
        channel_id
        for channel_id, own in settings.places.items()
        if (own.thresholds if label is None else label in own.thresholds)
    ]


def _reset(label: Label | None, channel: str | None) -> str:
    if label is None:
        if channel is None:
            return tr("All thresholds are back at the preset’s values.")
        return tr(
            "All thresholds are back, in {channel}, at what holds around it.", channel=channel
        )
    if channel is None:
        return tr("**{label}** is back at the preset’s values.", label=label.caption)
    return tr(
        "**{label}** is back, in {channel}, at what holds around it.",
        label=label.caption,
        channel=channel,
    )
