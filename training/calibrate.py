"""Logits become probabilities, and probabilities become presets.

Both are fitted on validation rows, which the weights have never seen, under the prior weights.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from bot.labels import LABELS, Label
from bot.screening.artifact import PRESET_NAMES, Calibration, PresetName, PresetRule
from training import origins, runs
from training.config import Presets, TrainingError
from training.data import Floats, Labelled

log = logging.getLogger(__name__)

Curve = npt.NDArray[np.float64]

GRID = np.arange(1, 100) / 100  # thresholds that a moderator can read and type
MIN_HITS = 10  # rightly flagged rows below which a measured precision is luck
BINS = 15
UNCALIBRATED = dict.fromkeys(LABELS, Calibration())
LARGEST_LOG_SCALE = 4.0
MIN_ROWS = 10  # rows in a bin below which its share is not drawn


class CalibrationError(TrainingError):
    """A calibration that cannot be read."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A preset's rule for one label, and how it was arrived at."""

    rule: PresetRule
    target: float
    reached: bool
    """False where no threshold measured the target; the threshold is then the target itself."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What `calibrate` found out."""

    calibration: dict[Label, Calibration]
    presets: dict[PresetName, dict[Label, Chosen]]
    error_before: dict[Label, float]
    error_after: dict[Label, float]


def calibrate(logits: Floats, rows: Labelled, presets: Presets) -> Calibrated:
    """Fit each label's scaling and choose the presets' thresholds.

    Parameters
    ----------
    logits
        [rows, 6], of rows that the model was not trained on.
    rows
        Their labels and prior weights.
    presets
        The precision to aim at.
    """
    calibration = {
        label: platt(logits[:, at], rows.labels[:, at], rows.weights)
        for at, label in enumerate(LABELS)
    }
    _warn_of_bounds(calibration, rows)
    raw = probabilities(logits, UNCALIBRATED)
    scores = probabilities(logits, calibration)
    return Calibrated(
        calibration,
        choose_presets(scores, rows, presets),
        error_before=calibration_errors(raw, rows),
        error_after=calibration_errors(scores, rows),
    )


def _warn_of_bounds(calibration: Mapping[Label, Calibration], rows: Labelled) -> None:
    """Tell of labels whose slope the rows do not settle: it went as far as it may."""
    for at, label in enumerate(LABELS):
        if abs(np.log(calibration[label].scale)) > LARGEST_LOG_SCALE - 1e-3:
            log.warning(
                "%s: the slope of its calibration went to its bound (%.3g): %d of %d held-out rows "
                "have the label, which does not settle it; hold out more rows "
                "(rows.validation_share) before its probabilities are relied on",
                label, calibration[label].scale, int(rows.labels[:, at].sum()), len(rows),
            )  # fmt: skip


def choose_presets(
    scores: Curve, rows: Labelled, presets: Presets
) -> dict[PresetName, dict[Label, Chosen]]:
    """The thresholds of all presets, from calibrated probabilities [rows, 6]."""
    chosen: dict[PresetName, dict[Label, Chosen]] = {name: {} for name in PRESET_NAMES}
    for at, label in enumerate(LABELS):
        floor = 0.0
        # From the most to the least that is flagged, so that thresholds rise with the target.
        for name in ("strict", "balanced", "relaxed"):
            found = choose(
                scores[:, at],
                rows.labels[:, at],
                rows.weights,
                presets.target(name, label),
                floor,
            )
            chosen[name][label] = found
            floor = found.rule.threshold
    return chosen


