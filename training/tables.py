"""Files and hub data sets → tables, unchecked but for their form."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pandas as pd

from training.config import TrainingError


class DataError(TrainingError):
    """Rows that cannot be used; names the file, the column and the first rows."""


def from_file(path: Path, wanted: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a CSV or Parquet file, or the one CSV in a zip archive (as Kaggle hands them out).

    Parameters
    ----------
    wanted
        The columns that are asked for; a Parquet file's others stay unread. None for all.

    Raises
    ------
    DataError
        The file cannot be read, is damaged or of another kind, its texts are not UTF-8, or a
        Parquet file lacks a wanted column.
    """
    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet", ".zip"):
        raise DataError(f"{path}: a .csv, .parquet or .zip file is needed")
    try:
        if kind == ".parquet":
            return _from_parquet(path, wanted)
        with _opened(path) as file:
            return pd.read_csv(file, encoding="utf-8", keep_default_na=False)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path}: not a zip archive, or a damaged one: {error}") from None
    except RuntimeError as error:  # encrypted, or packed in a way that Python cannot unpack
        raise DataError(f"{path}: cannot be unpacked; unpack it yourself: {error}") from None
    except FileNotFoundError:
        raise DataError(f"{path}: cannot be read: No such file or directory") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: {_broken_line(path) or 'a line'} is not UTF-8: {error}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path}: not a CSV table: {error}") from None
    except ValueError as error:  # what pyarrow raises for a file that is no Parquet
        form = "Parquet" if kind == ".parquet" else "CSV"
        raise DataError(f"{path}: not a {form} table: {error}") from None


def from_hub(name: str, split: str) -> pd.DataFrame:
    """Read one split of a data set of the Hugging Face hub, or of a folder in its form.

    Raises
    ------
    DataError
        There is no such data set or split, or the hub cannot be reached.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    try:
        loaded = load_dataset(name, split=split)
    except (DatasetsError, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        hub = os.environ.get("HF_ENDPOINT", "the hub")
        raise DataError(
            f"{name}: split {split!r} cannot be loaded from {hub} or a folder: {reason}"
        ) from None
    table: pd.DataFrame = loaded.to_pandas()
    return table


def require_columns(there: Iterable[str], wanted: Iterable[str | None], source: str) -> None:
    """Refuse a table that lacks a column; ``None`` stands for a column nobody asks for."""
    names = list(there)
    for column in wanted:
        if column is not None and column not in names:
            raise DataError(
                f"{source}: column {str(column)!r} is missing; there are "
                f"{', '.join(map(str, names))}"
            )


def texts_of(table: pd.DataFrame, column: str, source: str) -> tuple[str, ...]:
    """The texts of a column, one for each row: "" where it has none; bytes are read as UTF-8.

    Raises
    ------
    DataError
        Bytes are not UTF-8, or a cell holds a list or another thing of several parts.
    """
    texts: list[str] = []
    for row, cell in enumerate(table[column], start=1):
        if isinstance(cell, str):
            texts.append(cell)
        elif isinstance(cell, bytes):
            try:
                texts.append(cell.decode("utf-8"))
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{source}: column {column!r} must be UTF-8; row {row} is not: {error}"
                ) from None
        elif not pd.api.types.is_scalar(cell):
            raise DataError(
                f"{source}: column {column!r} must hold texts; row {row} has "
                f"a {type(cell).__name__}"
            )
        else:
            texts.append("" if pd.isna(cell) else str(cell))
    return tuple(texts)


def _from_parquet(path: Path, wanted: Sequence[str] | None) -> pd.DataFrame:
    from pyarrow import parquet

    if wanted is not None:
        require_columns(parquet.read_schema(path).names, wanted, str(path))
        wanted = list(dict.fromkeys(wanted))
    table = parquet.read_table(path, columns=wanted)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if _holds_texts(column.type):
            _require_utf8(column, f"{path}: column {name!r}")
    frame: pd.DataFrame = table.to_pandas()
    # What pandas notes in a file makes an index of a column; without a name it only counts rows.
    return frame.reset_index(drop=all(name is None for name in frame.index.names))


def _holds_texts(kind: Any) -> bool:
    """Whether cells of an Arrow type are texts, or have parts that are."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _holds_texts(kind.value_type)
    if types.is_nested(kind):
        return any(_holds_texts(kind.field(at).type) for at in range(kind.num_fields))
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _require_utf8(column: Any, name: str) -> None:
    """Refuse an Arrow column whose texts are none: nothing looks at their bytes until, much later,
    the first of them is made a string."""
    from pyarrow import ArrowInvalid

    try:
        column.validate(full=True)
    except ArrowInvalid as error:
        row = _first_broken(column)
        if row is None and "UTF" not in str(error):  # damaged in another way
            raise
        which = "" if row is None else f"; row {row} is not"
        raise DataError(f"{name} must be UTF-8{which}: {error}") from None


def _first_broken(cells: Iterable[Any]) -> int | None:
    """The first cell that is not UTF-8, or has a part that is not, counted from 1."""
    for row, cell in enumerate(cells, start=1):
        try:
            cell.as_py()
        except UnicodeDecodeError:
            return row
    return None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """A CSV's bytes, out of its archive if it is in one."""
    if path.suffix.lower() == ".csv":
        with path.open("rb") as file:
            yield file
    else:
        with zipfile.ZipFile(path) as archive, archive.open(_only_csv(archive, path)) as file:
            yield file


def _broken_line(path: Path) -> str | None:
    """The first line that is not UTF-8. A text may go over several lines, so it is no row."""
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return f"line {number}"
    return None


def _only_csv(archive: zipfile.ZipFile, path: Path) -> str:
    names = [
        name
        for name in archive.namelist()
        if name.lower().endswith(".csv") and not name.startswith("__MACOSX/")
    ]
    if len(names) != 1:
        raise DataError(
            f"{path}: one .csv is needed in the archive; there are {', '.join(names) or 'none'}"
        )
    return names[0]
