"""Which texts a run has learnt from, so that nobody takes figures on them for figures on others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.screening.artifact import MODEL, sha256
from training import bars, runs
from training.split import folded_key

if TYPE_CHECKING:
    from training.config import Base

log = logging.getLogger(__name__)

Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Seen:
    """How many of some rows a model has learnt from."""

    count: int
    of: int
    run: Path
    """Of the model."""

    @property
    def warning(self) -> str | None:
        """What a reader of the figures must know; None where no row was learnt from."""
        if not self.count:
            return None
        rest = f"give the run's {runs.VALIDATION}, or rows of another source"
        return (
            f"{self.count:,} of the {self.of:,} rows ({self.count / self.of:.1%}) are rows that "
            f"{self.run} was trained on: figures on them say nothing about other texts; {rest}"
        )


def keep(directory: Path, texts: Sequence[str], base: Base) -> None:
    """Write down what a run learns from: a number for each text, and those of its base's run.

    Parameters
    ----------
    directory
        The run directory, which is made if it is missing.
    texts
        All training texts, auxiliary ones too.
    base
        What the run begins with; where that is the model of another run, it knows its texts too.
    """
    known = _read(Path(base.checkpoint).parent)
    keys = _keys(texts)
    directory.mkdir(parents=True, exist_ok=True)
    unfinished = directory / f"unfinished.{runs.TRAINED_ON}"
    np.save(unfinished, np.union1d(keys, known) if known is not None else np.unique(keys))
    unfinished.replace(directory / runs.TRAINED_ON)


def seen_by(model: Path, texts: Sequence[str], run: Path) -> Seen | None:
    """How many texts a model was trained on, near copies included (`training.split.folded_key`).

    Parameters
    ----------
    model
        A run's checkpoint or int8 graph, or a model directory that was exported from ``run``.
    texts
        What it is going to be measured on.
    run
        The run directory of the command.

    Returns
    -------
    Seen or None
        None where the model is of no known run, or its run kept no record.
    """
    home = _run_of(model, run)
    if home is None:
        return None
    known = _read(home)
    if known is None:
        log.info("%s has no %s: which rows it was trained on is not known", home, runs.TRAINED_ON)
        return None
    return Seen(int(np.isin(_keys(texts), known).sum()), len(texts), home)


def _run_of(model: Path, run: Path) -> Path | None:
    if model.resolve().name in (runs.CHECKPOINT, runs.QUANTISED):
        home = (model if model.name == model.resolve().name else model.resolve()).parent
        return home if (home / runs.EXPERIMENT).exists() else None
    # `export` copies the graph, so that of the model made from the run is the same file.
    graph, own = model / MODEL, run / runs.QUANTISED / MODEL
    if graph.is_file() and own.is_file() and sha256(graph) == sha256(own):
        return run
    return None


def _keys(texts: Sequence[str]) -> Keys:
    keys = [int(folded_key(text)[:16], 16) for text in bars.each(texts, "near copies")]
    return np.array(keys, dtype=np.uint64)


def _read(directory: Path) -> Keys | None:
    path = directory / runs.TRAINED_ON
    if not path.exists():
        return None
    try:
        found: Keys = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise runs.RunError(f"{path}: cannot be read: {error}; resume or repeat the run") from None
    if found.dtype != np.uint64 or found.ndim != 1:
        raise runs.RunError(f"{path}: is not what this version of the trainer writes")
    return found
