"""The demo server: who is in it, where they talk, and what they say before you do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SERVER_NAME = "Hexward demo"

#: The channel in which the moderators see alerts.
MODERATION_CHANNEL = "mod-log"


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the demo server."""

    name: str
    moderator: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """A text channel of the demo server."""

    name: str
    topic: str
    moderators_only: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the scripted conversation.

    An *edit* changes what its author last wrote in the channel into `text`. A *forward* hands the
    message of `source`, the last of that member, on to the channel; it has no text of its own.
    """

    author: str
    channel: str
    text: str = ""
    kind: Literal["message", "edit", "forward"] = "message"
    source: str | None = None


PEOPLE = (
    Person("Ada"),
    Person("Ben"),
    Person("Cleo"),
    Person("Mo", moderator=True),
)

ROOMS = (
    Room("general", "Say hello. Write something rude and see what the moderators see."),
    Room("gaming", "Bosses, builds and good games."),
    Room(MODERATION_CHANNEL, "Alerts, for moderators only.", moderators_only=True),
)

SCRIPT = (
    Line("Ada", "general", "Morning everyone, coffee first and then the release notes."),
    Line("Ben", "general", "Morning! The new build runs so much smoother, great work."),
    Line("Cleo", "gaming", "gg, that boss destroyed me"),
    Line("Ben", "gaming", "You have to kill the healer first, then burn the big one down."),
    Line("Ada", "gaming", "I am dead, that jump scare was brilliant"),
    Line("Ben", "gaming", "You are such an idiot, nobody wants you on the team."),
    Line("Cleo", "gaming", "Hey, it was my first try. No need for that."),
    Line("Ben", "gaming", "Shut up, you stupid loser."),
    Line("Cleo", "general", "Can somebody help me with the settings page?"),
    Line("Cleo", "general", "Never mind, you are all useless morons.", kind="edit"),
    Line("Ben", "general", "Log off or I will find you and kill you."),
    Line("Ada", "general", kind="forward", source="Ben"),
    Line("Ada", "general", "Let us all take a break. See you at the game tonight!"),
)
