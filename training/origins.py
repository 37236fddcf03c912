"""What a run's files were made from, so that none is used with what it was not made for."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.screening.artifact import MANIFEST, MODEL, sha256
from bot.screening.artifact import read as read_manifest
from bot.screening.normalize import NORMALIZER_VERSION
from training import runs
from training.config import Base, Rows
from training.runs import FINE_TUNING, Kind, RunError

if TYPE_CHECKING:
    from training.auxiliary import Partial
    from training.data import Floats, Labelled

log = logging.getLogger(__name__)

Origin = Mapping[str, Any]

PROCESSES, NORMALIZER, ROWS = "processes", "normalizer_version", "rows"
AUXILIARY, TEACHERS = "auxiliary", "teachers"
WEIGHTS, GRAPH = "model", "graph"
SPLIT = "split"
SPLIT_VERSION = 3
"""Goes up when the same rows are divided in another way; see `training.split`."""

# What a checkpoint is loaded from; optimiser states and the like beside it are not the model.
WEIGHT_FILES = ("model*.safetensors", "pytorch_model*.bin")
BESIDE = ("config.json", "*token*.json", "vocab*", "merges.txt", "*.model")


def fingerprint(*parts: Labelled) -> str:
    """A SHA-256, in hexadecimal, of rows in their order and of the normaliser that reads them."""
    digest = hashlib.sha256(str(NORMALIZER_VERSION).encode())
    for part in parts:
        digest.update(json.dumps([part.ids, part.texts]).encode())
        digest.update(part.labels.tobytes() + part.weights.tobytes())
        if part.trust is not None:
            digest.update(part.trust.tobytes())
    return digest.hexdigest()


def of_rows(
    processes: int,
    parts: Sequence[Labelled],
    others: Sequence[Partial] = (),
    taught: Floats | None = None,
    split: int = SPLIT_VERSION,
) -> Origin:
    """What a run learns from, as ``rows.json`` keeps it.

    Parameters
    ----------
    processes
        That train together: each has a batch of its own.
    parts
        The main rows: training part and validation part.
    others
        The auxiliary sources' training parts.
    taught
        The teachers' logits [training rows, 6].
    split
        How the rows were divided.
    """
    return {
        PROCESSES: processes,
        NORMALIZER: NORMALIZER_VERSION,
        SPLIT: split,
        ROWS: fingerprint(*parts),
        AUXILIARY: {
            one.name: hashlib.sha256(
                json.dumps([one.texts, one.groups]).encode() + one.labels.tobytes()
            ).hexdigest()
            for one in others
        },
        TEACHERS: None if taught is None else hashlib.sha256(taught.tobytes()).hexdigest(),
    }


def keep(directory: Path, origin: Origin) -> None:
    """Write ``rows.json`` into the run directory, which is made if it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    runs.write_json(directory / runs.ROWS, origin)


def split_of(directory: Path, rows: Rows, kind: Kind = FINE_TUNING) -> int:
    """How the rows of a run are divided: as when it was begun. A new run is divided as ``rows``
    say, and where they do not, in the newest way.

    Raises
    ------
    RunError
        ``rows.json`` cannot be read, or is of a newer trainer.
    """
    if not (directory / kind.settings).exists():
        return rows.split or SPLIT_VERSION
    found = (_read(directory / runs.ROWS) or {}).get(SPLIT, 1)
    if found not in range(1, SPLIT_VERSION + 1):
        raise RunError(
            f"{directory / runs.ROWS}: {SPLIT} is {found!r}, which this version of the trainer "
            "does not know; name another --run"
        )
    return int(found)


