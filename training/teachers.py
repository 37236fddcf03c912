"""Teachers' logits, as files that say whose they are."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np

from bot.labels import LABELS
from bot.screening.model import Model, load_model
from training import origins, runs
from training.config import Experiment, TrainingError
from training.data import Floats, divided, read, require_own_ids
from training.scoring import chunks

log = logging.getLogger(__name__)


class TeacherError(TrainingError):
    """A teacher's file that cannot be learnt from."""


def teach(experiment: Experiment, directory: Path, path: Path) -> None:
    """Let a run's model answer for all of the experiment's rows, and write its logits.

    Written are the logits that the model would have learnt without ``loss.positive_weight_power``:
    positives that weigh w move a logit by ln w, which is taken off again. So teachers that were
    trained with it and without are on one scale, and `training.losses.Objective` gives the student
    the weights of its own training.

    A run that is stopped leaves its answers so far beside the file, and goes on from them while the
    model and the rows stay the same.

    Its held-out rows are among them. A student with the same rows, split and seed holds out the
    same ones, and so never learns from these answers.

    Raises
    ------
    RunError
        Nothing was trained in the directory, or with other settings.
    DataError
        The rows cannot be read, or two have one id.
    """
    runs.check_same(experiment, directory)
    trained = runs.made(directory / runs.CHECKPOINT)
    rows, left_out = read(experiment.rows)
    require_own_ids(rows, left_out, experiment.rows.source)
    made_from = f"{origins.weights_sha256(trained)} {origins.fingerprint(rows)}"
    named = hashlib.sha256(made_from.encode()).hexdigest()[:12]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished.{path.name}.{named}")
    logits = _answers(load_model(str(trained.resolve())), rows.texts, unfinished)
    write_logits(path, rows.ids, logits - _shift(experiment))
    unfinished.unlink()


def _answers(model: Model, texts: Sequence[str], unfinished: Path) -> Floats:
    """Logits [texts, 6], each chunk kept in a file of float32 as soon as it is there."""
    row_bytes = len(LABELS) * np.dtype(np.float32).itemsize
    with unfinished.open("ab") as file:
        done = min(file.tell() // row_bytes, len(texts))
        file.truncate(done * row_bytes)  # the last row may be half there
        if done:
            log.info("teaching: %d of %d rows are answered already", done, len(texts))
        for chunk in chunks(texts[done:], "teaching"):
            file.write(model.logits(chunk).astype(np.float32).tobytes())
            file.flush()
    return np.fromfile(unfinished, dtype=np.float32).reshape(-1, len(LABELS))


def _shift(experiment: Experiment) -> Floats:
    """ln w of each label [6], w being what its positives weighed in the run."""
    from training.losses import positive_weights  # imports torch

    training, _, _ = divided(experiment)
    power = experiment.loss.positive_weight_power
    shift: Floats = positive_weights(training.labels, training.weights, power).log().numpy()
    return shift


def write_logits(path: Path, ids: Sequence[str], logits: Floats) -> None:
    """Write logits [rows, 6] with the ids of their rows."""
    np.savez_compressed(path, ids=np.array(ids, dtype=np.str_), logits=logits.astype(np.float32))


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
