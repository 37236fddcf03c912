"""Bins of a histogram: where they begin, and how many values are in each."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

BINS = 50  # at most; few values get fewer


def counts(
    values: npt.NDArray[np.float64], *, log: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How many values each bin holds, and the bins' borders, one more.

    Where all values are whole, none aliases with the bins: on a linear axis the borders lie between
    whole numbers; on a logarithmic one a value n counts as spread evenly from n - 0.5 to n + 0.5.
    """
    low, high = float(values.min()), float(values.max())
    whole = bool((values == np.round(values)).all())
    bins = min(BINS, math.ceil(2 * math.sqrt(len(values))))
    if log and whole:
        found, times = np.unique(values, return_counts=True)
        below = np.concatenate([[0], np.cumsum(times)])
        borders = np.geomspace(low - 0.5, high + 0.5, bins + 1)
        steps = np.stack([found - 0.5, found + 0.5], axis=1).reshape(-1)
        reached = np.stack([below[:-1], below[1:]], axis=1).reshape(-1)
        return np.diff(np.interp(borders, steps, reached)), borders
    if log:
        borders = np.geomspace(low, max(high, low * 1.1), bins + 1)
    elif whole:
        width = max(1, math.ceil((high - low + 1) / BINS))
        count = math.ceil((high - low + 1) / width)
        borders = low - 0.5 + width * np.arange(count + 1, dtype=np.float64)
    else:
        # values that differ by less than a number can tell are drawn as one
        apart = max(abs(low), abs(high), 1e-300) * 1e-12
        borders = np.linspace(low, high if high - low > apart else low + 1.0, bins + 1)
    heights, _ = np.histogram(values, borders)
    return heights.astype(np.float64), borders
