"""How a run is begun, or gone on with: by one process of several, and only as what it was."""

from __future__ import annotations

import csv
import json
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from transformers import TrainingArguments

from training import runs
from training.averaging import AVERAGE
from training.config import Experiment, Optimisation
from training.data import LeftOut
from training.loop import CHECKPOINTS, STATE
from training.runs import FINE_TUNING, Kind, RunError

log = logging.getLogger(__name__)


def opened(
    experiment: Experiment,
    directory: Path,
    resume: bool,
    arguments: TrainingArguments,
    kind: Kind = FINE_TUNING,
) -> str | None:
    """The checkpoint to go on from, if any.

    Raises
    ------
    RunError
        The directory holds another run, or there is nothing to resume.
    """

    def look() -> str | None:
        if resume:
            return _to_resume(experiment, directory, kind)
        if (directory / kind.settings).exists():
            raise RunError(f"{directory}: holds a run already; pass --resume or another --run")
        return None

    return by_the_first(arguments, look)


def by_the_first(arguments: TrainingArguments, look: Callable[[], str | None]) -> str | None:
    """What the first process finds, told to the others; a `RunError` is raised in all of them."""
    found: list[str | RunError | None] = [None]
    if arguments.process_index == 0:
        try:
            found[0] = look()
        except RunError as error:
            found[0] = error
    if arguments.world_size > 1:
        torch.distributed.broadcast_object_list(found)
    if isinstance(found[0], RunError):
        raise found[0]
    return found[0]


def _to_resume(experiment: Experiment, directory: Path, kind: Kind) -> str | None:
    if not (directory / kind.settings).exists():
        raise RunError(f"{directory}: there is no run to resume")
    runs.check_same(experiment, directory, kind)
    recipe: Optimisation = getattr(experiment, kind.recipe)
    averaged = bool(recipe.average_decay)
    found = newest_whole(directory / CHECKPOINTS, averaged)
    log.info("resuming from %s", found or "the start: there is no checkpoint yet")
    return None if found is None else str(found)


def newest_whole(checkpoints: Path, averaged: bool) -> Path | None:
    """The newest checkpoint that was written to its end: with its last file, and the average.

    Folders with other names than ``checkpoint-STEP`` are passed over.
    """
    steps = {
        int(folder.name.rpartition("-")[2]): folder
        for folder in checkpoints.glob("checkpoint-*")
        if re.fullmatch(r"checkpoint-[0-9]+", folder.name)
    }
    for step in sorted(steps, reverse=True):
        folder = steps[step]
        if _is_whole(folder / STATE) and (not averaged or (folder / AVERAGE).exists()):
            return folder
    return None


def _is_whole(state: Path) -> bool:
    """Whether a trainer's state was written to its end."""
    try:
        return "global_step" in json.loads(state.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def write(
    experiment: Experiment, directory: Path, left_out: Sequence[LeftOut], kind: Kind = FINE_TUNING
) -> None:
    """Write the settings that a run is begun with, and the rows that it does not use."""
    directory.mkdir(parents=True, exist_ok=True)
    settings = directory / kind.settings
    if not settings.exists():
        settings.write_text(experiment.model_dump_json(indent=2) + "\n", encoding="utf-8")
    with (directory / runs.LEFT_OUT).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["row", "id", "reason"])
        table.writerows([one.row, one.id, one.reason] for one in left_out)
