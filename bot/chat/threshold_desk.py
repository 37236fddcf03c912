"""Sets thresholds that were shown beforehand, when a moderator clicks the button below them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord

from bot.chat.clicks import Clicks, Said, tell
from bot.chat.commands import Refusal, lacking_permissions, server_of
from bot.chat.lookup import ServerChannel
from bot.chat.rule_options import check_room
from bot.chat.ruling import rules_at
from bot.chat.threshold_buttons import shortest
from bot.labels import Label
from bot.language import tr
from bot.screening.presets import Presets
from bot.storage.servers import Servers

_MOST_CLICKS = 100
# Seconds that clicks under way get to finish when the bot stops.
_DRAIN_S = 5.0


class ThresholdDesk:
    """Where the clicks on such buttons arrive."""

    def __init__(self, presets: Presets, servers: Servers) -> None:
        self._presets = presets
        self._servers = servers
        self._clicks = Clicks("clicks on thresholds", most=_MOST_CLICKS, drain_s=_DRAIN_S)

    async def drain(self) -> None:
        """Take no more clicks and let those under way finish."""
        await self._clicks.drain()

    async def clicked(
        self,
        interaction: discord.Interaction[Any],
        values: Mapping[Label, float],
        channel_id: int | None,
    ) -> None:
        """Set what was shown, if who clicks may, and say so in its place. Never raises."""

        async def show(said: Said, done: bool) -> None:
            if done and isinstance(said, str):
                await interaction.edit_original_response(content=said, view=None)
            else:
                await tell(interaction, said)

        await self._clicks.handle(
            interaction,
            lambda: self._set(interaction, values, channel_id),
            show,
            about="Thresholds",
        )

    async def _set(
        self,
        interaction: discord.Interaction[Any],
        values: Mapping[Label, float],
        channel_id: int | None,
    ) -> str:
        if lacking_permissions(interaction, discord.Permissions(manage_guild=True)):
            raise Refusal(tr("This needs the permission Manage Server in this server."))
        server = server_of(interaction)
        channel = None
        if channel_id is not None:
            channel = server.get_channel(channel_id)
            if channel is None:
                raise Refusal(tr("That channel is gone, or hidden from me. Nothing was changed."))
            await check_room(self._servers, server.id, channel)
        settings = await self._servers.get(server.id)
        before = rules_at(self._presets, settings, channel).thresholds
        await self._servers.set_thresholds(server.id, values, channel_id=channel_id)
        return "\n".join(
            _is_set(label, value, before[label], channel) for label, value in values.items()
        )


def _is_set(label: Label, value: float, before: float, channel: ServerChannel | None) -> str:
    values = {"label": label.caption, "value": shortest(value), "before": shortest(before)}
    if channel is None:
        return tr("**{label}** now flags from **{value}** on (before: {before}).", **values)
    return tr(
        "**{label}** now flags from **{value}** on in {channel} (before: {before}).",
        channel=channel.mention,
        **values,
    )
