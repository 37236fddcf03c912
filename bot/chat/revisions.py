"""Tells a real edit from the other reasons for which Discord sends a message again."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime

import discord

from bot.chat.surfaces import Surface

AS_POSTED = 0


class Revisions:
    """Numbers the revisions of messages: 0 as posted, an edit by its time in Unix milliseconds.

    Discord sends an update also when a link unfolds, a message is pinned or a session is resumed.
    The latest revision of each message is remembered by number and keyed hash, never by text; the
    oldest messages are forgotten first.

    Parameters
    ----------
    capacity
        How many messages are remembered.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._key = secrets.token_bytes(16)
        self._latest: OrderedDict[int, tuple[int, bytes]] = OrderedDict()

    def next(self, message: discord.Message, texts: Iterable[Surface]) -> int | None:
        """The number of this revision, or None if there is nothing new to screen in it."""
        digest = self._digest(texts)
        known = self._latest.get(message.id)
        if known is not None and known[1] == digest:
            return None
        number = self._number(message, known)
        if known is not None and number < known[0]:
            return None  # an older revision that arrives late, after a resumed session
        if known is not None and number == known[0]:
            number += 1  # another edit in the same instant of Discord's clock
        self._latest[message.id] = (number, digest)
        self._latest.move_to_end(message.id)
        if len(self._latest) > self._capacity:
            self._latest.popitem(last=False)
        return number

    def forget(self, message_id: int) -> None:
        """Take a message as never seen: its revision could not be dealt with."""
        self._latest.pop(message_id, None)

    def _number(self, message: discord.Message, known: tuple[int, bytes] | None) -> int:
        if message.edited_at is not None:
            return milliseconds(message.edited_at)
        # Changed words without a time of editing: the clock has to serve.
        return AS_POSTED if known is None else milliseconds(datetime.now(UTC))

    def _digest(self, texts: Iterable[Surface]) -> bytes:
        digest = hashlib.blake2b(key=self._key, digest_size=16)
        for surface in texts:
            words = surface.text.encode("utf-8", "surrogatepass")
            digest.update(f"{surface.name}:{len(words)}:".encode())
            digest.update(words)
        return digest.digest()


def milliseconds(time: datetime) -> int:
    """A time as Unix milliseconds."""
    return int(time.timestamp() * 1000)
