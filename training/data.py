"""Labelled rows: read, checked, divided.

Nothing is used silently: a file that cannot be understood is refused, and each row that is left out
is reported with its line and the reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.labels import LABELS
from bot.screening.normalize import views
from training.config import Experiment, Rows
from training.origins import SPLIT_VERSION
from training.split import Indices, same_text, sample, split
from training.tables import DataError, from_file, from_hub, require_columns, texts_of

Floats = npt.NDArray[np.float32]

NAMED = 5  # rows named in an error message


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that was not used."""

    row: int
    """Its number in the file; the first row under the header is 1."""
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """Texts with their labels and weights, in one order.

    ``labels`` is [rows, 6] of 0 and 1 in the order of `LABELS`. ``weights`` [rows], positive,
    restore the prior; ``trust`` [rows], positive, is how far each row is to be believed: it counts
    in the loss alone, and ``None`` is 1 everywhere.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    labels: Floats
    weights: Floats
    trust: Floats | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def weighted(self) -> bool:
        """Whether the weights change a figure: they differ from row to row."""
        return bool((self.weights != self.weights[:1]).any())

    def take(self, rows: Indices) -> Labelled:
        """The rows at these places, in this order."""
        return Labelled(
            tuple(self.ids[row] for row in rows),
            tuple(self.texts[row] for row in rows),
            self.labels[rows],
            self.weights[rows],
            None if self.trust is None else self.trust[rows],
        )

    def save(self, path: Path) -> None:
        """Write the rows as Parquet, readable by `read` with ``weight_column="weight"``."""
        columns: dict[str, object] = {"id": self.ids, "comment_text": self.texts}
        columns |= {
            str(label): self.labels[:, at].astype(np.int8) for at, label in enumerate(LABELS)
        }
        pd.DataFrame(columns | {"weight": self.weights}).to_parquet(path, index=False)


@dataclass(frozen=True, slots=True)
class Unsifted:
    """Every row of a file, also those that are not used; arrays as in `Labelled`."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    labels: Floats
    """-1 in all six where the row is unscored."""
    weights: Floats
    trust: Floats | None
    reasons: dict[int, str]
    """Place (from 0) → why the row is not used."""


def read(rows: Rows) -> tuple[Labelled, list[LeftOut]]:
    """Read a labelled file and check every row.

    Left out and reported: empty texts, rows that the Kaggle test file marks unscored (all labels
    -1), repeats of a text, and every row of a text that occurs with different labels.

    Raises
    ------
    DataError
        As in `read_unsifted`, or nothing usable is left.
    """
    found = read_unsifted(rows)
    reasons = found.reasons
    left_out = [LeftOut(row + 1, found.ids[row], reasons[row]) for row in sorted(reasons)]
    kept = np.array([row for row in range(len(found.texts)) if row not in reasons], dtype=np.int64)
    if not len(kept):
        raise DataError(f"{rows.source}: no usable row ({len(left_out)} left out)")
    every = Labelled(found.ids, found.texts, found.labels, found.weights, found.trust)
    return every.take(kept), left_out


def read_unsifted(rows: Rows) -> Unsifted:
    """Read a labelled file whole, with the reason for each row that `read` leaves out.

    Raises
    ------
    DataError
        The file or a column is missing, a label is neither 0 nor 1, a weight is not positive, or
        bytes are not UTF-8.
    """
    table = _table(rows)
    labels = _labels(table, rows.source)
    weights = _weights(table, rows.weight_column, rows.source)
    trust = None
    if rows.loss_weight_column is not None:
        trust = _weights(table, rows.loss_weight_column, rows.source)
    texts = texts_of(table, rows.text_column, rows.source)
    if rows.id_column is None:
        ids = tuple(str(row + 1) for row in range(len(texts)))
    else:
        ids = texts_of(table, rows.id_column, rows.source)
    return Unsifted(ids, texts, labels, weights, trust, _reasons(texts, labels))