def check_resumable(directory: Path, now: Origin) -> None:
    """Refuse to go on with a run on anything but what it was begun with.

    A run of an older trainer has no ``rows.json``; it is gone on with, and the log says so.

    Raises
    ------
    RunError
        Something differs, or the file cannot be read; names it.
    """
    then = _read(directory / runs.ROWS)
    if then is None:
        log.info("%s has no %s: whether the rows are the same is not known", directory, runs.ROWS)
        return
    if then.get(PROCESSES) != now[PROCESSES]:
        raise RunError(
            f"{directory}: was begun by {then.get(PROCESSES)} processes, not {now[PROCESSES]}; "
            "resume it with as many"
        )
    if then.get(NORMALIZER) != now[NORMALIZER]:
        raise RunError(
            f"{directory}: was begun with version {then.get(NORMALIZER)} of the normaliser, not "
            f"{now[NORMALIZER]}; name another --run"
        )
    for name, called in ((ROWS, ROWS), (TEACHERS, "distillation.teachers")):
        if then.get(name) != now[name]:
            raise _other(directory, called)
    known = then.get(AUXILIARY) or {}
    for name in sorted({*known, *now[AUXILIARY]}):
        if known.get(name) != now[AUXILIARY].get(name):
            raise _other(directory, f"{AUXILIARY}.{name}")


def _other(directory: Path, name: str) -> RunError:
    return RunError(
        f"{directory}: {name}: the content is not what the run was begun with; restore it, or name "
        "another --run"
    )


def of_graph(directory: Path) -> Origin:
    """What the int8 graph is made from, as ``calibration.json`` keeps it under ``made_from``."""
    return {
        WEIGHTS: weights_sha256(directory / runs.CHECKPOINT),
        GRAPH: sha256(directory / runs.QUANTISED / MODEL),
        NORMALIZER: NORMALIZER_VERSION,
    }


def check_graph(directory: Path) -> None:
    """Refuse an int8 graph, or a calibration, that belongs to other weights than the run's.

    A calibration of an older trainer does not say what it was made from, and passes.

    Raises
    ------
    RunError
        Something differs; names it.
    """
    then = made_from(directory)
    if then is None:
        return
    now = of_graph(directory)
    for name, what in (
        (WEIGHTS, f"other weights than those in {directory / runs.CHECKPOINT}"),
        (GRAPH, f"another graph than {directory / runs.QUANTISED / MODEL}"),
        (NORMALIZER, "another version of the normaliser"),
    ):
        if then.get(name) != now[name]:
            raise RunError(
                f"{directory / runs.CALIBRATION}: was made from {what}; run `calibrate` again"
            )


def made_from(directory: Path) -> Origin | None:
    """What `of_graph` said when the run was calibrated; None where that was not kept."""
    found = (_read(directory / runs.CALIBRATION) or {}).get("made_from")
    return found if isinstance(found, dict) else None


def measured_by_another_normaliser(directory: Path) -> bool:
    """Whether the run's fp32 logits are known to come from another version of the normaliser."""
    then = _read(directory / runs.ROWS)
    return then is not None and then.get(NORMALIZER) != NORMALIZER_VERSION


def weights_sha256(checkpoint: Path) -> str:
    """A SHA-256, in hexadecimal, of all weights of a checkpoint.

    Raises
    ------
    RunError
        There are none.
    """
    found = sorted(checkpoint.glob("*.safetensors"))
    if not found:
        raise RunError(f"{checkpoint}: there are no weights in it; run `train` first")
    if len(found) == 1:
        return sha256(found[0])
    return hashlib.sha256("".join(map(sha256, found)).encode()).hexdigest()


def model_files(directory: Path) -> list[Path]:
    """The files that a model is loaded from: a model directory's, or a checkpoint's.

    Raises
    ------
    ArtifactError
        A model directory's manifest cannot be read.
    """
    if (directory / MANIFEST).exists():
        return [directory / name for name in (MANIFEST, *read_manifest(directory).files)]
    # The second form of the weights is read only where the first is missing.
    weights = next((found for form in WEIGHT_FILES if (found := sorted(directory.glob(form)))), [])
    return [*weights, *sorted({file for form in BESIDE for file in directory.glob(form)})]


def model_sha256(directory: Path) -> str:
    """A SHA-256, in hexadecimal, of all that a model is loaded from.

    Raises
    ------
    ArtifactError
        As in `model_files`.
    """
    parts = [[path.name, sha256(path)] for path in model_files(directory)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def cited(base: Base) -> str:
    """What a manifest calls the base checkpoint."""
    return base.cited_as or Path(base.checkpoint).name


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise RunError(f"{path}: is not what this version of the trainer writes")
    return found