def platt(logits: Floats, truth: Floats, weights: Floats) -> Calibration:
    """Platt scaling of one label: probability = sigmoid(scale × logit + bias).

    The targets are drawn in from 0 and 1 by the size of the sample (Platt 1999, "Probabilistic
    outputs for support vector machines"), so that few positives do not give certainty. The scale
    stays positive: calibration never turns a ranking round.
    """
    wanted, rest = float(truth.sum()), float((1 - truth).sum())
    target = np.where(truth > 0, (wanted + 1) / (wanted + 2), 1 / (rest + 2))
    logit = logits.astype(np.float64)
    total = float(weights.sum())

    def loss(parameters: Curve) -> tuple[float, Curve]:
        scale = np.exp(parameters[0])
        z = scale * logit + parameters[1]
        value = float((weights * (np.logaddexp(0.0, z) - target * z)).sum()) / total
        slope = weights * (_sigmoid(z) - target) / total
        return value, np.array([(slope * logit).sum() * scale, slope.sum()])

    found = minimize(
        loss,
        np.zeros(2),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE), (None, None)],
    )
    return Calibration(scale=float(np.exp(found.x[0])), bias=float(found.x[1]))


def probabilities(logits: Floats, calibration: dict[Label, Calibration]) -> Curve:
    """Calibrated probabilities [rows, 6]."""
    scale = np.array([calibration[label].scale for label in LABELS])
    bias = np.array([calibration[label].bias for label in LABELS])
    return _sigmoid(logits.astype(np.float64) * scale + bias)


def choose(
    scores: Curve, truth: Floats, weights: Floats, target: float, floor: float = 0.0
) -> Chosen:
    """The lowest threshold, at least ``floor``, that flags with a precision of at least ``target``.

    Twice over: the precision measured on these rows, and the one that the calibrated probabilities
    of the flagged rows promise (their mean). The first alone would pick the threshold at which
    these rows happen to be kind, and other rows would not keep it.

    Where there is none (or too few rows are flagged to measure it), the threshold is the target
    itself: among texts with a calibrated probability of at least p, at least a share p is rightly
    flagged, as far as the calibration holds.
    """
    for threshold in GRID:
        if threshold < floor:
            continue
        rule = measure(scores, truth, weights, float(threshold))
        flagged = scores >= threshold
        if (flagged & (truth > 0)).sum() < MIN_HITS or rule.precision is None:
            continue
        promised = float(np.average(scores[flagged], weights=weights[flagged]))
        if min(rule.precision, promised) >= target:
            return Chosen(rule, target, reached=True)
    return Chosen(measure(scores, truth, weights, max(target, floor)), target, reached=False)


