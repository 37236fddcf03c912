"""Rows of other domains, with what they say about the six labels and no more."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.labels import LABELS, Label
from training import bars, written
from training.config import Auxiliary, Experiment
from training.data import Floats, Labelled, LeftOut
from training.origins import SPLIT_VERSION
from training.split import Indices, near_key, same_text, text_key
from training.tables import DataError, from_file, require_columns, texts_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Partial:
    """Texts with what is known of their labels.

    ``labels`` is [rows, 6] in the order of `LABELS`, each between 0 and 1 (annotators may differ)
    or NaN where the row says nothing. ``groups`` [rows] names what stays on one side of a split.
    """

    name: str
    texts: tuple[str, ...]
    labels: Floats
    groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Indices) -> Partial:
        """The rows at these places, in this order."""
        return Partial(
            self.name,
            tuple(self.texts[row] for row in rows),
            self.labels[rows],
            tuple(self.groups[row] for row in rows),
        )

    def save(self, path: Path) -> None:
        """Write the rows as Parquet; masked labels are empty."""
        columns = {label.value: self.labels[:, at] for at, label in enumerate(LABELS)}
        table = pd.DataFrame({"text": self.texts, "group": self.groups, **columns})
        table.to_parquet(path, index=False)


def divided_auxiliary(
    experiment: Experiment,
    training: Labelled,
    validation: Labelled,
    version: int = SPLIT_VERSION,
) -> tuple[list[Partial], list[Partial], list[LeftOut]]:
    """Read all auxiliary sources and divide each, with no text on both sides, whatever its source.

    Parameters
    ----------
    experiment
        Whose ``auxiliary`` is read, in its order.
    training, validation
        The main file's two parts. They stay as they are; the auxiliary sources give way.
    version
        Of the split, as in `training.data.divided`.

    Returns
    -------
    tuple
        Of each source the training part and the held-out part, and the rows that are not used.

    Raises
    ------
    DataError
        As in `read_auxiliary`, or nothing is left of a source to train on.
    """
    left_out: list[LeftOut] = []
    sides: list[tuple[Partial, Partial]] = []
    for name, source in experiment.auxiliary.items():
        partial, unused = read_auxiliary(name, source, experiment.seed)
        left_out += unused
        kept, held = split_groups(partial, experiment.rows.validation_share, experiment.seed)
        sides.append((partial.take(kept), partial.take(held)))
    trained, held_out = apart(sides, training.texts, validation.texts, version)
    for one, other in zip(trained, held_out, strict=True):
        log.info("%s: %d rows to train on, %d held out", one.name, len(one), len(other))
    return trained, held_out, left_out


def apart(
    sides: Sequence[tuple[Partial, Partial]],
    training: Sequence[str],
    validation: Sequence[str],
    version: int = SPLIT_VERSION,
) -> tuple[list[Partial], list[Partial]]:
    """Take out of each auxiliary source what another source has on the other side.

    A text that the main file trains on cannot be held out, and one that is held out anywhere
    cannot be trained on. Texts are the same as in `training.split.near_key`.

    Parameters
    ----------
    sides
        Of each source the training part and the held-out part.
    training, validation
        The texts of the main file's two parts.
    version
        Of the split.

    Raises
    ------
    DataError
        Nothing is left of a source to train on.
    """
    seen = {near_key(text, version) for text in bars.each(training, "near copies")}
    why = "trained on in the main file"
    held_out = [_without(held, seen, why, version) for _, held in sides]
    unseen = {near_key(text, version) for text in validation}
    unseen.update(near_key(text, version) for held in held_out for text in held.texts)
    trained = [_without(kept, unseen, "held out elsewhere", version) for kept, _ in sides]
    for partial in trained:
        if not len(partial):
            raise DataError(
                f"auxiliary.{partial.name}: every text to train on is held out elsewhere; "
                "take the source out"
            )
    return trained, held_out


def read_auxiliary(name: str, source: Auxiliary, seed: int) -> tuple[Partial, list[LeftOut]]:
    """Read one auxiliary source. Rows with the same text become one, their labels averaged.

    Returns
    -------
    tuple
        The rows, and those of the file that are empty or were merged into another one, each under
        the id ``auxiliary.NAME``. Rows that ``where`` does not choose are not among them.

    Raises
    ------
    DataError
        The file, a column or an expression cannot be used, a label is outside [0, 1], or a setting
        would do nothing with a source of this kind.
    """
    _require_heeded(name, source)
    left_out: list[LeftOut] = []
    if source.path.is_dir():
        partial = _chat_lines(name, source, seed)
        rows: Indices = np.arange(1, len(partial) + 1, dtype=np.int64)
    else:
        partial, rows, left_out = _table_rows(name, source)
    if not len(partial):
        raise DataError(f"auxiliary.{name}: no usable row in {source.path}")
    merged, repeats = _merged(partial, rows)
    return merged, sorted(left_out + repeats, key=lambda one: one.row)


def split_groups(partial: Partial, share: float, seed: int) -> tuple[Indices, Indices]:
    """Divide rows into training and validation, whole groups at a time.

    Returns
    -------
    tuple
        Row numbers of the training and of the validation part, in ascending order. At least one
        group is in training; a source of one group has no validation part.
    """
    names = sorted(set(partial.groups))
    order = np.random.default_rng(seed).permutation(len(names))
    held = {names[at] for at in order[: min(round(share * len(names)), len(names) - 1)]}
    is_held = np.array([group in held for group in partial.groups])
    return np.flatnonzero(~is_held).astype(np.int64), np.flatnonzero(is_held).astype(np.int64)


def _require_heeded(name: str, source: Auxiliary) -> None:
    """Refuse what a folder of chat lines, or a table, would not look at."""
    if source.path.is_dir():
        idle = ["labels", "where", "text_column", "group_column"]
        kind = "a folder of chat lines"
    else:
        idle, kind = ["most_per_template"], "a table"
    fields = Auxiliary.model_fields
    for setting in idle:
        # A run's experiment.json names all settings; those at their default were not asked for.
        default = fields[setting].get_default(call_default_factory=True)
        if getattr(source, setting) != default:
            raise DataError(
                f"auxiliary.{name}.{setting} does nothing: {source.path} is {kind}; take it out"
            )
    if not source.path.is_dir() and not source.labels:
        raise DataError(
            f"auxiliary.{name}: {source.path} is a table, and without auxiliary.{name}.labels its "
            "rows say nothing; give an expression for one label at least"
        )


def _chat_lines(name: str, source: Auxiliary, seed: int) -> Partial:
    lines = written.load(source.path, most_per_template=source.most_per_template, seed=seed)
    labels = np.array([line.labels for line in lines], dtype=np.float32).reshape(-1, len(LABELS))
    texts = tuple(line.text for line in lines)
    return Partial(name, texts, labels, tuple(line.template for line in lines))


def _table_rows(name: str, source: Auxiliary) -> tuple[Partial, Indices, list[LeftOut]]:
    """The rows of a table, their numbers in the file, and those without a text."""
    where = f"auxiliary.{name}: {source.path}"
    # The index is from here on the row's number in the file, less 1.
    table = from_file(source.path).reset_index(drop=True)
    require_columns(table.columns, (source.text_column, source.group_column), where)
    used = [*source.labels.values()] + ([] if source.where is None else [source.where])
    _require_filled(table, used, where)
    texts = np.array(texts_of(table, source.text_column, where), dtype=object)
    groups = np.array(
        texts_of(table, source.group_column or source.text_column, where), dtype=object
    )
    chosen = np.ones(len(table), dtype=np.bool_)
    if source.where is not None:
        chosen = _condition(table, source.where, where)
    empty = np.array([not text.strip() for text in texts], dtype=np.bool_)
    left_out = [
        LeftOut(int(row) + 1, f"auxiliary.{name}", "empty text")
        for row in np.flatnonzero(chosen & empty)
    ]
    kept = np.flatnonzero(chosen & ~empty).astype(np.int64)
    table = table.iloc[kept]
    labels = np.full((len(table), len(LABELS)), np.nan, dtype=np.float32)
    for at, label in enumerate(LABELS):
        if label in source.labels:
            labels[:, at] = _label(table, label, source.labels[label], where)
    grouped = tuple(
        text_key(texts[row]) if source.group_column is None or not groups[row] else groups[row]
        for row in kept
    )
    return Partial(name, tuple(texts[kept]), labels, grouped), kept + 1, left_out


def _require_filled(table: pd.DataFrame, expressions: Sequence[str], where: str) -> None:
    """Refuse a CSV's column of numbers with a gap: it is read as text, so no number equals it."""
    for column in map(str, table.columns):
        word = re.compile(rf"(?<![\w.]){re.escape(column)}(?![\w.])")
        if column not in table or not any(map(word.search, expressions)):
            continue
        cells = table[column]
        if not _textual(cells):
            continue
        empty = np.array([cell == "" for cell in cells], dtype=np.bool_)
        gaps, filled = np.flatnonzero(empty), cells[~empty]
        if not len(gaps) or not len(filled):
            continue
        if pd.to_numeric(filled, errors="coerce").notna().all():
            raise DataError(
                f"{where}: column {column!r} holds numbers, but row {gaps[0] + 1} is empty; "
                "fill it in, or take the row out"
            )


