"""What the bot answered to a command, a click or a modal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simcord.backend.models import Interaction
from simcord.enums import CallbackType

from .messages import Message
from .world import World

# Deadlines are the bot's; the driver looks a little later, so that a late answer is the bot's.
_GRACE_S = 0.5


class NoReply(Exception):
    """The bot did not answer an interaction in time: "The application did not respond"."""

    def __init__(self, text: str, reply: Reply) -> None:
        super().__init__(text)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for an interaction; follows the bot's later edits and follow-ups."""

    world: World = field(repr=False)
    interaction: Interaction = field(repr=False)

    @property
    def acknowledged(self) -> bool:
        return self.interaction.responded

    @property
    def kind(self) -> CallbackType | None:
        """How the bot first answered; None if it has not."""
        first = self.world.acknowledged.get(self.interaction.id)
        return CallbackType(first.kind) if first else None

    @property
    def after_s(self) -> float:
        """Seconds from the interaction to its first answer."""
        return self.world.acknowledged[self.interaction.id].after_s

    @property
    def deferred(self) -> bool:
        """Whether the first answer was a deferral, also when it is completed by now."""
        return self.kind in (
            CallbackType.DEFERRED_CHANNEL_MESSAGE_WITH_SOURCE,
            CallbackType.DEFERRED_UPDATE_MESSAGE,
        )

    @property
    def message(self) -> Message | None:
        """The reply itself; for clicks that update, the message clicked on."""
        return self._message(self.interaction.message_id)

    @property
    def followups(self) -> list[Message]:
        found = [self._message(number) for number in self.interaction.followup_ids]
        return [message for message in found if message is not None]

    @property
    def content(self) -> str:
        return self.message.content if self.message else ""

    @property
    def embeds(self) -> list[dict[str, Any]]:
        return self.message.embeds if self.message else []

    @property
    def components(self) -> list[dict[str, Any]]:
        return self.message.components if self.message else []

    @property
    def texts(self) -> str:
        """Everything readable in the reply and its follow-ups."""
        shown = [self.message, *self.followups] if self.message else self.followups
        return "\n".join(message.texts for message in shown if message)

    @property
    def ephemeral(self) -> bool:
        return self.interaction.ephemeral

    @property
    def modal(self) -> dict[str, Any] | None:
        return self.interaction.modal

    @property
    def choices(self) -> list[dict[str, Any]]:
        """What autocompletion offered: ``name`` and ``value`` each."""
        return self.interaction.autocomplete_choices or []

    async def followup(self, number: int = 1, timeout_s: float | None = None) -> Message:
        """Wait for the ``number``-th follow-up.

        Raises
        ------
        TimeoutError
        """

        def found() -> Message | None:
            return self.followups[number - 1] if len(self.followups) >= number else None

        patience_s = self.world.patience_s if timeout_s is None else timeout_s
        return await self.world.pulse.until(found, patience_s, f"follow-up {number}")

    def _message(self, message_id: int | None) -> Message | None:
        stored = self.world.backend.messages.get(self.interaction.channel_id, {})
        if message_id is None or message_id not in stored:
            return None
        return Message.of(self.world, stored[message_id])

    async def wait(self) -> Reply:
        """Wait for the first answer, and for a deferred reply's text.

        Raises
        ------
        NoReply
        """
        world, pulse = self.world, self.world.pulse
        try:
            await pulse.until(
                lambda: self.acknowledged, world.reply_deadline_s + _GRACE_S, "an answer"
            )
        except TimeoutError:
            text = f"the bot did not answer within {world.reply_deadline_s:g} s"
            raise NoReply(text, self) from None
        try:
            await pulse.until(
                lambda: not self.interaction.loading or self.message is None,
                world.patience_s,
                "the deferred reply",
            )
        except TimeoutError:
            text = f"the bot deferred and then said nothing for {world.patience_s:g} s"
            raise NoReply(text, self) from None
        return self