def measure(scores: Curve, truth: Floats, weights: Floats, threshold: float) -> PresetRule:
    """A threshold with the precision and recall it has on these rows, under their weights."""
    flagged = scores >= threshold
    hits = float(weights[flagged & (truth > 0)].sum())
    all_flagged, wanted = float(weights[flagged].sum()), float(weights[truth > 0].sum())
    return PresetRule(
        threshold=threshold,
        precision=round(hits / all_flagged, 4) if all_flagged else None,
        recall=round(hits / wanted, 4) if wanted else None,
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """The rows whose scores lie between two numbers."""

    rows: int
    score: float
    """Their mean score, under the weights; NaN without rows."""
    share: float
    """The share of them that has the label, under the weights; NaN without rows."""


class Gaps:
    """How far one label's scores are from what came true, ready to be measured under any weights.

    Parameters
    ----------
    scores
        [rows], probabilities.
    truth
        [rows], 0 or 1.
    """

    def __init__(self, scores: Floats | Curve, truth: Floats) -> None:
        self._bins, self._off = _bins(scores), scores - truth

    def error(self, weights: Floats | Curve) -> float:
        """Expected calibration error under these weights [rows]: the mean distance of score and
        outcome over equal-width bins."""
        gap = np.bincount(self._bins, weights * self._off, minlength=BINS)
        return float(np.abs(gap).sum() / weights.sum())


def calibration_error(scores: Curve, truth: Floats, weights: Floats) -> float:
    """The expected calibration error of `Gaps`."""
    return Gaps(scores, truth).error(weights)


def calibration_errors(scores: Curve, rows: Labelled) -> dict[Label, float]:
    """The `calibration_error` of each label; ``scores`` is [rows, 6]."""
    return {
        label: calibration_error(scores[:, at], rows.labels[:, at], rows.weights)
        for at, label in enumerate(LABELS)
    }


def outcomes(scores: Curve, truth: Floats, weights: Floats) -> list[Bin]:
    """The bins of `calibration_error`, from the lowest scores up."""
    bins = _bins(scores)
    rows = np.bincount(bins, minlength=BINS)
    weight, score, share = (
        np.bincount(bins, weights * each, minlength=BINS)
        for each in (np.ones_like(scores), scores, truth)
    )
    means = np.full((2, BINS), np.nan)
    np.divide([score, share], weight, out=means, where=rows > 0)
    return [Bin(int(count), *pair) for count, pair in zip(rows, means.T.tolist(), strict=True)]


def before_and_after(logits: Floats, found: Calibrated) -> dict[str, Curve]:
    """The probabilities [rows, 6] of logits, uncalibrated and calibrated, for `reliability`."""
    return {
        "before": probabilities(logits, UNCALIBRATED),
        "after": probabilities(logits, found.calibration),
    }


def reliability(path: Path, title: str, scored: Mapping[str, Curve], rows: Labelled) -> None:
    """Write reliability diagrams: per label, the share that has it against the score.

    A calibrated model lies on the diagonal. Bins with fewer than `MIN_ROWS` rows are gaps.

    Parameters
    ----------
    path
        The PNG file.
    title
        What the picture shows.
    scored
        Name → probabilities [rows, 6]: before and after calibration, say.
    rows
        The rows they belong to.
    """
    from training.plots import Panel, draw_lines, small_multiples

    panels: dict[str, Panel] = {}
    for at, label in enumerate(LABELS):
        series = {}
        for name, scores in scored.items():
            bins = outcomes(scores[:, at], rows.labels[:, at], rows.weights)
            shown = np.array([one.rows >= MIN_ROWS for one in bins])
            score, share = (
                np.array([getattr(one, axis) for one in bins]) for axis in ("score", "share")
            )
            series[name] = (np.where(shown, score, np.nan), np.where(shown, share, np.nan))
        panels[label.caption] = partial(
            draw_lines,
            series=series,
            x="score",
            y="share with the label",
            diagonal=True,
            unit_square=True,
        )
    small_multiples(path, title, panels)


def write(path: Path, found: Calibrated, made_from: origins.Origin | None = None) -> None:
    """Write what was found as JSON, with `origins.of_graph` where it comes from a graph."""
    report: dict[str, Any] = {
        "calibration": {label: one.model_dump() for label, one in found.calibration.items()},
        "presets": {
            name: {
                label: one.rule.model_dump() | {"target": one.target, "reached": one.reached}
                for label, one in rules.items()
            }
            for name, rules in found.presets.items()
        },
        "calibration_error": {"before": found.error_before, "after": found.error_after},
    }
    if made_from is not None:
        report["made_from"] = dict(made_from)
    runs.write_json(path, report)


def load(path: Path) -> Calibrated:
    """Read what `write` wrote.

    Raises
    ------
    CalibrationError
        The file cannot be read, or is not whole.
    """
    try:
        return _parsed(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CalibrationError(
            f"{path}: not a whole calibration ({reason}); run `calibrate` again"
        ) from None


def _parsed(report: dict[str, Any]) -> Calibrated:
    missing = [label.value for label in LABELS if label not in report["calibration"]]
    if missing:
        raise ValueError(f"{', '.join(missing)} is missing")
    return Calibrated(
        {Label(label): Calibration(**one) for label, one in report["calibration"].items()},
        {
            name: {
                Label(label): Chosen(
                    PresetRule(**{key: one[key] for key in PresetRule.model_fields}),
                    one["target"],
                    one["reached"],
                )
                for label, one in rules.items()
            }
            for name, rules in report["presets"].items()
        },
        *(
            {Label(label): error for label, error in report["calibration_error"][when].items()}
            for when in ("before", "after")
        ),
    )


def _bins(scores: Floats | Curve) -> npt.NDArray[np.int64]:
    return np.minimum((scores * BINS).astype(np.int64), BINS - 1)


def _sigmoid(z: Curve) -> Curve:
    return np.exp(-np.logaddexp(0.0, -z))
