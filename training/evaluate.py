"""What a model is worth on labelled rows, in figures. How they are shown is in `report`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from bot.labels import LABELS, Label
from bot.screening.artifact import PresetName
from bot.screening.model import load_model
from training import suites
from training.bias import Bias, TemplateBias, measure_bias, measure_templates
from training.bootstrap import intervals
from training.calibrate import Bin, Curve, calibration_error, measure, outcomes
from training.cross_entropy import cross_entropies
from training.data import Floats, Labelled
from training.robustness import Controls, Robustness, measure_controls, measure_robustness
from training.scoring import Scorer, kept_of

RESAMPLES = 200
DISGUISED = 300  # rows of either kind that are disguised in every way


@dataclass(frozen=True, slots=True)
class Confusion:
    """What one label's threshold does to the rows; counts of rows, not weighted.

    Attributes
    ----------
    caught, missed
        Rows with the label, at or over the threshold and under it.
    flagged, passed
        Rows without it, likewise.
    """

    caught: int
    missed: int
    flagged: int
    passed: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that was measured.

    Attributes
    ----------
    rows, scores
        What was measured on, and its scores [rows, 6].
    figures
        Of `summarise` and `cross_entropies`, with the bootstrap's intervals under
        ``"interval"``.
    tables
        The `thresholds_table` of each preset, likewise.
    preset
        The one that confusion, bias, controls and robustness are measured at.
    outcomes
        By label: the bins of the reliability diagram.
    bias
        Of ``toxic``, on the rows.
    templates, controls
        On the texts that come with the trainer.
    robustness
        None where it was not asked for.
    """

    rows: Labelled
    scores: Curve
    figures: dict[str, Any]
    tables: dict[str, Any]
    preset: str
    confusion: dict[str, Confusion]
    outcomes: dict[str, list[Bin]]
    bias: Bias
    templates: TemplateBias
    controls: Controls
    robustness: Robustness | None


def evaluate(
    directory: Path,
    rows: Labelled,
    *,
    preset: PresetName = "balanced",
    resamples: int = RESAMPLES,
    disguised: int = DISGUISED,
    seed: int = 17,
    unfinished: Path | None = None,
) -> Evaluation:
    """Measure a model as the bot would run it: all views and windows of a text, calibrated.

    Parameters
    ----------
    directory
        A Hugging Face checkpoint or a model directory.
    rows
        What to measure on.
    preset
        Whose thresholds decide what is flagged.
    resamples
        Of the bootstrap; 0 leaves the intervals out.
    disguised
        Rows of either kind to disguise in every way, which costs about 150 times as many scores;
        0 leaves robustness out.
    seed
        Of the bootstrap, the draw of rows and their disguises.
    unfinished
        Of `training.kept.until_done`: an evaluation that is stopped goes on from there.
    """
    model = load_model(str(directory.resolve()))
    score = Scorer(model, None if unfinished is None else kept_of(unfinished, directory))
    scores = score(rows.texts, "rows")
    presets: dict[str, dict[str, float]] = {
        name: rules.as_dict() for name, rules in model.presets.items()
    }
    figures = summarise(scores, rows)
    for name, cost in cross_entropies(scores, rows).items():
        figures[name]["cross_entropy"] = cost
    tables = {name: thresholds_table(scores, rows, rules) for name, rules in presets.items()}
    if resamples:
        _add_intervals(figures, tables, scores, rows, presets, resamples, seed)
    thresholds = presets[preset]
    toxic = LABELS.index(Label.TOXIC)
    identity = suites.load_templates(suites.FOLDER / "identity.toml")
    sentences = identity.suite()
    harmless = suites.load_suite(suites.FOLDER / "controls.toml")
    return Evaluation(
        rows=rows,
        scores=scores,
        figures=figures,
        tables=tables,
        preset=preset,
        confusion=confusion(scores, rows, thresholds),
        outcomes={
            label.value: outcomes(scores[:, at], rows.labels[:, at], rows.weights)
            for at, label in enumerate(LABELS)
        },
        bias=measure_bias(
            rows.texts,
            scores[:, toxic],
            rows.labels[:, toxic],
            rows.weights,
            identity.bare_terms,
            count=resamples,
            seed=seed,
        ),
        templates=measure_templates(
            sentences.texts, sentences.abusive, identity.bare_terms, thresholds, score
        ),
        controls=measure_controls(
            {one.name: one.texts for one in harmless.functions}, thresholds, score
        ),
        robustness=measure_robustness(rows, scores, thresholds, score, count=disguised, seed=seed)
        if disguised
        else None,
    )


