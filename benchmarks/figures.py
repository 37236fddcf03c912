"""What is made of many single times: medians with their range, and totals from a few draws."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Self


class BenchmarkError(Exception):
    """A measurement that cannot be made as asked, in one sentence."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several turns, and how far they lay apart."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Sum up at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, form: str = ",.1f", unit: str = "") -> str:
        """``12.3 (11.0–13.1) ms``; the median alone where nothing was repeated."""
        shown = f"{self.median:{form}}"
        if self.lowest != self.highest:
            shown += f" ({self.lowest:{form}}–{self.highest:{form}})"
        return f"{shown} {unit}".rstrip()


def ratios(one: Sequence[float], other: Sequence[float]) -> Spread:
    """``one / other``, turn by turn."""
    return Spread.of([mine / theirs for mine, theirs in zip(one, other, strict=True)])


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that ``percent`` per cent of all values do not exceed (nearest rank).

    Parameters
    ----------
    values
        At least one; in any order.
    percent
        Over 0, up to 100.
    """
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100.0), 1) - 1]


def strata(costs: Sequence[float], count: int) -> list[list[int]]:
    """Part items into groups of like cost, so that a few draws stand for all of them.

    Each group costs about the same altogether, so there are many cheap items in one group and few
    dear ones in another: one draw of each group is then the best use of so many draws where the
    spread within a group grows with the cost (Neyman 1934, "optimum allocation").

    Parameters
    ----------
    costs
        What each item is guessed to cost; positive.
    count
        How many groups, at most; each has at least one item.

    Returns
    -------
    list of list of int
        Indices into ``costs``, cheapest group first.
    """
    order = sorted(range(len(costs)), key=costs.__getitem__)
    share = sum(costs) / count
    groups: list[list[int]] = []
    spent = 0.0
    for index in order:
        # a group ends where the costs so far reach the next multiple of its share
        if not groups or spent >= len(groups) * share:
            groups.append([])
        groups[-1].append(index)
        spent += costs[index]
    return groups


def draw_each(groups: Sequence[Sequence[int]], seed: int) -> list[int]:
    """One member of each group."""
    draw = Random(seed)
    return [group[int(draw.random() * len(group))] for group in groups]


def total(groups: Sequence[Sequence[int]], found: Sequence[float]) -> float:
    """What all items cost together, from what one of each group was found to cost."""
    return sum(len(group) * cost for group, cost in zip(groups, found, strict=True))
