"""Teachers' logits, as files that say whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np

from bot.labels import LABELS
from bot.screening.model import load_model
from training import origins, runs
from training.calibrate import platt
from training.config import Experiment, TrainingError
from training.data import Floats, Labelled, divided, read, require_own_ids
from training.kept import until_done
from training.scoring import kept_of, logits_of

ENOUGH = 10
"""Held-out rows with a label from which on its logits are calibrated."""


class TeacherError(TrainingError):
    """A teacher's file that cannot be learnt from."""


def teach(experiment: Experiment, directory: Path, path: Path, other: Path | None = None) -> None:
    """Let a run's model answer for all of the experiment's rows, and write its logits.

    With ``other``, that checkpoint or model directory answers, and there need be no run; a graph
    with an early exit teaches its guesses too.

    They are calibrated on the rows that the run held out. So they are free of what
    ``loss.positive_weight_power`` and the kind of the loss did to them, and teachers that were
    trained in different ways are on one scale; `training.losses.Objective` gives the student the
    weights of its own training. A label that fewer than `ENOUGH` of those rows have is
    not calibrated: positives that weighed w moved its logit by ln w, which is taken off.

    A run that is stopped leaves its answers so far beside the file, and goes on from them while the
    model and the rows stay the same.

    The held-out rows are among those that are answered for. A student with the same rows, split and
    seed holds out the same ones, and so never learns from these answers, but for what they say of
    the scale of the others.

    Raises
    ------
    RunError
        Nothing was trained in the directory, or with other settings.
    DataError
        The rows cannot be read, or two have one id.
    """
    from training.losses import positive_weights  # imports torch

    if other is None:
        runs.check_same(experiment, directory)
    trained = other or runs.made(directory / runs.CHECKPOINT)
    rows, left_out = read(experiment.rows)
    require_own_ids(rows, left_out, experiment.rows.source)
    version = origins.split_of(directory, experiment.rows)
    power = experiment.loss.positive_weight_power
    if other is not None:  # it knows nothing of a run that may lie there, nor of its weights
        version, power = experiment.rows.split or origins.SPLIT_VERSION, 0.0
    training, held_out, _ = divided(experiment, version)
    shift = positive_weights(training.labels, training.weights, power).log().numpy()
    row = {name: at for at, name in enumerate(rows.ids)}
    known = [row[name] for name in held_out.ids]
    model = load_model(str(trained.resolve()))
    with until_done(path.with_name(f"unfinished.{path.name}")) as unfinished:
        logits = logits_of(model, rows.texts, "teaching", kept_of(unfinished, trained))
        write_logits(path, rows.ids, _calibrated(logits, known, held_out, shift))


def _calibrated(logits: Floats, known: Sequence[int], held_out: Labelled, shift: Floats) -> Floats:
    """Logits [rows, 6] whose sigmoids are probabilities, by the rows that are known to be new."""
    found = logits - shift
    for at in range(len(LABELS)):
        truth = held_out.labels[:, at]
        if truth.sum() >= ENOUGH:
            fitted = platt(logits[known, at], truth, held_out.weights)
            found[:, at] = fitted.scale * logits[:, at] + fitted.bias
    return found


def write_logits(path: Path, ids: Sequence[str], logits: Floats) -> None:
    """Write logits [rows, 6] with the ids of their rows."""
    with path.open("wb") as file:  # to a path NumPy would add its suffix
        np.savez_compressed(
            file, ids=np.array(ids, dtype=np.str_), logits=logits.astype(np.float32)
        )


def read_logits(paths: Sequence[Path], ids: Sequence[str]) -> Floats:
    """The teachers' mean logits for these rows.

    Returns
    -------
    array
        [rows, 6]; NaN in rows that one of the teachers does not know.

    Raises
    ------
    TeacherError
        A file cannot be read, has another form, answers twice for one id or without bounds, or
        knows none of the rows.
    """
    total = np.zeros((len(ids), len(LABELS)), dtype=np.float32)
    for path in paths:
        total += _of_one(path, ids)
    return total / np.float32(max(len(paths), 1))


def _of_one(path: Path, ids: Sequence[str]) -> Floats:
    try:
        with path.open("rb") as stream:  # opened here: NumPy leaves a damaged file open
            file = np.load(stream)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("it holds a single array")
            known = np.asarray(file["ids"]).astype(np.str_).reshape(-1).tolist()
            logits = np.asarray(file["logits"], dtype=np.float32)
    except (OSError, EOFError, KeyError, TypeError, ValueError, BadZipFile, ZlibError) as error:
        raise TeacherError(
            f"distillation.teachers: {path}: not a file of ids and logits: {error}"
        ) from None
    if logits.shape != (len(known), len(LABELS)):
        raise TeacherError(
            f"distillation.teachers: {path}: {len(known)} ids but logits of shape {logits.shape}"
        )
    endless = np.flatnonzero(np.isinf(logits).any(axis=1))
    if len(endless):
        raise TeacherError(
            f"distillation.teachers: {path}: the logits of id {known[endless[0]]!r} are infinite"
        )
    places: dict[str, int] = {}
    for at, name in enumerate(known):
        if places.setdefault(name, at) != at:
            raise TeacherError(
                f"distillation.teachers: {path}: answers twice for id {name!r}; "
                "each row needs an id of its own"
            )
    found = np.full((len(ids), len(LABELS)), np.nan, dtype=np.float32)
    for row, name in enumerate(ids):
        if name in places:
            found[row] = logits[places[name]]
    if np.isnan(found).all():
        raise TeacherError(f"distillation.teachers: {path}: knows none of the training rows' ids")
    return found
