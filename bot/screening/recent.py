"""Scores of what was scored lately, without the texts."""

from __future__ import annotations

import hashlib
import secrets
import struct
from collections import OrderedDict

from bot.labels import LABELS, Scores

# As objects, the six numbers of an entry would take three times as much.
_PACKED = struct.Struct(f"{len(LABELS)}d")


class Recent:
    """The latest scores, by a keyed hash of what was scored; the least lately used go first.

    The hash's key is random and kept nowhere else, so an entry does not tell what it is of, not
    even by trying texts out in a copy of the memory without the key. An entry takes about 250
    bytes, a third of them the scores.

    Parameters
    ----------
    most
        How many are remembered; 0 turns it off.
    """

    def __init__(self, most: int) -> None:
        if most < 0:
            raise ValueError(f"cache_entries is {most}; 0 (no cache) or more is needed")
        self._most = most
        self._secret = secrets.token_bytes(32)
        self._scores: OrderedDict[bytes, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._scores)

    def key(self, *parts: bytes) -> bytes:
        """What stands for the parts; the cut between two parts counts."""
        if not self._most:
            return b""
        digest = hashlib.blake2b(key=self._secret, digest_size=16)
        for part in parts:
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        return digest.digest()

    def get(self, key: bytes) -> Scores | None:
        """The scores under a key; being asked for makes them last longer."""
        packed = self._scores.get(key)
        if packed is None:
            return None
        self._scores.move_to_end(key)
        return Scores(*_PACKED.unpack(packed))

    def put(self, key: bytes, scores: Scores) -> None:
        """Remember scores."""
        if not self._most:
            return
        self._scores[key] = _PACKED.pack(*scores.as_dict().values())
        self._scores.move_to_end(key)
        if len(self._scores) > self._most:
            self._scores.popitem(last=False)
