"""A calibrated run becomes the model directory that the bot loads."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bot.labels import LABELS
from bot.screening.artifact import MANIFEST, MODEL, TOKENIZER, Manifest, read, write
from bot.screening.model import load_model
from training import first_look, origins, runs
from training.calibrate import (
    Calibrated,
    calibration_errors,
    choose_presets,
    load,
    probabilities,
)
from training.calibrate import write as write_calibration
from training.card import Figures, render
from training.config import Experiment, Presets, TrainingError
from training.data import Floats, Labelled
from training.evaluate import summarise
from training.scoring import Scorer

log = logging.getLogger(__name__)

CARD = "README.md"
NEIGHBOUR_ROWS = 500  # texts scored alone and in batches, to see what neighbours change


class ExportError(TrainingError):
    """The model must not ship as it is."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The logits [rows, 6] of the validation rows.

    Attributes
    ----------
    fp32, int8
        From the checkpoint, and from its int8 graph, as it ships.
    whole
        From the int8 graph without its early exit; None where it has none.
    """

    fp32: Floats
    int8: Floats
    whole: Floats | None = None


def export_run(
    experiment: Experiment, directory: Path, destination: Path, *, replace_other: bool = False
) -> Manifest:
    """Write the model directory from what `train` and `calibrate` left in a run directory.

    Parameters
    ----------
    experiment
        The run's own, but for its presets and artifact, which may have changed since: the presets
        are then chosen anew, and ``calibration.json`` is written again with them.
    directory
        The run directory.
    destination
        The model directory, as in `export`.
    replace_other
        Whether it may hold another model, which is then lost.

    Raises
    ------
    RunError
        The run was begun with other settings, a step is missing, or was done with other weights.
    ConfigError
        As in `training.first_look.look_at_card`.
    CalibrationError
        ``calibration.json`` is not whole.
    ExportError
        Quantisation costs more mean ROC AUC than ``artifact.largest_auc_drop``, or the early exit
        more than its own ``largest_auc_drop``, or neither can be measured; or the destination
        holds something else, or a model of another version that is not to be replaced.
    """
    _check_destination(destination, experiment.artifact.model_version, replace_other)
    first_look.look_at_card(experiment.artifact)
    runs.check_same(experiment, directory)
    rows = runs.validation(directory)
    quantised = runs.made(directory / runs.QUANTISED)
    scored = Scored(
        fp32=runs.read_logits(directory / runs.LOGITS, rows),
        int8=runs.read_logits(directory / runs.INT8_LOGITS, rows),
        whole=(
            None
            if experiment.artifact.early_exit is None
            else runs.read_logits(directory / runs.WHOLE_LOGITS, rows)
        ),
    )
    calibrated = load(runs.made(directory / runs.CALIBRATION))
    origins.check_graph(directory)
    changed = not _aims_at(calibrated, experiment.presets)
    if changed:
        log.info("[presets] changed since `calibrate`: choosing the thresholds anew")
        scores = probabilities(scored.int8, calibrated.calibration)
        calibrated = replace(calibrated, presets=choose_presets(scores, rows, experiment.presets))
    manifest = export(experiment, quantised, rows, scored, calibrated, destination)
    if changed:
        write_calibration(directory / runs.CALIBRATION, calibrated, origins.made_from(directory))
    return manifest


def _check_destination(destination: Path, version: str, replace_other: bool) -> None:
    """Refuse a folder in which something would be lost."""
    if not destination.exists() or not any(destination.iterdir()):
        return
    there = _held(destination)
    if there is None:
        raise ExportError(
            f"{destination}: holds other files than a model directory's; name a new or empty folder"
        )
    if there != version and not replace_other:
        raise ExportError(
            f"{destination}: holds {there}, and this is {version}; name a new or empty folder, or "
            "add --replace"
        )


def _held(directory: Path) -> str | None:
    """What the model in a directory calls itself; None for a folder of other files."""
    unread = "another model (its manifest cannot be read)"
    try:
        # Not by `read`: one that is damaged, or made for an older normaliser, has a name too.
        found = json.loads((directory / MANIFEST).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        found = None
    except OSError:
        return unread
    if isinstance(found, dict) and "model_version" in found:
        return str(found["model_version"])
    # Others have a file of that name too: web apps, for one.
    return unread if (directory / MODEL).exists() else None


def _aims_at(calibrated: Calibrated, presets: Presets) -> bool:
    """Whether the thresholds were chosen for these targets."""
    return all(
        chosen.target == presets.target(name, label)
        for name, rules in calibrated.presets.items()
        for label, chosen in rules.items()
    )


def export(
    experiment: Experiment,
    quantised: Path,
    validation: Labelled,
    scored: Scored,
    calibrated: Calibrated,
    destination: Path,
) -> Manifest:
    """Write the model directory.

    Parameters
    ----------
    experiment
        Its artifact and its base say what the manifest calls the model.
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
        Quantisation or the early exit costs more mean ROC AUC than the experiment allows.
    """
    artifact = experiment.artifact
    fp32, int8 = (summarise(logits, validation) for logits in (scored.fp32, scored.int8))
    whole = int8 if scored.whole is None else summarise(scored.whole, validation)
    _check_drop("int8", fp32, whole, artifact.largest_auc_drop, "artifact.largest_auc_drop")
    if artifact.early_exit is not None:
        name = "artifact.early_exit.largest_auc_drop"
        _check_drop("the early exit", whole, int8, artifact.early_exit.largest_auc_drop, name)
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch)
        for name in (MODEL, TOKENIZER):
            shutil.copyfile(quantised / name, made / name)
        write(
            made,
            read(quantised).model_copy(
                update={
                    "model_version": artifact.model_version,
                    "base_model": origins.cited(experiment.base),
                    "trained_on": artifact.trained_on,
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
            auc_whole=whole["mean"]["roc_auc"],
            leaving=_leaving(scored),
            differences=_differences(scored, calibrated),
            neighbours=_neighbours(made, validation),
        )
        (made / CARD).write_text(render(artifact.card, figures, artifact.license), encoding="utf-8")
        destination.mkdir(parents=True, exist_ok=True)
        # The manifest goes last: a directory that was only half replaced fails its hashes.
        for name in (MODEL, TOKENIZER, CARD, MANIFEST):
            shutil.copyfile(made / name, destination / name)
    return manifest


def _check_drop(
    what: str, before: dict[str, Any], after: dict[str, Any], largest: float, setting: str
) -> None:
    """Refuse what costs too much, or what cannot be measured."""
    drop = before["mean"]["roc_auc"] - after["mean"]["roc_auc"]
    if np.isnan(drop):
        raise ExportError(
            "none of the labels has rows of both kinds among the validation rows, so nothing can "
            "be measured; train on more rows"
        )
    log.info("%s costs %.5f mean ROC AUC", what, drop)
    if not drop <= largest:
        raise ExportError(f"{what} costs {drop:.5f} mean ROC AUC; {setting} allows {largest}")


def _metrics(
    figures: dict[str, Any], rows: Labelled, logits: Floats, calibrated: Calibrated
) -> dict[str, Any]:
    scores = probabilities(logits, calibrated.calibration)
    metrics: dict[str, Any] = {
        name: {label: round(one[name], 5) for label, one in figures.items() if name in one}
        for name in ("roc_auc", "average_precision")
    }
    metrics["calibration_error"] = {
        label.value: round(one, 5) for label, one in calibration_errors(scores, rows).items()
    }
    metrics["validation_rows"] = float(len(rows))
    return metrics


def _differences(scored: Scored, calibrated: Calibrated) -> Floats:
    """How far each score of the int8 graph is from the checkpoint's."""
    fp32, int8 = (
        probabilities(logits, calibrated.calibration) for logits in (scored.fp32, scored.int8)
    )
    return np.abs(fp32 - int8).astype(np.float32)


def _leaving(scored: Scored) -> float | None:
    """The share of texts of which a window leaves early; None without an exit."""
    if scored.whole is None:
        return None
    return float((scored.whole != scored.int8).any(axis=1).mean())


def _neighbours(directory: Path, rows: Labelled) -> Floats:
    """How far each score moves when its text is scored in batches instead of alone."""
    model = load_model(str(directory.resolve()))
    texts = rows.texts[:NEIGHBOUR_ROWS]
    model.batched = False
    alone = Scorer(model)(texts, "alone")
    model.batched = True
    together = Scorer(model)(texts, "in batches")
    return np.abs(alone - together).astype(np.float32)
