"""Rows are read, checked and divided; nothing is used silently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_bert import table, write_rows

from bot.labels import LABELS
from training import train
from training.__main__ import main
from training.config import Distillation, Experiment, Rows
from training.data import (
    DataError,
    Labelled,
    divided,
    read,
    read_unsifted,
)
from training.split import same_text, sample, split, text_key

CLEAN = dict.fromkeys((str(label) for label in LABELS), 0)


def rows_of(*texts: str, **labels: list[int]) -> pd.DataFrame:
    columns = {"id": [f"r{at}" for at in range(len(texts))], "comment_text": texts}
    return pd.DataFrame(columns | CLEAN | labels)


def read_rows(tmp_path: Path, rows: pd.DataFrame, **settings: str | None) -> tuple[Labelled, list]:
    return read(Rows(file=write_rows(tmp_path / "rows.csv", rows), **settings))


def test_csv_and_parquet_give_the_same_rows(tmp_path: Path) -> None:
    rows = table(30).assign(weight=np.linspace(0.5, 2.0, 30))
    rows.to_parquet(tmp_path / "rows.parquet")
    from_csv, _ = read_rows(tmp_path, rows, weight_column="weight")
    from_parquet, _ = read(Rows(file=tmp_path / "rows.parquet", weight_column="weight"))
    assert from_csv.ids == from_parquet.ids
    assert from_csv.texts == from_parquet.texts
    assert np.array_equal(from_csv.labels, from_parquet.labels)
    assert np.allclose(from_csv.weights, from_parquet.weights)


def test_a_text_that_looks_like_a_missing_value_is_a_text(tmp_path: Path) -> None:
    labelled, left_out = read_rows(tmp_path, rows_of("NA", "null", "nan"))
    assert labelled.texts == ("NA", "null", "nan")
    assert left_out == []


@pytest.mark.parametrize("column", ["comment_text", "threat", "id"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    with pytest.raises(DataError, match=f"column '{column}' is missing"):
        read_rows(tmp_path, table(6).drop(columns=column))


def test_a_missing_weight_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'prior' is missing"):
        read_rows(tmp_path, table(6), weight_column="prior")


@pytest.mark.parametrize("wrong", [2, -1, 0.5, "yes", ""])
def test_a_label_that_is_neither_0_nor_1_is_refused_by_row(tmp_path: Path, wrong: object) -> None:
    rows = table(6).astype({"insult": object})
    rows.loc[3, "insult"] = wrong
    with pytest.raises(DataError, match=r"insult must be 0 or 1; row 4 has"):
        read_rows(tmp_path, rows)


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_a_weight_that_is_not_positive_is_refused_by_row(tmp_path: Path, wrong: float) -> None:
    rows = table(6).assign(weight=1.0)
    rows.loc[2, "weight"] = wrong
    with pytest.raises(DataError, match="row 3"):
        read_rows(tmp_path, rows, weight_column="weight")


def test_unscored_rows_of_the_kaggle_test_file_are_left_out_and_reported(tmp_path: Path) -> None:
    unscored = {str(label): [0, -1, 0] for label in LABELS}
    labelled, left_out = read_rows(tmp_path, rows_of("one", "two", "three", **unscored))
    assert labelled.ids == ("r0", "r2")
    assert [(one.row, one.id) for one in left_out] == [(2, "r1")]
    assert "unscored" in left_out[0].reason


def test_empty_texts_are_left_out_and_reported(tmp_path: Path) -> None:
    labelled, left_out = read_rows(tmp_path, rows_of("one", " \n ", ""))
    assert labelled.ids == ("r0",)
    assert [(one.row, one.reason) for one in left_out] == [(2, "empty text"), (3, "empty text")]


def test_of_repeated_texts_the_first_is_kept(tmp_path: Path) -> None:
    labelled, left_out = read_rows(tmp_path, rows_of("One  two", "three", "one two"))
    assert labelled.ids == ("r0", "r1")
    assert [(one.row, one.reason) for one in left_out] == [(3, "repeats row 1")]


def test_one_text_with_different_labels_is_left_out_whole(tmp_path: Path) -> None:
    rows = rows_of("one two", "three", "ONE TWO", toxic=[0, 0, 1])
    labelled, left_out = read_rows(tmp_path, rows)
    assert labelled.ids == ("r1",)
    assert [one.row for one in left_out] == [1, 3]
    assert all("different labels (rows 1, 3)" in one.reason for one in left_out)


def test_all_rows_can_be_read_with_the_reasons_against_them(tmp_path: Path) -> None:
    rows = rows_of("one two", "", "ONE TWO", "three", "Three", toxic=[0, 0, 1, 0, 0])
    path = write_rows(tmp_path / "rows.csv", rows)
    found = read_unsifted(Rows(file=path))
    assert found.texts == ("one two", "", "ONE TWO", "three", "Three")
    assert found.ids == ("r0", "r1", "r2", "r3", "r4")
    assert found.labels[:, 0].tolist() == [0, 0, 1, 0, 0]
    assert found.weights.tolist() == [1] * 5
    # the places, from 0, of all that `read` leaves out
    assert sorted(found.reasons) == [0, 1, 2, 4]
    kept, left_out = read(Rows(file=path))
    assert kept.ids == ("r3",)
    assert {one.row - 1: one.reason for one in left_out} == found.reasons


@given(st.lists(st.sampled_from(["a b", "A  b", "ａ b", "b", "c", "C "])))
def test_each_text_is_in_one_group_with_those_that_are_the_same(texts: list[str]) -> None:
    groups = list(same_text(texts).values())
    assert sorted(row for group in groups for row in group) == list(range(len(texts)))
    assert [group[0] for group in groups] == sorted(group[0] for group in groups)
    for group in groups:
        assert len({text_key(texts[row]) for row in group}) == 1
    assert len(groups) == len({text_key(text) for text in texts})


def test_bytes_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.csv", rows_of("one"))
    path.write_bytes(path.read_bytes().replace(b"one", b"\xff\xfe"))
    with pytest.raises(DataError, match="not UTF-8"):
        read(Rows(file=path))


@pytest.mark.parametrize(
    ("name", "said"), [("none.csv", "cannot be read"), ("rows.txt", "is needed")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(Rows(file=tmp_path / name))


def test_a_file_without_a_usable_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no usable row"):
        read_rows(tmp_path, rows_of("", " "))


@st.composite
def labelled_rows(draw: st.DrawFn) -> Labelled:
    """Few distinct texts and label combinations, so that both repeat; one text, one combination."""
    numbers = draw(st.lists(st.integers(0, 40), min_size=1, max_size=120))
    labels = np.array([[number >> bit & 1 for bit in range(6)] for number in numbers])
    spaces = draw(st.lists(st.integers(1, 2), min_size=len(numbers), max_size=len(numbers)))
    twin = draw(st.booleans())
    texts = tuple(
        f"Text{' ' * space}{number if twin else f'{number} {at}'}"
        for at, (number, space) in enumerate(zip(numbers, spaces, strict=True))
    )
    ids = tuple(str(at) for at in range(len(numbers)))
    weights = np.ones(len(numbers), dtype=np.float32)
    return Labelled(ids, texts, labels.astype(np.float32), weights)


@settings(deadline=None)
@given(labelled_rows(), st.floats(0.02, 0.9), st.integers(0, 5))
def test_a_split_loses_no_row_and_shares_no_text(
    labelled: Labelled, share: float, seed: int
) -> None:
    training, validation = split(labelled, share, seed)
    assert sorted([*training, *validation]) == list(range(len(labelled)))
    texts = [{text_key(labelled.texts[row]) for row in part} for part in (training, validation)]
    assert not texts[0] & texts[1]
    again = split(labelled, share, seed)
    assert np.array_equal(again[0], training)


@settings(deadline=None)
@given(labelled_rows(), st.floats(0.02, 0.9), st.integers(0, 5))
def test_every_combination_of_two_texts_is_on_both_sides(
    labelled: Labelled, share: float, seed: int
) -> None:
    training, validation = split(labelled, share, seed)
    texts: dict[tuple[float, ...], set[str]] = {}
    for text, labels in zip(labelled.texts, labelled.labels, strict=True):
        texts.setdefault(tuple(labels), set()).add(text_key(text))
    sides = [{tuple(labelled.labels[row]) for row in part} for part in (training, validation)]
    assert sides[0] == set(texts)
    assert sides[1] == {labels for labels, found in texts.items() if len(found) > 1}


@settings(deadline=None)
@given(labelled_rows(), st.integers(1, 150))
def test_a_sample_keeps_every_combination(labelled: Labelled, count: int) -> None:
    drawn = sample(labelled, count, seed=1)
    assert len(set(drawn.ids)) == len(drawn) <= len(labelled)
    assert {tuple(row) for row in drawn.labels} == {tuple(row) for row in labelled.labels}


@pytest.mark.parametrize("most", [20, 60, 300, 900])
def test_what_all_rows_hold_out_a_sample_does_not_learn_from(
    experiment: Experiment, tmp_path: Path, most: int
) -> None:
    rows = Rows(file=write_rows(tmp_path / "rows.csv", table(600, seed=3)), validation_share=0.1)
    some = experiment.model_copy(update={"rows": rows.model_copy(update={"max_samples": most})})
    of_all = divided(experiment.model_copy(update={"rows": rows}))
    for part, whole in zip(divided(some)[:2], of_all[:2], strict=True):
        assert set(part.ids) <= set(whole.ids)
        assert len(part) == pytest.approx(min(len(whole) * most / 600, len(whole)), rel=0.2, abs=8)


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    file.write_bytes(b"x")
    with pytest.raises(DataError, match=r"rows\.parquet"):
        read(Rows(file=file))


def test_bytes_of_a_parquet_file_are_read_as_texts(tmp_path: Path) -> None:
    rows = rows_of("one", "grüß").assign(comment_text=[b"one", "grüß".encode()])
    rows.to_parquet(tmp_path / "rows.parquet")
    assert read(Rows(file=tmp_path / "rows.parquet"))[0].texts == ("one", "grüß")
    rows.assign(comment_text=[b"one", b"gr\xfc\xdf"]).to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(DataError, match=r"rows\.parquet: .*'comment_text' must be UTF-8; row 2"):
        read(Rows(file=tmp_path / "rows.parquet"))


def test_an_empty_label_is_named_by_row_and_column(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.csv", rows_of("one", "two"))
    path.write_text(path.read_text().replace("r1,two,0", "r1,two,"))
    with pytest.raises(DataError, match="toxic must be 0 or 1; row 2 has an empty cell"):
        read(Rows(file=path))


def test_rows_that_share_an_id_are_refused_when_teachers_answer_by_it(
    experiment: Experiment, tmp_path: Path
) -> None:
    # r1's other row is left out: nobody looks it up
    rows = rows_of("zero", "one", "one", "two", "three", "four")
    rows["id"] = ["r0", "r1", "r1", "r2", "r3", "r2"]
    path = write_rows(tmp_path / "rows.csv", rows)
    untaught = experiment.model_copy(update={"rows": Rows(file=path)})
    assert sum(map(len, divided(untaught)[:2])) == 5
    taught = untaught.model_copy(update={"distillation": Distillation(teachers=(path,))})
    with pytest.raises(DataError, match=r"rows\.csv: rows 4, 6 have one id, 'r2'"):
        divided(taught)
    counted = taught.model_copy(update={"rows": Rows(file=path, id_column=None)})
    assert sum(map(len, divided(counted)[:2])) == 5


def test_the_train_command_limits_the_training_rows(
    labelled_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Experiment] = []

    def note(experiment: Experiment, directory: Path, *, resume: bool) -> Path:
        asked.append(experiment)
        return directory

    monkeypatch.setattr(train, "run", note)
    config = tmp_path / "small.toml"
    config.write_text(
        f'name = "small"\n[rows]\nfile = "{labelled_file}"\nvalidation_share = 0.25\n'
        '[base]\ncheckpoint = "a/b"\n[artifact]\nmodel_version = "small-1"\n'
    )
    words = ["train", "--config", str(config), "--run", str(tmp_path / "run")]
    assert CliRunner().invoke(main, words).exit_code == 0
    assert CliRunner().invoke(main, [*words, "--max-train-samples", "120"]).exit_code == 0
    assert CliRunner().invoke(main, [*words, "--max-train-samples", "3"]).exit_code == 2
    every, some = (divided(one) for one in asked)
    assert len(every[0]) + len(every[1]) == 360
    assert len(some[0]) == pytest.approx(120, abs=6)
    assert len(some[1]) == pytest.approx(40, abs=6)
