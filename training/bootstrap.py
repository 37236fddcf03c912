"""How sure a figure is: bootstrap intervals of what an evaluation measures, and of shares.

Rows are resampled by giving each a random count, which multiplies its weight. So the scores are
sorted once, and a resample costs a few sums over sorted rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest
from tqdm import tqdm

from training.calibrate import Curve, Gaps
from training.cross_entropy import row_losses
from training.data import Floats

Interval = tuple[float, float]

LEVEL = 0.95


class Ranking:
    """One label's rows in the order of their scores, ready to be measured under any weights.

    Parameters
    ----------
    scores
        [rows]; any numbers that rank.
    truth
        [rows], 0 or 1.
    """

    def __init__(self, scores: Floats | Curve, truth: Floats) -> None:
        self._order = np.argsort(-scores, kind="stable")
        self._truth = truth[self._order].astype(np.float64)
        ranked = scores[self._order]
        # Rows with one score are told apart by no threshold: they enter together.
        self._ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)])

    def measure(self, weights: Floats | Curve) -> tuple[float, float]:
        """ROC AUC and average precision under these weights [rows]; NaN with a class missing.

        The area is the trapezoids' under the curve through the distinct scores; average precision
        is the sum of the precision at each distinct score times the gain in recall there. Both are
        what scikit-learn computes.
        """
        hits, false_alarms = self._counts(weights)
        if not (len(hits) and hits[-1] > 0 and false_alarms[-1] > 0):
            return float("nan"), float("nan")
        gained = np.diff(hits, prepend=0.0)
        area = np.diff(false_alarms, prepend=0.0) @ (hits - gained / 2)
        flagged = hits + false_alarms
        precision = np.divide(hits, flagged, out=np.zeros_like(hits), where=flagged > 0)
        return float(area / hits[-1] / false_alarms[-1]), float(gained @ precision / hits[-1])

    def curves(self, weights: Floats | Curve) -> tuple[Curve, Curve, Curve]:
        """False-alarm rate, recall and precision at each distinct score, from the highest down."""
        hits, false_alarms = self._counts(weights)
        return false_alarms / false_alarms[-1], hits / hits[-1], hits / (hits + false_alarms)

    def _counts(self, weights: Floats | Curve) -> tuple[Curve, Curve]:
        ranked = weights[self._order].astype(np.float64)
        hits: Curve = np.cumsum(ranked * self._truth)[self._ends]
        # Counted apart from the hits: a difference of two long sums would not be exactly 0.
        false_alarms: Curve = np.cumsum(ranked * (1.0 - self._truth))[self._ends]
        return hits, false_alarms


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals of every figure. A label with one class only has none of ``ranking``, and one
    without positives none of ``thresholds``.

    Attributes
    ----------
    ranking
        ``{label or "mean": {"roc_auc", "average_precision": interval}}``
    thresholds
        ``{preset: {label: {"precision", "recall", "f1": interval}}}``
    losses
        ``{label or "mean": {"cross_entropy": interval}}``
    calibration
        ``{label: {"calibration_error": interval}}``, the `pivotal_interval`.
    """

    ranking: dict[str, dict[str, Interval]]
    thresholds: dict[str, dict[str, dict[str, Interval]]]
    losses: dict[str, dict[str, Interval]]
    calibration: dict[str, dict[str, Interval]]


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    @property
    def share(self) -> float | None:
        """Count over all; None of none."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval of Wilson (1927); None of none."""
        if not self.of:
            return None
        found = binomtest(self.count, self.of).proportion_ci(0.95, method="wilson")
        return float(found.low), float(found.high)


