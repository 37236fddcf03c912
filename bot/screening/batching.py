"""Windows are put into batches by what a batch costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """What a batch costs a network beyond its tokens.

    Attributes
    ----------
    setup
        Of a batch, whatever it holds, in tokens. 0: the budget alone limits padding.
    padding
        Of each place that is filled up behind a shorter text, in tokens: 1 where the network
        computes it like a token.
    """

    setup: float = 0.0
    padding: float = 1.0

    def work(self, tokens: int, places: int) -> float:
        """What a batch's tokens cost together with its padding.

        Parameters
        ----------
        tokens
            Of all its texts.
        places
            Longest × count.
        """
        return tokens + self.padding * (places - tokens)


BUDGET_ALONE = Cost()
"""Batches as large as the budget lets them be."""


def batches(
    lengths: Sequence[int], budget: float, cost: Cost = BUDGET_ALONE
) -> Iterator[list[int]]:
    """Cut items into batches whose `Cost.work` stays within a budget.

    Parameters
    ----------
    lengths
        Tokens of each item.
    budget
        Of a batch. An item over it makes a batch of its own.
    cost
        No more than its ``setup`` is spent on padding the shorter ones up to the next item.

    Yields
    ------
    list of int
        Indices into ``lengths``, shortest items first; each index once.
    """
    batch: list[int] = []
    tokens = longest = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        length = lengths[index]
        work = cost.work(tokens + length, length * (len(batch) + 1))
        filled_up = cost.padding * (length - longest) * len(batch)
        if batch and (work > budget or (cost.setup and filled_up > cost.setup)):
            yield batch
            batch, tokens = [], 0
        batch.append(index)
        tokens += length
        longest = length
    if batch:
        yield batch
