"""Logits become probabilities, and probabilities become presets.

Both are fitted on validation rows, which the weights have never seen, under the prior weights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from bot.labels import LABELS, Label
from bot.screening.artifact import PRESET_NAMES, Calibration, PresetName, PresetRule
from training.config import Presets
from training.data import Floats, Labelled

Curve = npt.NDArray[np.float64]

GRID = np.arange(1, 100) / 100  # thresholds that a moderator can read and type
MIN_HITS = 10  # rightly flagged rows below which a measured precision is luck
BINS = 15


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
    raw = probabilities(logits, dict.fromkeys(calibration, Calibration()))
    scores = probabilities(logits, calibration)
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
    return Calibrated(
        calibration,
        chosen,
        error_before=_errors(raw, rows),
        error_after=_errors(scores, rows),
    )


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
        loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(-4.0, 4.0), (None, None)]
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
    """The lowest threshold, at least ``floor``, whose measured precision is at least ``target``.

    Where none is (or too few rows are flagged to measure it), the threshold is the target itself:
    among texts with a calibrated probability of at least p, at least a share p is rightly flagged,
    as far as the calibration holds.
    """
    for threshold in GRID:
        if threshold < floor:
            continue
        rule = measure(scores, truth, weights, float(threshold))
        hits = ((scores >= threshold) & (truth > 0)).sum()
        if hits >= MIN_HITS and rule.precision is not None and rule.precision >= target:
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


def calibration_error(scores: Curve, truth: Floats, weights: Floats) -> float:
    """Expected calibration error: the mean distance of score and outcome over equal-width bins."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    gap = np.bincount(bins, weights * (scores - truth), minlength=BINS)
    return float(np.abs(gap).sum() / weights.sum())


def write(path: Path, found: Calibrated) -> None:
    """Write what was found as JSON."""
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
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def load(path: Path) -> Calibrated:
    """Read what `write` wrote."""
    report = json.loads(path.read_text(encoding="utf-8"))
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


def _errors(scores: Curve, rows: Labelled) -> dict[Label, float]:
    return {
        label: calibration_error(scores[:, at], rows.labels[:, at], rows.weights)
        for at, label in enumerate(LABELS)
    }


def _sigmoid(z: Curve) -> Curve:
    return np.exp(-np.logaddexp(0.0, -z))
