"""A Discord message → the texts in it that are screened."""

from __future__ import annotations

from dataclasses import dataclass

import discord


@dataclass(frozen=True, slots=True)
class Surface:
    """One text inside a message.

    Attributes
    ----------
    name
        Where in the message it stands: ``content``, ``forward`` (``forward-2`` …). Unique within a
        message.
    text
        What people read there; never blank.
    """

    name: str
    text: str


def surfaces(message: discord.Message) -> tuple[Surface, ...]:
    """The texts of a message: its own words, and those of messages it forwards."""
    texts = [("content", message.content)]
    for number, snapshot in enumerate(message.message_snapshots, start=1):
        texts.append(("forward" if number == 1 else f"forward-{number}", snapshot.content))
    return tuple(Surface(name, text) for name, text in texts if text and not text.isspace())
