"""The three AUCs of `training.bias`, ready to be measured under any weights.

An AUC counts, for each toxic row, the harmless ones that score lower. A term is named by few rows
of many, so what its rows win against *all* others is summed once for all terms; less what they win
against each other, that is what they win against the background.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.calibrate import Curve
from training.data import Floats

Flags = npt.NDArray[np.bool_]

_NONE = 1e-9  # of all weight: what sums of the same rows in another order may differ by


class ThreeAucs:
    """Subgroup, BPSN and BNSP AUC of several groups of rows.

    Parameters
    ----------
    scores
        [rows]; any numbers that rank.
    truth
        [rows], 0 or 1: whether a row is toxic.
    members
        For each group [rows], whether a row belongs to it.
    """

    def __init__(self, scores: Floats | Curve, truth: Floats, members: Sequence[Flags]) -> None:
        self._toxic = truth.astype(np.float64)
        self._all = _Standings(scores)
        self._groups = [(rows, _Standings(scores[rows])) for rows in map(np.flatnonzero, members)]

    def measure(self, weights: Floats | Curve) -> Curve:
        """The AUCs [groups, 3] under these weights [rows]; NaN where a class is missing."""
        each = weights.astype(np.float64)
        toxic, harmless = each * self._toxic, each * (1.0 - self._toxic)
        lost, won = self._all.lost_and_won(toxic, harmless)
        all_toxic, all_harmless = toxic.sum(), harmless.sum()
        found = np.full((len(self._groups), 3), np.nan)
        for at, (rows, standings) in enumerate(self._groups):
            own_toxic, own_harmless = toxic[rows], harmless[rows]
            inside = own_toxic @ standings.lost_and_won(own_toxic, own_harmless)[1]
            mine, theirs = own_toxic.sum(), own_harmless.sum()
            pairs = (
                (inside, mine, theirs),
                (own_harmless @ lost[rows] - inside, all_toxic - mine, theirs),
                (own_toxic @ won[rows] - inside, mine, all_harmless - theirs),
            )
            for place, (right, positive, negative) in enumerate(pairs):
                if positive > _NONE * all_toxic and negative > _NONE * all_harmless:
                    found[at, place] = right / positive / negative
        # A difference of two long sums may be a hair off what can be.
        return found.clip(0.0, 1.0)


class _Standings:
    """Where each row's score stands among these rows."""

    def __init__(self, scores: Floats | Curve) -> None:
        _, self._levels = np.unique(scores, return_inverse=True)

    def lost_and_won(self, toxic: Curve, harmless: Curve) -> tuple[Curve, Curve]:
        """For each row the weight of the toxic ones over it, and that of the harmless ones under
        it, of the weights [rows] of either class; half of it where the scores are the same."""
        above, below = (np.bincount(self._levels, each) for each in (toxic, harmless))
        lost = above.sum() - np.cumsum(above) + above / 2
        won = np.cumsum(below) - below / 2
        return lost[self._levels], won[self._levels]
