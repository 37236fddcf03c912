"""Labelled rows: read, checked, divided.

Nothing is used silently: a file that cannot be understood is refused, and each row that is left out
is reported with its line and the reason.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.labels import LABELS
from bot.screening.normalize import views
from training.config import Rows, TrainingError

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

NAMED = 5  # rows named in an error message


class DataError(TrainingError):
    """Rows that cannot be used; names the file, the column and the first rows."""


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

    ``labels`` is [rows, 6] of 0 and 1 in the order of `LABELS`; ``weights`` is [rows], positive.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    labels: Floats
    weights: Floats

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Indices) -> Labelled:
        """The rows at these places, in this order."""
        return Labelled(
            tuple(self.ids[row] for row in rows),
            tuple(self.texts[row] for row in rows),
            self.labels[rows],
            self.weights[rows],
        )

    def save(self, path: Path) -> None:
        """Write the rows as Parquet, readable by `read` with ``weight_column="weight"``."""
        columns: dict[str, object] = {"id": self.ids, "comment_text": self.texts}
        columns |= {
            str(label): self.labels[:, at].astype(np.int8) for at, label in enumerate(LABELS)
        }
        pd.DataFrame(columns | {"weight": self.weights}).to_parquet(path, index=False)


def read(rows: Rows) -> tuple[Labelled, list[LeftOut]]:
    """Read a labelled file and check every row.

    Left out and reported: empty texts, rows that the Kaggle test file marks unscored (all labels
    -1), repeats of a text, and every row of a text that occurs with different labels.

    Raises
    ------
    DataError
        The file or a column is missing, a label is neither 0 nor 1, a weight is not positive, the
        bytes are not UTF-8, or nothing usable is left.
    """
    table = _table(rows)
    labels = _labels(table, rows.file)
    weights = _weights(table, rows)
    texts = ["" if pd.isna(text) else str(text) for text in table[rows.text_column]]
    if rows.id_column is None:
        ids = [str(row + 1) for row in range(len(texts))]
    else:
        ids = [str(name) for name in table[rows.id_column]]
    reasons = _reasons(texts, labels)
    left_out = [LeftOut(row + 1, ids[row], reasons[row]) for row in sorted(reasons)]
    kept = np.array([row for row in range(len(texts)) if row not in reasons], dtype=np.int64)
    if not len(kept):
        raise DataError(f"{rows.file}: no usable row ({len(left_out)} left out)")
    return Labelled(tuple(ids), tuple(texts), labels, weights).take(kept), left_out


def plain(text: str) -> str:
    """The view of a text that the model is trained on and measured with: the bot's first one."""
    return views(text)[0]


def text_key(text: str) -> str:
    """What makes two texts the same text: equal but for case, white space and Unicode form."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def split(labelled: Labelled, share: float, seed: int) -> tuple[Indices, Indices]:
    """Divide rows into training and validation, each combination of labels in proportion.

    A combination with two rows or more is on both sides, one with a single row in training. Rows
    whose texts are the same stay on one side (`read` leaves only one of them in any case).

    Returns
    -------
    tuple
        Row numbers of the training and of the validation part, each in ascending order.
    """
    generator = np.random.default_rng(seed)
    combinations: dict[tuple[float, ...], list[list[int]]] = defaultdict(list)
    for group in _same_text(labelled.texts).values():
        combinations[tuple(labelled.labels[group[0]])].append(group)
    validation: list[int] = []
    for combination in sorted(combinations):
        groups = combinations[combination]
        if len(groups) == 1:
            continue
        wanted = min(max(round(share * len(groups)), 1), len(groups) - 1)
        for at in generator.permutation(len(groups))[:wanted]:
            validation.extend(groups[at])
    held = np.array(sorted(validation), dtype=np.int64)
    return np.setdiff1d(np.arange(len(labelled), dtype=np.int64), held), held


def sample(labelled: Labelled, count: int, seed: int) -> Labelled:
    """About ``count`` rows with the same mix of label combinations, none of them lost."""
    if count >= len(labelled):
        return labelled
    rest, drawn = split(labelled, count / len(labelled), seed)
    kept = {tuple(combination) for combination in labelled.labels[drawn]}
    single = [row for row in rest if tuple(labelled.labels[row]) not in kept]
    return labelled.take(np.sort(np.concatenate([drawn, np.array(single, dtype=np.int64)])))


def _table(rows: Rows) -> pd.DataFrame:
    kind = rows.file.suffix.lower()
    try:
        if kind == ".parquet":
            table = pd.read_parquet(rows.file)
        elif kind == ".csv":
            table = pd.read_csv(rows.file, encoding="utf-8", keep_default_na=False)
        else:
            raise DataError(f"{rows.file}: a .csv or .parquet file is needed")
    except OSError as error:
        raise DataError(f"{rows.file}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{rows.file}: not UTF-8: {error}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{rows.file}: not a CSV table: {error}") from None
    except ValueError as error:  # what pyarrow raises for a file that is no Parquet
        raise DataError(f"{rows.file}: not a Parquet table: {error}") from None
    wanted = [rows.text_column, rows.id_column, rows.weight_column, *LABELS]
    for column in wanted:
        if column is not None and column not in table.columns:
            raise DataError(
                f"{rows.file}: column {str(column)!r} is missing; there are "
                f"{', '.join(map(str, table.columns))}"
            )
    return table


def _labels(table: pd.DataFrame, file: Path) -> Floats:
    columns = [pd.to_numeric(table[label.value], errors="coerce") for label in LABELS]
    labels = np.stack([column.to_numpy(dtype=np.float64) for column in columns], axis=1)
    unscored = (labels == -1).all(axis=1, keepdims=True)
    wrong = ~(np.isin(labels, (0, 1)) | unscored)
    for at, label in enumerate(LABELS):
        bad = np.flatnonzero(wrong[:, at])
        if len(bad):
            found = table[label.value].iloc[bad[0]]
            raise DataError(
                f"{file}: {label} must be 0 or 1; row {bad[0] + 1} has {found}"
                f" (rows {', '.join(str(row + 1) for row in bad[:NAMED])}"
                f"{', …' if len(bad) > NAMED else ''})"
            )
    return labels.astype(np.float32)


def _weights(table: pd.DataFrame, rows: Rows) -> Floats:
    if rows.weight_column is None:
        return np.ones(len(table), dtype=np.float32)
    column = pd.to_numeric(table[rows.weight_column], errors="coerce")
    weights = column.to_numpy(dtype=np.float32)
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights > 0)))
    if len(bad):
        raise DataError(
            f"{rows.file}: {rows.weight_column} must be a positive number; row {bad[0] + 1} has "
            f"{table[rows.weight_column].iloc[bad[0]]!r}"
        )
    return weights


def _reasons(texts: list[str], labels: Floats) -> dict[int, str]:
    reasons: dict[int, str] = {}
    for row, text in enumerate(texts):
        if (labels[row] == -1).all():
            reasons[row] = "unscored (all labels are -1)"
        elif not text.strip():
            reasons[row] = "empty text"
    usable = [row for row in range(len(texts)) if row not in reasons]
    for places in _same_text([texts[row] for row in usable]).values():
        group = [usable[at] for at in places]
        if len({tuple(labels[row]) for row in group}) > 1:
            others = ", ".join(str(row + 1) for row in group[: NAMED + 1])
            for row in group:
                reasons[row] = f"same text with different labels (rows {others})"
        else:
            for row in group[1:]:
                reasons[row] = f"repeats row {group[0] + 1}"
    return reasons


def _same_text(texts: list[str] | tuple[str, ...]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        groups[text_key(text)].append(row)
    return groups