def divided(
    experiment: Experiment, version: int = SPLIT_VERSION
) -> tuple[Labelled, Labelled, list[LeftOut]]:
    """The experiment's rows: training part, validation part, and what was left out.

    Parameters
    ----------
    experiment
        Says which rows, and how they are divided.
    version
        Of the split; that of a run that has begun is `training.origins.split_of`.

    Raises
    ------
    DataError
        The rows cannot be used, or two have one id while there are teachers to learn from.
    """
    rows = experiment.rows
    labelled, left_out = read(rows)
    if experiment.distillation.teachers:
        require_own_ids(labelled, left_out, rows.source)
    most, everything = rows.max_samples, len(labelled)
    if most is not None and version < 3:
        labelled = sample(labelled, most, experiment.seed)
    parts = split(labelled, rows.validation_share, experiment.seed, version)
    training, held = (labelled.take(part) for part in parts)
    if most is not None and version >= 3:
        # What any run on these rows holds out, no run on a part of them learns from.
        share = most / everything
        training, held = (
            sample(part, round(share * len(part)), experiment.seed) for part in (training, held)
        )
    return training, held, left_out


def require_own_ids(labelled: Labelled, left_out: Sequence[LeftOut], source: str) -> None:
    """Refuse rows of which two have one id: a teacher's answers are found by it.

    Parameters
    ----------
    labelled, left_out
        What `read` gave: together, all rows of the file.

    Raises
    ------
    DataError
        Names the first such id and its rows.
    """
    unused = {one.row for one in left_out}
    every = range(1, len(labelled) + len(unused) + 1)
    rows: dict[str, list[int]] = defaultdict(list)
    for row, name in zip((row for row in every if row not in unused), labelled.ids, strict=True):
        rows[name].append(row)
    for name, places in rows.items():
        if len(places) > 1:
            raise DataError(
                f"{source}: rows {', '.join(map(str, places[:NAMED]))}"
                f"{', …' if len(places) > NAMED else ''} have one id, {name!r}, by which teachers' "
                "answers are found; give each its own, or take rows.id_column out to count rows"
            )


def plain(text: str) -> str:
    """The view of a text that the model is trained on and measured with: the bot's first one."""
    return views(text)[0]


def _table(rows: Rows) -> pd.DataFrame:
    named = (rows.text_column, rows.id_column, rows.weight_column, rows.loss_weight_column)
    wanted = [name for name in (*named, *(label.value for label in LABELS)) if name is not None]
    table = from_file(rows.file, wanted) if rows.file else from_hub(str(rows.hub), rows.hub_split)
    require_columns(table.columns, wanted, rows.source)
    return table


def _labels(table: pd.DataFrame, source: str) -> Floats:
    columns = [pd.to_numeric(table[label.value], errors="coerce") for label in LABELS]
    labels = np.stack([column.to_numpy(dtype=np.float64) for column in columns], axis=1)
    unscored = (labels == -1).all(axis=1, keepdims=True)
    wrong = ~(np.isin(labels, (0, 1)) | unscored)
    for at, label in enumerate(LABELS):
        bad = np.flatnonzero(wrong[:, at])
        if len(bad):
            found = table[label.value].iloc[bad[0]]
            raise DataError(
                f"{source}: {label} must be 0 or 1; row {bad[0] + 1} has {_cell(found)}"
                f" (rows {', '.join(str(row + 1) for row in bad[:NAMED])}"
                f"{', …' if len(bad) > NAMED else ''})"
            )
    return labels.astype(np.float32)


def _weights(table: pd.DataFrame, name: str | None, source: str) -> Floats:
    if name is None:
        return np.ones(len(table), dtype=np.float32)
    weights = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=np.float32)
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights > 0)))
    if len(bad):
        raise DataError(
            f"{source}: {name} must be a positive number; row {bad[0] + 1} has "
            f"{_cell(table[name].iloc[bad[0]])}"
        )
    return weights


def _cell(value: Any) -> str:
    if pd.api.types.is_scalar(value) and (pd.isna(value) or value == ""):
        return "an empty cell"
    return repr(value) if isinstance(value, str) else str(value)


def _reasons(texts: Sequence[str], labels: Floats) -> dict[int, str]:
    reasons: dict[int, str] = {}
    for row, text in enumerate(texts):
        if (labels[row] == -1).all():
            reasons[row] = "unscored (all labels are -1)"
        elif not text.strip():
            reasons[row] = "empty text"
    usable = [row for row in range(len(texts)) if row not in reasons]
    for places in same_text([texts[row] for row in usable]).values():
        group = [usable[at] for at in places]
        if len({tuple(labels[row]) for row in group}) > 1:
            others = ", ".join(str(row + 1) for row in group[: NAMED + 1])
            for row in group:
                reasons[row] = f"same text with different labels (rows {others})"
        else:
            for row in group[1:]:
                reasons[row] = f"repeats row {group[0] + 1}"
    return reasons
