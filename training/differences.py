"""How far models are from each other on the same rows, and how sure that is.

Differences are measured in pairs: all models get the same resampled rows, so what makes a sample
hard or easy for all cancels out, and small differences can be told from noise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from bot.labels import LABELS
from training.bootstrap import Ranking, percentile_interval, resamples
from training.calibrate import Curve
from training.cross_entropy import row_losses
from training.data import Floats, Labelled
from training.side_by_side import METRICS

CAPTIONS = {**METRICS, "cross_entropy": "cross-entropy"}
LOWER_IS_BETTER = frozenset({"cross_entropy"})

Difference = dict[str, float | None]
"""``difference``, and the ``low`` and ``high`` end of its interval."""


def differences(
    scores: Sequence[Floats | Curve], rows: Labelled, *, count: int, seed: int
) -> list[dict[str, dict[str, Difference]]]:
    """How far each model is from the first, with paired percentile bootstrap intervals.

    Efron and Tibshirani (1993), chapter 13: rows are drawn with replacement, each with its weight,
    and all models are measured on the same draw. A draw without one class of a label does not count
    for that label's ranking and for the mean's.

    Parameters
    ----------
    scores
        Of each model, [rows, 6], probabilities.
    rows
        The rows they belong to, at least one.
    count
        Draws.
    seed
        Of the draws.

    Returns
    -------
    list of dict
        For each model but the first ``{"mean" or label: {"roc_auc", "average_precision",
        "cross_entropy": {"difference", "low", "high"}}}``: the model's figure less the first one's,
        and its 95% interval. A label with one class only has the cross-entropy alone: it is not
        in the mean of the other two.
    """
    measured = [at for at, column in enumerate(rows.labels.T) if 0 < column.sum() < len(rows)]
    rankings = [[Ranking(one[:, at], rows.labels[:, at]) for at in measured] for one in scores]
    losses = np.stack([row_losses(one, rows.labels) for one in scores])
    ranked = [LABELS[at].value for at in measured]
    columns = [(name, metric) for name in ("mean", *ranked) for metric in METRICS] if ranked else []
    columns += [(name, "cross_entropy") for name in ("mean", *(label.value for label in LABELS))]

    def figures(weights: Curve) -> Curve:
        """[models, columns]"""
        parts: list[Curve] = []
        if ranked:
            each = np.array([[one.measure(weights) for one in model] for model in rankings])
            parts += [each.mean(axis=1), each.reshape(len(scores), -1)]
        costs = weights @ losses / weights.sum()
        parts += [costs.mean(axis=1, keepdims=True), costs]
        return np.concatenate(parts, axis=1)

    whole = figures(rows.weights.astype(np.float64))
    drawn = np.empty((count, *whole.shape))
    for at, weights in enumerate(resamples(rows.weights, count, seed)):
        drawn[at] = figures(weights)
    found: list[dict[str, dict[str, Difference]]] = []
    for model in range(1, len(scores)):
        apart, apart_drawn = whole[model] - whole[0], drawn[:, model] - drawn[:, 0]
        by_name: defaultdict[str, dict[str, Difference]] = defaultdict(dict)
        for at, (name, metric) in enumerate(columns):
            low, high = percentile_interval(apart_drawn[:, at]) or (None, None)
            by_name[name][metric] = {"difference": float(apart[at]), "low": low, "high": high}
        found.append(dict(by_name))
    return found


def verdict(metric: str, one: Difference) -> str | None:
    """Whether a difference is for the better or the worse, or may be chance; None of none."""
    low, high = one["low"], one["high"]
    if low is None or high is None:
        return None
    if low <= 0 <= high:
        return "may be noise"
    return "better" if (low > 0) != (metric in LOWER_IS_BETTER) else "worse"
