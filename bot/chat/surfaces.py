"""A Discord message → the texts in it that are screened.

Not among them are the names of stickers: whoever runs a server chooses them, they show only when
the picture is clicked, and what is seen is the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import discord

from bot.chat.layouts import component_texts, embed_texts
from bot.chat.text_files import TextFile, text_files
from bot.language import tr

_WORDS: Mapping[str, Callable[[], str]] = {
    "content": lambda: tr("Message"),
    "poll": lambda: tr("Poll"),
    "embed": lambda: tr("Embed"),
    "description": lambda: tr("Description of an attachment"),
    "attachment": lambda: tr("Text file"),
    "components": lambda: tr("Text beside buttons"),
    "forward": lambda: tr("Forwarded text"),
    "forward/embed": lambda: tr("Forwarded text: embed"),
    "forward/description": lambda: tr("Forwarded text: description of an attachment"),
    "forward/attachment": lambda: tr("Forwarded text: text file"),
    "forward/components": lambda: tr("Forwarded text: text beside buttons"),
    # What stands in no message; see `bot.chat.lone_texts`.
    "title": lambda: tr("Title"),
    "nickname": lambda: tr("Nickname"),
    "display-name": lambda: tr("Display name"),
    "username": lambda: tr("Username"),
}
MESSAGE_WORDS = frozenset({"content", "poll", "embed", "description", "attachment", "components"})
"""The surfaces of a message itself, by the first word of their name."""


TITLE = "title"
"""The surface of a thread's or forum post's title, which stands in no message."""
NAMES = ("nickname", "display-name", "username")
"""The surfaces of members' names, in the order in which a server shows them."""


def is_system(message: discord.Message) -> bool:
    """Whether Discord wrote a message, and not the member it names as its author.

    discord.py does not count the result of a poll, which repeats what was screened with the poll.
    """
    return message.is_system() or message.type is discord.MessageType.poll_result


def stands_alone(surface: str) -> bool:
    """Whether a decision's surface is a title or a name, and no part of a message."""
    return surface == TITLE or surface in NAMES


@dataclass(frozen=True, slots=True)
class Surface:
    """One text inside a message.

    Attributes
    ----------
    name
        Where in the message it stands: ``content``, ``poll``, ``embed`` (``embed-2`` …),
        ``description``, ``attachment``, ``components``; in a forwarded message ``forward``,
        ``forward/embed`` … (``forward-2``, ``forward-2/embed`` …). Unique within a message.
    text
        What people read there; never blank.
    """

    name: str
    text: str

    @property
    def identity(self) -> str:
        """What tells this text from another in its place."""
        return self.text

    async def read(self) -> Surface:
        """Itself; a file has to be fetched first."""
        return self


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A text file in a message, whose text is not known yet.

    Attributes
    ----------
    name
        As of `Surface`.
    """

    name: str
    file: TextFile

    @property
    def identity(self) -> str:
        """What tells this file from another in its place; Discord never changes a file."""
        return f"file {self.file.id}"

    async def read(self) -> Surface | None:
        """Fetch the text; None if there is none, or the file is gone.

        Raises
        ------
        discord.HTTPException, TimeoutError, OSError
            If it cannot be fetched.
        """
        text = await self.file.read()
        return Surface(self.name, text) if text and not text.isspace() else None


Part = Surface | AttachedFile


def parts(message: discord.Message) -> tuple[Part, ...]:
    """The texts of a message and of those it forwards, with the text files to be fetched."""
    found = list(_parts("", message, message.poll))
    for number, snapshot in enumerate(message.message_snapshots, start=1):
        found += _parts(numbered("forward", number), snapshot, None)
    return tuple(found)


def words(name: str) -> str:
    """What a surface is called on a card: ``Text file``, ``Forwarded text: embed``."""
    if name in _WORDS:
        return _WORDS[name]()
    *outer, inner = name.split("/")
    kind, _, number = inner.partition("-")
    if kind == "forward":
        number = ""
    known = _WORDS.get(f"forward/{kind}" if outer else kind)
    shown = known() if known else kind.capitalize()
    return f"{shown} {number}" if number else shown


def numbered(name: str, number: int) -> str:
    """The first keeps its name, the second is ``name-2``."""
    return name if number == 1 else f"{name}-{number}"


def _parts(
    place: str, message: discord.Message | discord.MessageSnapshot, poll: discord.Poll | None
) -> Iterator[Part]:
    """The texts of a message or a forwarded one, in the order in which they are seen."""
    inside = f"{place}/" if place else ""
    texts = [(place or "content", message.content)]
    if poll is not None:
        texts.append((f"{inside}poll", _poll_text(poll)))
    # discord.py sets them only where the event has that field.
    components = getattr(message, "components", ())
    texts.append((f"{inside}components", "\n".join(component_texts(components))))
    for number, embed in enumerate(message.embeds, start=1):
        texts.append((f"{inside}{numbered('embed', number)}", "\n".join(embed_texts(embed))))
    for number, attachment in enumerate(message.attachments, start=1):
        name = f"{inside}{numbered('description', number)}"
        texts.append((name, attachment.description or ""))
    for name, text in texts:
        if text and not text.isspace():
            yield Surface(name, text)
    for number, file in text_files(message.attachments):
        yield AttachedFile(f"{inside}{numbered('attachment', number)}", file)


def _poll_text(poll: discord.Poll) -> str:
    """The question and the answers, a line each."""
    return "\n".join([poll.question, *(answer.text for answer in poll.answers)])
