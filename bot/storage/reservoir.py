"""A uniform sample of fixed size from a stream of unknown length. Pure: no clock, no SQL.

A stream is gathered in memory with Vitter's Algorithm R ("Random sampling with a reservoir", ACM
Transactions on Mathematical Software 11, 1985). What was gathered is merged into a sample that is
kept elsewhere as Brown and Haas merge simple random samples ("Techniques for warehousing of sample
data", ICDE 2006, algorithm HRMERGE): how many of the merged sample come from which side follows the
hypergeometric distribution. The outcome is a simple random sample of everything that was offered,
as though one reservoir had seen it all.
"""

from __future__ import annotations

from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Reservoir(Generic[T]):
    """Keeps at most `most` of the items offered, each with the same probability.

    Attributes
    ----------
    most
        How many are kept.
    offered
        How many there were.
    kept
        The sample; all of them, in their order, as long as they fit.
    """

    def __init__(self, most: int, random: Random) -> None:
        self.most = most
        self._random = random
        self.offered = 0
        self.kept: list[T] = []

    def offer(self, item: T) -> None:
        """Take an item into account."""
        self.offered += 1
        if len(self.kept) < self.most:
            self.kept.append(item)
            return
        place = self._random.randrange(self.offered)
        if place < self.most:
            self.kept[place] = item


def merge(before: int, newer: Reservoir[T], most: int, random: Random) -> list[tuple[int, T]]:
    """Where items of a newer sample go in an older one, so that both make one sample.

    Parameters
    ----------
    before
        How many items the older sample stands for; it keeps the first ``min(before, most)`` of its
        places filled.
    newer
        What came since, in a reservoir of at least `most` items.
    most
        How many places there are.

    Returns
    -------
    list of (int, T)
        Places from 0 on, each once, and the items to be put there; the rest stays as it is.
    """
    filled = min(before, most)
    after = min(before + newer.offered, most)
    # Hypergeometric: how many of `after` items drawn from all are newer ones. It is the same where
    # items drawn and items sought change places, and drawing the fewer takes less time.
    fewer, others = sorted((newer.offered, after))
    drawn = random.sample(range(before + newer.offered), fewer)
    coming = sum(item < others for item in drawn)
    leaving = random.sample(range(filled), filled + coming - after)
    places = [*leaving, *range(filled, after)]
    return list(zip(places, random.sample(newer.kept, coming), strict=True))
