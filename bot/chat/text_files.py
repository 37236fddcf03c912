"""Text files that are attached to messages: which of them are read, and how."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import discord

# What Discord makes of a long text that is pasted has a few kilobytes. A larger file is not read at
# all: its beginning alone would tell nothing about the rest.
LARGEST_BYTES = 64 * 1024
# Files of a message that are read; each may be the size of thirty messages.
MOST_FILES = 3
# Seconds that one file may take.
FETCH_S = 10.0

_KINDS = frozenset({"application/json", "application/xml", "application/x-yaml"})
_ENDINGS = frozenset(
    {".txt", ".md", ".log", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".ini", ".rtf"}
)
# The marks that a text in UTF-16 or UTF-32 begins with; the longer ones first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class TextFile:
    """An attached file that seems to hold text."""

    attachment: discord.Attachment

    @property
    def id(self) -> int:
        """Discord's id of the attachment."""
        return self.attachment.id

    async def read(self) -> str | None:
        """Fetch the text from Discord's file server; None if the file is gone or is no text.

        Raises
        ------
        discord.HTTPException, TimeoutError, OSError
            If it cannot be fetched.
        """
        try:
            async with asyncio.timeout(FETCH_S):
                content = await self.attachment.read()
        except (discord.NotFound, discord.Forbidden):
            return None
        return decode(content[:LARGEST_BYTES])


def text_files(attachments: Sequence[discord.Attachment]) -> list[tuple[int, TextFile]]:
    """The files that are read, each with its place among the attachments, counted from 1."""
    found = [
        (number, TextFile(attachment))
        for number, attachment in enumerate(attachments, start=1)
        if 0 < attachment.size <= LARGEST_BYTES and _seems_text(attachment)
    ]
    return found[:MOST_FILES]


def _seems_text(attachment: discord.Attachment) -> bool:
    kind = (attachment.content_type or "").partition(";")[0].strip().lower()
    ending = PurePosixPath(attachment.filename).suffix.lower()
    return kind.startswith("text/") or kind in _KINDS or ending in _ENDINGS


def decode(content: bytes) -> str | None:
    """The text in a file: UTF-8, or UTF-16 and UTF-32 by their mark, or else Windows-1252.

    Returns
    -------
    str or None
        None if it is no text, whatever it is called.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start >= len(content) - 3:  # cut in the middle of a character
            return content.decode("utf-8-sig", "ignore")
        return content.decode("cp1252", "replace")