def _textual(cells: pd.Series) -> bool:
    return bool(pd.api.types.is_object_dtype(cells) or pd.api.types.is_string_dtype(cells))


def _condition(table: pd.DataFrame, expression: str, where: str) -> npt.NDArray[np.bool_]:
    found = _evaluated(table, expression, f"{where}: where")
    if not isinstance(found, pd.Series) or not pd.api.types.is_bool_dtype(found):
        raise DataError(f"{where}: where = {expression!r} must be true or false for each row")
    return found.fillna(False).to_numpy(dtype=np.bool_)


def _label(table: pd.DataFrame, label: Label, expression: str, where: str) -> Floats:
    """[rows]: what an expression gives, between 0 and 1, or NaN."""
    found = _evaluated(table, expression, f"{where}: {label}")
    where = f"{where}: {label} = {expression!r}"
    if isinstance(found, pd.DataFrame):
        raise DataError(f"{where} is an assignment; write what the label is, without a name for it")
    cells = found if isinstance(found, pd.Series) else pd.Series(found, index=table.index)
    numbers = pd.to_numeric(cells, errors="coerce")
    rows = table.index + 1
    strange = np.flatnonzero(cells.notna() & numbers.isna())
    if len(strange):
        raise DataError(
            f"{where} must be numbers; row {rows[strange[0]]} gives {cells.iloc[strange[0]]!r}"
        )
    values = numbers.to_numpy(dtype=np.float32, na_value=np.nan)
    wrong = np.flatnonzero((values < 0) | (values > 1))
    if len(wrong):
        raise DataError(
            f"{where} must be between 0 and 1; row {rows[wrong[0]]} gives {values[wrong[0]]:g}"
        )
    return values