def summarise(scores: Floats | Curve, rows: Labelled) -> dict[str, Any]:
    """ROC AUC and average precision, per label and mean, under the rows' weights.

    Parameters
    ----------
    scores
        [rows, 6]; any scores that rank.
    rows
        The rows they belong to.

    Returns
    -------
    dict
        ``{label: {"positives", "roc_auc", "average_precision"}, …, "mean": {…}}``; a label with
        only one class among the rows is left out of the means and has no figures.
    """
    labels, weights = rows.labels, rows.weights
    figures: dict[str, Any] = {}
    for at, label in enumerate(LABELS):
        truth = labels[:, at]
        figures[label.value] = {"positives": int(truth.sum())}
        if 0 < truth.sum() < len(truth):
            figures[label.value] |= {
                "roc_auc": float(roc_auc_score(truth, scores[:, at], sample_weight=weights)),
                "average_precision": float(
                    average_precision_score(truth, scores[:, at], sample_weight=weights)
                ),
            }
    measured = [one for one in figures.values() if "roc_auc" in one]
    figures["mean"] = {
        name: float(np.mean([one[name] for one in measured])) if measured else float("nan")
        for name in ("roc_auc", "average_precision")
    }
    return figures


def thresholds_table(
    scores: Curve, rows: Labelled, thresholds: Mapping[str, float]
) -> dict[str, Any]:
    """Precision, recall and F1 of each label at its threshold, and its calibration error.

    Parameters
    ----------
    scores
        [rows, 6], probabilities.
    rows
        The rows they belong to.
    thresholds
        By label.
    """
    table: dict[str, Any] = {}
    for at, label in enumerate(LABELS):
        truth = rows.labels[:, at]
        rule = measure(scores[:, at], truth, rows.weights, thresholds[label])
        precision, recall = rule.precision, rule.recall
        table[label.value] = rule.model_dump() | {
            "f1": 2 * precision * recall / (precision + recall) if precision and recall else 0.0,
            "calibration_error": calibration_error(scores[:, at], truth, rows.weights),
        }
    return table


def confusion(
    scores: Curve, rows: Labelled, thresholds: Mapping[str, float]
) -> dict[str, Confusion]:
    """What each label's threshold does to the rows, by label.

    Parameters
    ----------
    scores
        [rows, 6], probabilities.
    rows
        The rows they belong to.
    thresholds
        By label.
    """
    found: dict[str, Confusion] = {}
    for at, label in enumerate(LABELS):
        over, truth = scores[:, at] >= thresholds[label], rows.labels[:, at] > 0
        found[label.value] = Confusion(
            caught=int((over & truth).sum()),
            missed=int((~over & truth).sum()),
            flagged=int((over & ~truth).sum()),
            passed=int((~over & ~truth).sum()),
        )
    return found


def _add_intervals(
    figures: dict[str, Any],
    tables: dict[str, Any],
    scores: Curve,
    rows: Labelled,
    presets: Mapping[str, Mapping[str, float]],
    resamples: int,
    seed: int,
) -> None:
    found = intervals(
        scores,
        rows.labels,
        rows.weights,
        presets,
        labels=tuple(label.value for label in LABELS),
        count=resamples,
        seed=seed,
    )
    for name, interval in found.losses.items():
        figures[name]["interval"] = found.ranking.get(name, {}) | interval
    for preset, rules in found.thresholds.items():
        for label, interval in found.calibration.items():
            tables[preset][label]["interval"] = rules.get(label, {}) | interval