def intervals(
    scores: Floats | Curve,
    truth: Floats,
    weights: Floats,
    presets: Mapping[str, Mapping[str, float]],
    *,
    labels: tuple[str, ...],
    count: int,
    seed: int,
) -> Intervals:
    """Percentile bootstrap over rows (Efron and Tibshirani 1993, chapter 13), 95% intervals.

    A resample in which a figure does not exist (a label without positives, nothing flagged) does
    not count for that figure.

    Parameters
    ----------
    scores, truth
        [rows, labels]; the scores are probabilities.
    weights
        [rows]; each draw of a row counts with its weight.
    presets
        Thresholds by preset and label.
    labels
        The names of the columns.
    count
        Resamples.
    seed
        Of the draws.
    """
    measured = [at for at in range(len(labels)) if 0 < truth[:, at].sum() < len(truth)]
    rankings = [Ranking(scores[:, at], truth[:, at]) for at in measured]
    limits = np.array([[rules[label] for label in labels] for rules in presets.values()])
    indicators = _indicators(scores, truth, limits.reshape(len(presets), len(labels)))
    ranked = np.empty((count, len(measured), 2))
    sums = np.empty((count, indicators.shape[1]))
    binned = [Gaps(scores[:, at], truth[:, at]) for at in range(len(labels))]
    losses = row_losses(scores, truth)
    costs = np.empty((count, len(labels)))
    errors = np.empty((count, len(labels)))
    for at, drawn in enumerate(resamples(weights, count, seed)):
        ranked[at] = [ranking.measure(drawn) for ranking in rankings]
        sums[at] = drawn @ indicators
        costs[at] = drawn @ losses / drawn.sum()
        errors[at] = [gaps.error(drawn) for gaps in binned]

    ranking: dict[str, dict[str, Interval]] = {}
    for place, at in enumerate(measured):
        ranking[labels[at]] = named_intervals(("roc_auc", "average_precision"), ranked[:, place])
    if measured:
        ranking["mean"] = named_intervals(("roc_auc", "average_precision"), ranked.mean(axis=1))

    thresholds: dict[str, dict[str, dict[str, Interval]]] = {name: {} for name in presets}
    wanted, rest = sums[:, : len(labels)], sums[:, len(labels) :]
    by_preset = rest.reshape(count, len(presets), 2, len(labels))
    for place, name in enumerate(presets):
        flagged, hits = by_preset[:, place, 0], by_preset[:, place, 1]
        for at, label in enumerate(labels):
            if not wanted[:, at].any():
                continue
            with np.errstate(divide="ignore", invalid="ignore"):
                figures = np.stack(
                    [
                        hits[:, at] / flagged[:, at],
                        hits[:, at] / wanted[:, at],
                        2 * hits[:, at] / (flagged[:, at] + wanted[:, at]),
                    ],
                    axis=1,
                )
            thresholds[name][label] = named_intervals(("precision", "recall", "f1"), figures)
    whole = [gaps.error(weights) for gaps in binned]
    return Intervals(
        ranking,
        thresholds,
        {
            name: named_intervals(("cross_entropy",), drawn[:, None])
            for name, drawn in zip((*labels, "mean"), (*costs.T, costs.mean(axis=1)), strict=True)
        },
        {
            label: {"calibration_error": pivotal_interval(one, drawn)}
            for label, one, drawn in zip(labels, whole, errors.T, strict=True)
        },
    )


def ranking_interval(
    scores: Floats | Curve, truth: Floats, weights: Floats, *, count: int, seed: int
) -> Interval | None:
    """The bootstrap interval of one ROC AUC; None where one class is missing."""
    ranking = Ranking(scores, truth)
    found = np.array([ranking.measure(drawn)[0] for drawn in resamples(weights, count, seed)])
    return percentile_interval(found)


def resamples(weights: Floats, count: int, seed: int) -> Iterator[Curve]:
    """The rows' weights [rows] in each of ``count`` draws of as many rows, with replacement. On a
    terminal a bar shows how far it is."""
    generator = np.random.default_rng(seed)
    rows = len(weights)
    # disable=None: no bar where standard error is a file
    for _ in tqdm(range(count), "resamples", disable=None, leave=False):
        drawn = np.bincount(generator.integers(0, rows, rows), minlength=rows)
        yield drawn.astype(np.float64) * weights


def percentile_interval(found: Curve) -> Interval | None:
    """What holds the middle `LEVEL` of a figure's draws; NaN does not count, None of none."""
    found = found[np.isfinite(found)]
    if not len(found):
        return None
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def pivotal_interval(whole: float, found: Curve) -> Interval:
    """The basic bootstrap interval (Davison and Hinkley 1997, chapter 5) of what is never negative.

    For figures that chance can only raise, as it does a mean of distances: resampling raises them
    once more, so the percentiles lie too high. Mirrored at the figure of all rows, they lie lower
    by what chance is likely to have added to it, and may leave that figure out.

    Of 200 simulated samples of 16,000 rows, 173 had an interval that held the true calibration
    error where that was 0.006 (percentiles: 81), and 186 where it was 0.034 (185). Where there is
    no error at all it promises too much: 78 held the 0 (0).

    Parameters
    ----------
    whole
        The figure of all rows.
    found
        Of the resamples, [draws], all finite.
    """
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return max(0.0, float(2 * whole - high)), max(0.0, float(2 * whole - low))


def _indicators(
    scores: Floats | Curve, truth: Floats, limits: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Columns whose weighted sums are: wanted, then by preset flagged and rightly flagged."""
    columns = [truth.astype(np.float64)]
    for thresholds in limits:
        flagged = (scores >= thresholds).astype(np.float64)
        columns += [flagged, flagged * truth]
    return np.concatenate(columns, axis=1)


def named_intervals(names: Sequence[str], found: Curve) -> dict[str, Interval]:
    """The `percentile_interval` of each column of [draws, names]; what has none is left out."""
    intervals = {name: percentile_interval(found[:, at]) for at, name in enumerate(names)}
    return {name: one for name, one in intervals.items() if one is not None}
