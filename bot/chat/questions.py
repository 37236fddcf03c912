"""Questions that are asked once more before something is done.

What a yes would do lives in the client that asked. Discord shows the buttons for longer than that,
so a click after a restart of the bot is answered with what to do instead.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Self

import discord

from bot.chat.commands import answer, explained, went_wrong
from bot.chat.faults import DISCORD_FAULTS
from bot.errors import HexwardError
from bot.language import tr
from bot.logs import describe

log = logging.getLogger(__name__)

# Questions of a client that are remembered after their end; a second click on one does nothing.
_MOST_REMEMBERED = 1_000


class Questions:
    """Those that one client has asked, by the token in their custom ids."""

    def __init__(self) -> None:
        self._open: dict[str, bool] = {}

    def add(self) -> str:
        """A token for a new question."""
        while len(self._open) >= _MOST_REMEMBERED:
            del self._open[next(iter(self._open))]
        token = secrets.token_hex(8)
        self._open[token] = True
        return token

    def is_open(self, token: str) -> bool | None:
        """Whether a click still counts; None for a question that this client has not asked."""
        return self._open.get(token)

    def close(self, token: str) -> bool:
        """Let no further click count; False if that was so before."""
        was_open = self._open.get(token, False)
        self._open[token] = False
        return was_open


class Question(discord.ui.View):
    """A yes and a no; open for a while, for whoever asked.

    Parameters
    ----------
    questions
        The client's.
    act
        Does what was asked and says how that went.
    yes
        The words on the button that has it done.
    style
        That button's.
    open_s
        Seconds until it is too late.

    Attributes
    ----------
    message
        Where the buttons are, to take them away when it is too late.
    """

    def __init__(
        self,
        questions: Questions,
        act: Callable[[], Awaitable[str]],
        *,
        yes: str,
        style: discord.ButtonStyle,
        open_s: float,
    ) -> None:
        super().__init__(timeout=open_s)
        self._questions = questions
        self._token = token = questions.add()
        self._act = act
        self._too_late = tr("Nothing was changed: too late.")
        self.message: discord.WebhookMessage | None = None
        self.confirm.label, self.confirm.style = yes, style
        self.confirm.custom_id = f"hexward:question:{token}:yes"
        self.cancel.label = tr("Cancel")
        self.cancel.custom_id = f"hexward:question:{token}:no"

    def explain(self, error: HexwardError) -> str:
        """What is said where it could not be done."""
        return explained(error)

    @discord.ui.button()
    async def confirm(
        self, interaction: discord.Interaction[Any], _: discord.ui.Button[Question]
    ) -> None:
        if not self._end():
            return
        await interaction.response.defer()
        try:
            words = await self._act()
        except HexwardError as error:
            words = self.explain(error)
        await interaction.edit_original_response(content=words, embed=None, view=None)

    @discord.ui.button(style=discord.ButtonStyle.secondary)
    async def cancel(
        self, interaction: discord.Interaction[Any], _: discord.ui.Button[Question]
    ) -> None:
        if not self._end():
            return
        await interaction.response.edit_message(
            content=tr("Nothing was changed."), embed=None, view=None
        )

    def _end(self) -> bool:
        self.stop()
        return self._questions.close(self._token)

    async def on_timeout(self) -> None:
        self._questions.close(self._token)
        if self.message is not None:
            try:
                await self.message.edit(content=self._too_late, embed=None, view=None)
            except DISCORD_FAULTS as error:
                log.info("A question that is too late stays open: %s", describe(error))

    async def on_error(
        self, interaction: discord.Interaction[Any], error: Exception, _: discord.ui.Item[Any], /
    ) -> None:
        log.error("What was asked for failed: %s", describe(error))
        await answer(interaction, went_wrong())


class ClosedQuestion(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"hexward:question:(?P<token>[0-9a-f]{16}):(?:yes|no)",
):
    """Answers a click on a question that nobody waits for any more.

    discord.py asks it at every click on a question, beside the question itself if that is open.
    """

    def __init__(self, button: discord.ui.Button[Any], token: str) -> None:
        super().__init__(button)
        self._token = token

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(item, match["token"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        match interaction.client.questions.is_open(self._token):
            case True:
                return
            case False:  # a second click: the first is answered where the question stood
                await interaction.response.defer()
            case _:
                await interaction.response.edit_message(content=_restarted(), embed=None, view=None)


def _restarted() -> str:
    return tr(
        "I was restarted after I had asked this, so this click changed nothing. Use the command "
        "again."
    )
