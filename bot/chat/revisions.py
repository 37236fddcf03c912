"""Tells a real edit from the other reasons for which Discord sends a message again."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import discord

from bot.chat.surfaces import Part

AS_POSTED = 0


@dataclass(frozen=True, slots=True)
class Revision:
    """What is new in a message.

    Attributes
    ----------
    number
        0 as posted, an edit by its time in Unix milliseconds; of several edits in one millisecond,
        each has one more than the one before.
    parts
        Those of its texts that its last revision did not have; at least one.
    """

    number: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class _Latest:
    """The last revision of a message.

    Attributes
    ----------
    at
        The number that the message itself gives: 0 or the time of its last edit.
    number
        The number that its texts got.
    texts
        Every text's name, and a digest of the text and its kind of place; not a dictionary, which
        would take most of the memory that a message takes here.
    dealt_with
        Whether its texts are known; otherwise they are all new once more.
    """

    at: int
    number: int
    texts: tuple[tuple[str, bytes], ...]
    dealt_with: bool = True


class Revisions:
    """Finds what is new in a message that comes again, and numbers its revisions.

    Discord sends an update also when a link unfolds, a message is pinned or a session is resumed. A
    link that unfolds brings a new text beside those that are known, and these are not screened
    again. The latest revision of each message is remembered by number and keyed hashes, never by
    text; the oldest messages are forgotten first.

    Parameters
    ----------
    capacity
        How many messages are remembered.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._key = secrets.token_bytes(16)
        self._latest: OrderedDict[int, _Latest] = OrderedDict()

    def next(self, message: discord.Message, parts: Sequence[Part]) -> Revision | None:
        """What is new in a message with these texts, or None if nothing is; remembers them."""
        compared = self._compare(message, parts)
        if compared is None:
            return None
        latest, new = compared
        self._latest[message.id] = latest
        self._latest.move_to_end(message.id)
        if len(self._latest) > self._capacity:
            self._latest.popitem(last=False)
        return Revision(latest.number, new) if new else None

    def is_news(self, message: discord.Message, parts: Sequence[Part]) -> bool:
        """Whether something is new in a message with these texts; remembers nothing of it."""
        compared = self._compare(message, parts)
        return compared is not None and bool(compared[1])

    def _compare(
        self, message: discord.Message, parts: Sequence[Part]
    ) -> tuple[_Latest, tuple[Part, ...]] | None:
        """A revision with what is new in it; None for one that is older than what is known."""
        known = self._latest.get(message.id)
        at = AS_POSTED if message.edited_at is None else milliseconds(message.edited_at)
        if known is not None and at < known.at:
            return None  # it arrives late, after a resumed session
        texts = {part.name: self._digest(part) for part in parts}
        before = {} if known is None else dict(known.texts)
        digests = set(before.values())
        others = tuple(part for part in parts if texts[part.name] not in digests)
        number = at
        if known is not None and at > known.at:
            number = max(at, known.number + 1)  # beyond those counted up in an instant before
        elif known is not None:
            number = known.number
            if any(part.name in before for part in others):
                # Other words in the same place: another edit in one instant of Discord's clock, or
                # one that does not say when it was made, for which ours has to serve.
                number = number + 1 if at else max(number + 1, milliseconds(datetime.now(UTC)))
        new = others if known is None or known.dealt_with else tuple(parts)
        return _Latest(at, number, tuple(texts.items())), new

    def __contains__(self, message_id: int) -> bool:
        latest = self._latest.get(message_id)
        return latest is not None and latest.dealt_with

    def forget(self, message_id: int) -> None:
        """Take a message's texts as never seen: its revision could not be dealt with.

        Its number stays known. An edit in the same instant that got it again would pass for the
        one before it.
        """
        if (latest := self._latest.get(message_id)) is not None:
            self._latest[message_id] = replace(latest, dealt_with=False)

    def _digest(self, part: Part) -> bytes:
        # Without the number: an embed that moves up because another one went is the same embed.
        kind = part.name.partition("-")[0] if "/" not in part.name else part.name
        words = part.identity.encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(f"{kind}:".encode(), key=self._key, digest_size=16)
        digest.update(words)
        return digest.digest()


def milliseconds(time: datetime) -> int:
    """A time as Unix milliseconds."""
    return int(time.timestamp() * 1000)
