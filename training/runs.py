"""A run directory: what lies where in it, and the settings that made it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from training.config import Base, Experiment, Rows, TrainingError

if TYPE_CHECKING:
    from training.data import Floats, Labelled

# `train` makes these,
EXPERIMENT = "experiment.json"
LEFT_OUT = "left_out.csv"
VALIDATION = "validation.parquet"
AUXILIARY = "auxiliary"
CHECKPOINT = "model"
LOGITS = "validation_logits.npy"
METRICS = "metrics.json"
ROWS = "rows.json"
TRAINED_ON = "trained_on.npy"
# `teach` this,
TEACHER = "teacher.npz"
# and `calibrate` these.
QUANTISED = "int8"
INT8_LOGITS = "validation_logits.int8.npy"
WHOLE_LOGITS = "validation_logits.whole.npy"  # of the int8 graph before it got its exit
CALIBRATION = "calibration.json"
RELIABILITY = "reliability.png"

SAME_IN_A_RUN = (
    "seed", "rows", "auxiliary", "base", "augmentation", "loss", "distillation", "optimisation",
)  # fmt: skip
"""What a run's weights and held-out rows come from. Presets and artifact may change after it, and
``base.cited_as``, which is but a name."""

# `pretrain` makes this folder, and in it files of the names above that `train` makes.
PRETRAINED = "pretrained"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a run does, and so which of the settings made it."""

    settings: str
    """The file that keeps them. Where another kind of run is looked for, there is none."""
    recipe: str
    """The section that says how the weights are moved."""
    same: tuple[str, ...]
    """The sections that may not change while it goes on."""


FINE_TUNING = Kind(EXPERIMENT, "optimisation", SAME_IN_A_RUN)
PRETRAINING = Kind(
    "pretraining.json", "pretraining", ("seed", "rows", "auxiliary", "base", "pretraining")
)


class RunError(TrainingError):
    """A run directory that cannot be used as asked."""


def made(path: Path) -> Path:
    """The path of something that an earlier step leaves.

    Raises
    ------
    RunError
        It is not there.
    """
    if not path.exists():
        step = (
            "calibrate"
            if path.name in (QUANTISED, INT8_LOGITS, WHOLE_LOGITS, CALIBRATION)
            else "train"
        )
        raise RunError(f"{path} is missing; run the step before this one first: {step}")
    return path


def check_same(experiment: Experiment, directory: Path, kind: Kind = FINE_TUNING) -> None:
    """Refuse an experiment that is not the one which the run was begun with.

    Raises
    ------
    RunError
        There is no run of this kind, its settings cannot be read, or one of those that may not
        change differs from them; names the first one.
    """
    path = made(directory / kind.settings)
    try:
        begun = Experiment.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RunError(
            f"{path}: {where}: {first['msg']}; the run was not made by this version of the trainer"
        ) from None
    for part in kind.same:
        then_, now_ = (getattr(one, part) for one in (begun, experiment))
        if isinstance(now_, Base):
            now_ = now_.model_copy(update={"cited_as": then_.cited_as})
        differs = _difference(part, then_, now_)
        if differs is not None:
            name, then, now = differs
            raise RunError(
                f"{directory}: was begun with another {name}: {then}, not {now}; repeat the "
                f"settings of its {kind.settings}, or name another --run"
            )


def validation(directory: Path) -> Labelled:
    """The rows that the run held out, in the order of its logits.

    Raises
    ------
    RunError
        There are none.
    DataError
        The file is damaged.
    """
    from training.data import read

    return read(Rows(file=made(directory / VALIDATION), weight_column="weight"))[0]


def read_logits(path: Path, rows: Labelled) -> Floats:
    """Logits [rows, 6] that belong to these rows.

    Raises
    ------
    RunError
        There is no such file, or it does not fit the rows; names it.
    """
    import numpy as np

    from bot.labels import LABELS

    try:
        logits = np.load(made(path), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RunError(f"{path}: not an array of numbers: {error}") from None
    if logits.shape != (len(rows), len(LABELS)):
        raise RunError(
            f"{path} has the shape {logits.shape}, where the {len(rows)} validation rows need "
            f"({len(rows)}, {len(LABELS)}); run `train` and `calibrate` again"
        )
    if not np.isfinite(logits).all():
        row = int(np.flatnonzero(~np.isfinite(logits).all(axis=1))[0])
        raise RunError(f"{path}: row {row + 1} has a logit that is not a finite number")
    found: Floats = logits.astype(np.float32)
    return found


def write_json(path: Path, content: Any) -> None:
    """Write JSON so that a kill while writing leaves no half of it under the name."""
    unfinished = path.with_name(f"unfinished.{path.name}")
    unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


def record(
    folder: Path, command: str, options: Mapping[str, Any], experiment: Experiment | None = None
) -> Path:
    """Write the settings that made what a command left in a folder.

    Parameters
    ----------
    folder
        Where the outputs lie; made if it is missing.
    command
        The command's name; the file is called ``COMMAND.settings.json``.
    options
        The command line's own options.
    experiment
        With all overrides; None for a command that has no experiment.

    Returns
    -------
    Path
        The file.
    """
    settings: dict[str, Any] = {"command": command, "options": dict(options)}
    if experiment is not None:
        settings["experiment"] = experiment.model_dump(mode="json")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{command}.settings.json"
    # Of the options only paths are no JSON.
    path.write_text(json.dumps(settings, indent=2, default=str) + "\n", encoding="utf-8")
    return path


def _difference(name: str, then: Any, now: Any) -> tuple[str, str, str] | None:
    """The first setting that differs, by its full name, and both its values."""
    if then == now:
        return None
    if isinstance(then, BaseModel) and isinstance(now, BaseModel):
        for field in type(then).model_fields:
            found = _difference(f"{name}.{field}", getattr(then, field), getattr(now, field))
            if found is not None:
                return found
    if isinstance(then, dict) and isinstance(now, dict):
        for key in (*then, *now):
            found = _difference(f"{name}.{key}", then.get(key), now.get(key))
            if found is not None:
                return found
    return name, _shown(then), _shown(now)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, BaseModel):
        return value.model_dump_json(exclude_defaults=True)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value) if isinstance(value, Path) else repr(value)
