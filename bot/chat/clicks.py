"""How a click or a choice is answered: acknowledged, done, and told to who clicked, in any case."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import discord

from bot.chat.acquainted import acquainted, just_started
from bot.chat.commands import Refusal, answer, explained, went_wrong
from bot.chat.faults import DISCORD_FAULTS
from bot.chat.running import Running
from bot.errors import HexwardError
from bot.language import tr
from bot.logs import describe

log = logging.getLogger(__name__)

# Seconds that a click waits for a server of which the bot has not heard since its start.
_ACQUAINTED_S = 10.0

Said: TypeAlias = str | discord.Embed | None
"""What there is to say about a click; None: what was clicked shows it."""


class Clicks:
    """The clicks of one kind: a bounded number at a time, each answered.

    Parameters
    ----------
    kind
        What they are on, for the log: ``setup choices``.
    most
        How many may be under way at a time.
    drain_s
        Seconds that those under way get to finish when the bot stops.
    """

    def __init__(self, kind: str, *, most: int, drain_s: float) -> None:
        self._running = Running(kind, most)
        self._drain_s = drain_s

    async def drain(self) -> None:
        """Take no more clicks and let those under way finish."""
        await self._running.drain(self._drain_s)

    async def handle(
        self,
        interaction: discord.Interaction[Any],
        do: Callable[[], Awaitable[Said]],
        show: Callable[[Said, bool], Awaitable[None]],
        *,
        about: str,
        ephemeral: bool = False,
        thinking: bool = False,
    ) -> None:
        """Acknowledge a click, do what it asks for, and show what came of it. Never raises.

        Parameters
        ----------
        do
            Does it. A `Refusal` and an error become the words for who clicked.
        show
            Gets what there is to say, and whether it was done.
        about
            What is clicked, for the log: ``Decision 5``.
        ephemeral, thinking
            As for `discord.InteractionResponse.defer`.
        """
        if self._running.closing or self._running.full:
            await answer(
                interaction, tr("Hexward is busy or about to stop. Try again in a moment.")
            )
            return
        with self._running.counted():
            try:
                await interaction.response.defer(ephemeral=ephemeral, thinking=thinking)
            except DISCORD_FAULTS as error:
                # Too late, or clicked twice: nothing is done that nobody would be told of.
                log.warning("%s: a click could not be acknowledged: %s", about, describe(error))
                return
            said, done = await _outcome(interaction, do, about)
            try:
                await show(said, done)
            except Exception as error:  # what was clicked was dismissed, the token has expired
                log.warning("%s: a click could not be answered: %s", about, describe(error))


async def tell(interaction: discord.Interaction[Any], said: Said) -> None:
    """Say it beside what was clicked, to who clicked."""
    if isinstance(said, discord.Embed):
        await answer(interaction, embed=said)
    elif said is not None:
        await answer(interaction, said)


async def _outcome(
    interaction: discord.Interaction[Any], do: Callable[[], Awaitable[Said]], about: str
) -> tuple[Said, bool]:
    try:
        if not await acquainted(interaction, _ACQUAINTED_S):
            raise Refusal(just_started())
        return await do(), True
    except Refusal as refusal:
        return str(refusal), False
    except HexwardError as error:
        return explained(error), False
    except discord.HTTPException as error:
        log.warning("%s: a click failed: %s", about, describe(error))
        return tr(
            "Discord refused it (HTTP {status}, error {code}). Try again.",
            status=error.status,
            code=error.code,
        ), False
    except Exception as error:
        log.error("%s: a click failed: %s", about, describe(error))
        return went_wrong(), False
