"""What can be read, and what is said of what cannot."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from training.tables import DataError, from_file, from_hub, texts_of

CSV = "id,comment_text,toxic\n1,hello,0\n2,NA,1\n"


def test_the_one_csv_in_a_zip_archive_is_read(tmp_path: Path) -> None:
    path = tmp_path / "train.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train.csv", CSV)
        archive.writestr("__MACOSX/._train.csv", "x")
        archive.writestr("README.txt", "x")
    table = from_file(path)
    assert list(table["comment_text"]) == ["hello", "NA"]  # a text, not a missing value


@pytest.mark.parametrize("names", [[], ["a.csv", "b.csv"]])
def test_an_archive_must_hold_one_csv(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "rows.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, CSV)
    with pytest.raises(DataError, match=f"one .csv is needed.*{', '.join(names) or 'none'}"):
        from_file(path)


def test_broken_files_are_named(tmp_path: Path) -> None:
    for name, content, message in (
        ("a.zip", b"no archive", "not a zip archive"),
        ("a.csv", b"id,comment_text\n1,fine\n2,\xff\xfe\n", "line 3 is not UTF-8"),
        ("c.csv", "id,comment_text\n1,fine\n".encode("utf-16"), "line 1 is not UTF-8"),
        ("b.csv", b"", "not a CSV table"),
        ("a.parquet", b"no parquet", "not a Parquet table"),
        ("a.xlsx", b"", "a .csv, .parquet or .zip file is needed"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: {message}"):
            from_file(tmp_path / name)
    for name in ("none.csv", "none.parquet"):
        with pytest.raises(DataError, match=f"{name}: cannot be read: No such file"):
            from_file(tmp_path / name)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "train.csv.zip"
    rows = "".join(f"{at},comment {at * 7919},0\n" for at in range(400))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("train.csv", f"id,comment_text,toxic\n{rows}")
    return path


def test_a_damaged_archive_is_named(archive: Path) -> None:
    whole = archive.read_bytes()
    start = 30 + len("train.csv")  # of the packed bytes, behind the local header
    for damage in (b"\xff" * 40, bytes(40)):
        archive.write_bytes(whole[:start] + damage + whole[start + 40 :])
        with pytest.raises(DataError, match=r"train\.csv\.zip: not a zip archive, or a damaged"):
            from_file(archive)
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"train\.csv\.zip: not a zip archive, or a damaged"):
        from_file(archive)


def test_an_encrypted_archive_is_named(archive: Path) -> None:
    whole = bytearray(archive.read_bytes())
    whole[6] |= 1  # the flag in the local header, and in the central directory
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(whole)
    with pytest.raises(DataError, match=r"train\.csv\.zip: cannot be unpacked.*encrypted"):
        from_file(archive)


def test_a_broken_line_in_an_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rows.csv", b"id,comment_text\n1,caf\xe9\n")
    with pytest.raises(DataError, match=r"rows\.zip: line 2 is not UTF-8"):
        from_file(path)


@pytest.mark.parametrize(
    ("form", "group"),
    [("texts", 2), ("lists", 3), ("objects", 3), ("categories", 3), ("categories", 2)],
)
def test_a_broken_text_in_a_parquet_file_is_named(form: str, group: int, tmp_path: Path) -> None:
    cells = [b"fine", b"one more", b"caf\xe9"]
    ends = np.cumsum([0, *map(len, cells)], dtype=np.int32)
    # Nothing but the buffers makes such texts: all else checks the bytes.
    buffers = [None, *map(pa.py_buffer, (ends.tobytes(), b"".join(cells)))]
    texts = pa.Array.from_buffers(pa.string(), len(cells), buffers)
    if form == "categories":
        texts = texts.dictionary_encode()
    elif form == "lists":
        texts = pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), texts)
    elif form == "objects":
        texts = pa.StructArray.from_arrays([texts], ["text"])
    path = tmp_path / "rows.parquet"
    table = pa.table({"id": ["1", "2", "3"], "comment_text": texts})
    parquet.write_table(table, path, row_group_size=group)
    with pytest.raises(DataError) as raised:
        from_file(path)
    told = f"{path}: column 'comment_text' must be UTF-8; row 3 is not: "
    assert str(raised.value).startswith(told)
    assert "\n" not in str(raised.value)
    assert list(from_file(path, ["id", "id"])["id"]) == ["1", "2", "3"]  # nobody reads the other
    with pytest.raises(DataError, match=r"'text' is missing; there are id, comment_text"):
        from_file(path, ["id", "text"])


def test_only_texts_must_be_utf8(tmp_path: Path) -> None:
    buffers = [None, pa.py_buffer((12_345).to_bytes(16, "little"))]
    price = pa.Array.from_buffers(pa.decimal128(3, 0), 1, buffers)  # of more digits than it says
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"comment_text": ["fine"], "price": price}), path)
    assert list(from_file(path)["comment_text"]) == ["fine"]


def test_kinds_that_pandas_wrote_with_a_gap_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    written = pd.DataFrame(
        {
            "id": pd.array([2**53 + 1, None], dtype="Int64"),
            "keep": pd.array([True, None], dtype="boolean"),
        }
    )
    written.to_parquet(path)
    pd.testing.assert_frame_equal(from_file(path), written)


def test_an_index_that_pandas_wrote_is_a_column(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"id": ["7", "9"], "comment_text": ["a", "b"]}).set_index("id").to_parquet(path)
    assert list(from_file(path, ["id", "comment_text"])["id"]) == ["7", "9"]


def test_cells_become_texts() -> None:
    cells = ["hello", "grüß".encode(), None, float("nan"), 7]
    frame = pd.DataFrame({"text": pd.Series(cells, dtype=object)})
    assert texts_of(frame, "text", "x.parquet") == ("hello", "grüß", "", "", "7")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (b"caf\xe9", "must be UTF-8; row 2 is not"),
        (["a", "b"], "must hold texts; row 2 has a list"),
    ],
)
def test_a_cell_that_is_no_text_is_refused_by_row(cell: object, said: str) -> None:
    frame = pd.DataFrame({"text": pd.Series(["fine", cell], dtype=object)})
    with pytest.raises(DataError, match=f"x.parquet: column 'text' {said}"):
        texts_of(frame, "text", "x.parquet")


def test_a_data_set_in_the_hubs_form_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "jigsaw"
    folder.mkdir()
    frame = pd.DataFrame({"comment_text": ["hello", "you"], "toxic": [0, 1]})
    frame.to_parquet(folder / "train.parquet")
    assert from_hub(str(folder), "train").equals(frame)
    with pytest.raises(DataError, match=r"jigsaw: split 'extra' cannot be loaded"):
        from_hub(str(folder), "extra")


def test_a_data_set_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="nobody/nothing: split 'train' cannot be loaded"):
        from_hub("nobody/nothing", "train")
