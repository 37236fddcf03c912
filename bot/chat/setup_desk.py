"""Carries out what is chosen in setup panels.

Every choice writes its own setting and nothing else, and the panel is drawn again from what is
stored then, so two moderators with a panel each see and keep what the other has chosen.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from weakref import WeakValueDictionary

import discord

from bot.chat.checkup import Checkup
from bot.chat.clicks import Clicks, Said, tell
from bot.chat.commands import Refusal, lacking_permissions, server_of
from bot.chat.exemptions import change_exemptions, refuse_everybody
from bot.chat.findings import findings_card, problems
from bot.chat.log_channel import checked_log_channel
from bot.chat.own_channel import make_log_channel
from bot.chat.ready_made import ReadyMade, measures_of
from bot.chat.server_checks import check_log_channel, check_server
from bot.chat.setup_panel import setup_panel
from bot.chat.setup_parts import AS_ON_DISCORD, Choice, Part
from bot.chat.trial import Trial
from bot.language import languages, tr, trn
from bot.logs import describe
from bot.rules import Mode
from bot.screening.artifact import PRESET_NAMES
from bot.screening.presets import Presets
from bot.storage.servers import ExemptionKind, Servers

log = logging.getLogger(__name__)

_NEEDED = discord.Permissions(manage_guild=True)
_MOST_CHOICES = 100
# Seconds that choices under way get to finish when the bot stops.
_DRAIN_S = 10.0
_KINDS = {Part.ROLES: ExemptionKind.ROLE, Part.CHANNELS: ExemptionKind.CHANNEL}


class SetupDesk:
    """Where the choices in a client's panels arrive."""

    def __init__(self, servers: Servers, presets: Presets, checkup: Checkup, trial: Trial) -> None:
        self._servers = servers
        self._presets = presets
        self._checkup = checkup
        self._trial = trial
        self._clicks = Clicks("setup choices", most=_MOST_CHOICES, drain_s=_DRAIN_S)
        # Two who ask for a channel, or for a test, at the same time get one.
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def drain(self) -> None:
        """Take no more choices and let those under way finish."""
        await self._clicks.drain()

    async def panel(self, server: discord.Guild) -> discord.ui.LayoutView:
        """The panel of a server as it stands now.

        Raises
        ------
        DatabaseError, discord.DiscordException
            If it cannot be looked up.
        """
        settings = await self._servers.get(server.id)
        about_channel = await check_log_channel(server, settings)
        rest = [one for one in await check_server(server, settings) if one not in about_channel]
        return setup_panel(server, settings, self._presets, about_channel, rest)

    async def chosen(self, interaction: discord.Interaction[Any], choice: Choice) -> None:
        """Do what was chosen, draw the panel again, and say what there is to say. Never raises."""

        async def show(said: Said, _done: bool) -> None:
            await self._redraw(interaction)
            await tell(interaction, said)

        await self._clicks.handle(
            interaction,
            lambda: self._do(interaction, choice),
            show,
            about=f"Setup, {choice.part.value}",
        )

    async def _redraw(self, interaction: discord.Interaction[Any]) -> None:
        try:
            panel = await self.panel(server_of(interaction))
            await interaction.edit_original_response(view=panel)
        except Exception as error:  # the panel was dismissed, the token has expired
            log.warning("A setup panel could not be drawn again: %s", describe(error))

    async def _do(self, interaction: discord.Interaction[Any], choice: Choice) -> Said:
        if lacking_permissions(interaction, _NEEDED):
            raise Refusal(tr("You need the permission Manage Server for this."))
        server, servers = server_of(interaction), self._servers
        match choice.part:
            case Part.LOG_CHANNEL:
                for channel_id in map(int, choice.values):
                    await checked_log_channel(server, channel_id)
                    await servers.set_log_channel(server.id, channel_id)
            case Part.MAKE_CHANNEL:
                return await self._make_channel(interaction, server)
            case Part.PRESET:
                for name in set(choice.values) & set(PRESET_NAMES):
                    await servers.set_preset(server.id, name)
            case Part.MODE:
                for mode in set(choice.values) & set(Mode):
                    await servers.set_mode(server.id, Mode(mode))
            case Part.ACTIONS:
                for ready_made in set(choice.values) & set(ReadyMade):
                    measures = measures_of(ReadyMade(ready_made))
                    await servers.set_measures(server.id, measures)
            case Part.ROLES | Part.CHANNELS:
                await self._exempt(server.id, choice)
            case Part.MODERATORS_ON | Part.MODERATORS_OFF:
                exempt = choice.part is Part.MODERATORS_ON
                await servers.set_exempt_moderators(server.id, exempt)
            case Part.BOTS_ON | Part.BOTS_OFF:
                await servers.set_exempt_bots(server.id, choice.part is Part.BOTS_ON)
            case Part.LANGUAGE:
                for name in set(choice.values) & {AS_ON_DISCORD, *languages()}:
                    await servers.set_language(server.id, None if name == AS_ON_DISCORD else name)
            case Part.TRY:
                return await self._try(interaction, server)
        return None

    async def _exempt(self, server_id: int, choice: Choice) -> None:
        """Add and remove what differs from what was shown; the rest is not this choice's."""
        kind = _KINDS[choice.part]
        refuse_everybody(server_id, choice.added)
        await change_exemptions(
            self._servers,
            server_id,
            [(kind, target_id) for target_id in choice.added],
            [(kind, target_id) for target_id in choice.removed],
        )

    async def _make_channel(
        self, interaction: discord.Interaction[Any], server: discord.Guild
    ) -> str:
        moderator = interaction.user
        if not isinstance(moderator, discord.Member):
            raise Refusal(tr("This works in servers only, not in direct messages."))
        async with self._turns.setdefault(server.id, asyncio.Lock()):
            before = (await self._servers.get(server.id)).log_channel_id
            if before is not None and server.get_channel_or_thread(before) is not None:
                raise Refusal(
                    tr("Alerts go to {channel} already. Nothing was done.", channel=f"<#{before}>")
                )
            channel = await make_log_channel(server, moderator)
            await self._servers.set_log_channel(server.id, channel.id)
        return tr(
            "Alerts are now posted in {channel}, which only moderators can read.",
            channel=channel.mention,
        )

    async def _try(
        self, interaction: discord.Interaction[Any], server: discord.Guild
    ) -> discord.Embed:
        async with self._turns.setdefault(server.id, asyncio.Lock()):
            settings = await self._servers.get(server.id)
            tried = await self._trial.run(server, settings, interaction.user)
        findings = [tried, *await self._checkup.whole(server)]
        count = len(problems(findings))
        title = tr("Hexward is ready")
        if count:
            title = trn("{count} thing to look at", "{count} things to look at", count)
        return findings_card(findings, title)
