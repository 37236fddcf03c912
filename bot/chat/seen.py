"""Which texts were seen lately, remembered by keyed hash and never as text."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict


class Seen:
    """The latest text of each of many things; the oldest are forgotten first.

    Parameters
    ----------
    capacity
        How many things are remembered.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._key = secrets.token_bytes(16)
        self._latest: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def note(self, thing: tuple[int, int], text: str) -> bool:
        """Remember the text that something has now; False: it had the same before."""
        words = text.encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(words, key=self._key, digest_size=16).digest()
        known = self._latest.get(thing)
        self._latest[thing] = digest
        self._latest.move_to_end(thing)
        if len(self._latest) > self._capacity:
            self._latest.popitem(last=False)
        return known != digest

    def forget(self, thing: tuple[int, int]) -> None:
        """Take it as never seen."""
        self._latest.pop(thing, None)