def _evaluated(table: pd.DataFrame, expression: str, where: str) -> object:
    try:
        return table.eval(expression)
    # An expression can fail in as many ways as Python can.
    except Exception as error:
        raise DataError(f"{where} = {expression!r}: {' '.join(str(error).split())}") from None


def _merged(partial: Partial, numbers: Indices) -> tuple[Partial, list[LeftOut]]:
    """One row for each text, and the rows that went into an earlier one.

    ``numbers`` are those of the rows in the file.
    """
    places = same_text(partial.texts)
    first = np.array([rows[0] for rows in places.values()], dtype=np.int64)
    merged = partial.take(first)
    left_out: list[LeftOut] = []
    averaged = 0
    for at, rows in enumerate(places.values()):
        if len(rows) == 1:
            continue
        labels = partial.labels[rows]
        agreed = np.array_equal(labels, np.broadcast_to(labels[0], labels.shape), equal_nan=True)
        averaged += not agreed
        reason = "repeats row {}" if agreed else "same text as row {}: their labels are averaged"
        left_out += [
            LeftOut(int(numbers[row]), f"auxiliary.{partial.name}", reason.format(numbers[rows[0]]))
            for row in rows[1:]
        ]
        # A label that only some of the rows speak of is theirs to say.
        said = np.ma.masked_invalid(labels).mean(axis=0)
        merged.labels[at] = np.ma.filled(said, np.nan)
    if left_out:
        log.info(
            "%s: %d rows repeat a text; %d texts had different labels, which are averaged",
            partial.name, len(left_out), averaged,
        )  # fmt: skip
    return merged, left_out


def _without(partial: Partial, keys: Collection[str], why: str, version: int) -> Partial:
    texts = enumerate(bars.each(partial.texts, partial.name))
    kept = [at for at, text in texts if near_key(text, version) not in keys]
    if len(kept) < len(partial):
        dropped = len(partial) - len(kept)
        log.info("%s: %d rows dropped, their texts are %s", partial.name, dropped, why)
    return partial.take(np.array(kept, dtype=np.int64))
