"""What a model is worth on labelled rows: figures, and the tables that show them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from bot.labels import LABELS
from bot.screening.model import load_model
from training.calibrate import Curve, calibration_error, measure
from training.data import Floats, Labelled


def evaluate(directory: Path, rows: Labelled) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure a model as the bot would run it: all views and windows of a text, calibrated.

    Parameters
    ----------
    directory
        A Hugging Face checkpoint or a model directory.
    rows
        What to measure on.

    Returns
    -------
    tuple of dict
        The figures of `summarise`, and for each preset of the model its `thresholds_table`.
    """
    model = load_model(str(directory.resolve()))
    scores = np.array([list(one.as_dict().values()) for one in model.score(rows.texts)])
    tables = {
        name: thresholds_table(scores, rows, thresholds.as_dict())
        for name, thresholds in model.presets.items()
    }
    return summarise(scores, rows), tables


def summarise(scores: Floats | Curve, rows: Labelled) -> dict[str, Any]:
    """ROC AUC and average precision, per label and mean, under the prior weights.

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


def markdown(title: str, figures: Mapping[str, Any], tables: Mapping[str, Any]) -> str:
    """The figures of `summarise` and of `thresholds_table` (by name) as a Markdown page."""
    lines = [f"# {title}", "", "| label | positives | ROC AUC | average precision |"]
    lines.append("|---|---:|---:|---:|")
    for label, one in figures.items():
        cells = [_cell(one.get(name)) for name in ("positives", "roc_auc", "average_precision")]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    columns = ("threshold", "precision", "recall", "f1", "calibration_error")
    for name, table in tables.items():
        lines += ["", f"## {name}", "", f"| label | {' | '.join(columns)} |"]
        lines.append("|---|" + "---:|" * len(columns))
        for label, one in table.items():
            lines.append(f"| {label} | {' | '.join(_cell(one[column]) for column in columns)} |")
    return "\n".join(lines).replace("calibration_error", "calibration error") + "\n"


def _cell(value: float | None) -> str:
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
