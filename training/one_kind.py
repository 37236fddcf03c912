"""Labels of which the rows show one kind only: all have it, or none."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from bot.labels import LABELS, Label
from training.auxiliary import Partial
from training.config import Experiment
from training.data import Floats, Labelled
from training.tables import DataError

log = logging.getLogger(__name__)


def require_both_kinds(
    experiment: Experiment, training: Labelled, validation: Labelled, others: Sequence[Partial]
) -> None:
    """Refuse to train on a label that no row has, or every one; warn where none can measure it.

    A label that counts nothing in the loss (``loss.label_weights``), or that teachers speak of, is
    only warned of.

    Parameters
    ----------
    experiment
        Says what counts.
    training, validation
        The main rows.
    others
        The auxiliary sources' training parts.

    Raises
    ------
    DataError
        Names the label, the rows and the way out.
    """
    source = experiment.rows.source
    rows = np.concatenate([training.labels, *(other.labels for other in others)])
    beside = f" and the auxiliary sources ({len(rows) - len(training):,} rows)" if others else ""
    taught = bool(experiment.distillation.teachers) and experiment.distillation.share > 0
    for label, how in _one_kind(rows).items():
        said = f"{label}: {how} of the {len(training):,} training rows of {source}{beside} has it"
        if experiment.loss.label_weights.get(label, 1.0) > 0 and not taught:
            raise DataError(
                f"{said}, so there is nothing to learn; add rows of the other kind, to the file or "
                f"as [auxiliary.NAME], or give the label up with loss.label_weights.{label} = 0"
            )
        log.warning("%s: its scores will mean little", said)
    for label, how in _one_kind(validation.labels).items():
        log.warning(
            "%s: %s of the %s validation rows has it: it is not measured, and neither its "
            "calibration nor its thresholds can be relied on; a larger rows.validation_share or "
            "more rows would help",
            label, how, f"{len(validation):,}",
        )  # fmt: skip


def _one_kind(labels: Floats) -> dict[Label, str]:
    """The labels [rows, 6] that only one kind of row has, and which rows those are.

    A masked label (NaN) is of no kind; one between 0 and 1 is of both.
    """
    found: dict[Label, str] = {}
    for at, label in enumerate(LABELS):
        if not (labels[:, at] > 0).any():
            found[label] = "none"
        elif not (labels[:, at] < 1).any():
            found[label] = "every one"
    return found
