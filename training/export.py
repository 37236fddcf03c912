"""A calibrated run becomes the model directory that the bot loads."""

from __future__ import annotations

import logging
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bot.labels import LABELS
from bot.screening.artifact import MANIFEST, MODEL, TOKENIZER, Manifest, read, write
from bot.screening.model import load_model
from training.calibrate import Calibrated, calibration_error, probabilities
from training.card import Figures, render
from training.config import Artifact, TrainingError
from training.data import Floats, Labelled
from training.evaluate import summarise

log = logging.getLogger(__name__)

CARD = "README.md"
NEIGHBOUR_ROWS = 500  # texts scored alone and in batches, to see what neighbours change


class ExportError(TrainingError):
    """The model must not ship as it is."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The logits [rows, 6] of the validation rows, from the checkpoint and from its int8 graph."""

    fp32: Floats
    int8: Floats


def export(
    artifact: Artifact,
    quantised: Path,
    validation: Labelled,
    scored: Scored,
    calibrated: Calibrated,
    destination: Path,
) -> Manifest:
    """Write the model directory.

    Parameters
    ----------
    artifact
        What the experiment says of it.
    quantised
        The directory that `training.quantise.quantise_checkpoint` wrote.
    validation
        Rows that the model was not trained on; every figure is measured on them.
    scored
        Their logits.
    calibrated
        What `training.calibrate.calibrate` made of the int8 logits.
    destination
        The directory to write; files of the same names are replaced once all are made.

    Raises
    ------
    ExportError
        Quantisation costs more mean ROC AUC than ``artifact.largest_auc_drop``.
    """
    fp32, int8 = (summarise(logits, validation) for logits in (scored.fp32, scored.int8))
    drop = fp32["mean"]["roc_auc"] - int8["mean"]["roc_auc"]
    log.info("int8 costs %.5f mean ROC AUC", drop)
    if not drop <= artifact.largest_auc_drop:
        raise ExportError(
            f"int8 costs {drop:.5f} mean ROC AUC; artifact.largest_auc_drop allows "
            f"{artifact.largest_auc_drop}"
        )
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch)
        for name in (MODEL, TOKENIZER):
            shutil.copyfile(quantised / name, made / name)
        write(
            made,
            read(quantised).model_copy(
                update={
                    "calibration": calibrated.calibration,
                    "presets": {
                        name: {label: chosen.rule for label, chosen in rules.items()}
                        for name, rules in calibrated.presets.items()
                    },
                    "metrics": _metrics(int8, validation, scored.int8, calibrated),
                }
            ),
        )
        manifest = read(made)
        figures = Figures(
            manifest=manifest,
            chosen=calibrated.presets,
            positives={
                label.value: int(validation.labels[:, at].sum()) for at, label in enumerate(LABELS)
            },
            rows=len(validation),
            megabytes=(made / MODEL).stat().st_size / 1e6,
            auc_fp32=fp32["mean"]["roc_auc"],
            differences=_differences(scored, calibrated),
            neighbours=_neighbours(made, validation),
        )
        (made / CARD).write_text(render(artifact.card, figures), encoding="utf-8")
        destination.mkdir(parents=True, exist_ok=True)
        # The manifest goes last: a directory that was only half replaced fails its hashes.
        for name in (MODEL, TOKENIZER, CARD, MANIFEST):
            shutil.copyfile(made / name, destination / name)
    return manifest


def _metrics(
    figures: dict[str, Any], rows: Labelled, logits: Floats, calibrated: Calibrated
) -> dict[str, Any]:
    scores = probabilities(logits, calibrated.calibration)
    metrics: dict[str, Any] = {
        name: {label: round(one[name], 5) for label, one in figures.items() if name in one}
        for name in ("roc_auc", "average_precision")
    }
    metrics["calibration_error"] = {
        label.value: round(calibration_error(scores[:, at], rows.labels[:, at], rows.weights), 5)
        for at, label in enumerate(LABELS)
    }
    metrics["validation_rows"] = float(len(rows))
    return metrics


def _differences(scored: Scored, calibrated: Calibrated) -> Floats:
    """How far each score of the int8 graph is from the checkpoint's."""
    fp32, int8 = (
        probabilities(logits, calibrated.calibration) for logits in (scored.fp32, scored.int8)
    )
    return np.abs(fp32 - int8).astype(np.float32)


def _neighbours(directory: Path, rows: Labelled) -> Floats:
    """How far each score moves when its text is scored in batches instead of alone."""
    model = load_model(str(directory.resolve()))
    texts = rows.texts[:NEIGHBOUR_ROWS]
    found = []
    for model.batched in (False, True):
        found.append([list(one.as_dict().values()) for one in model.score(texts)])
    return np.abs(np.subtract(*found)).astype(np.float32)
