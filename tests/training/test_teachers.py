"""Teachers' logits find their rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.config import Experiment
from training.data import Labelled, read
from training.teachers import ENOUGH, TeacherError, _calibrated, read_logits, teach, write_logits


def logits(*values: float) -> np.ndarray:
    return np.repeat(np.array(values, dtype=np.float32)[:, None], 6, axis=1)


def test_teachers_are_averaged_row_by_row(tmp_path: Path) -> None:
    write_logits(tmp_path / "one.npz", ["a", "b", "c"], logits(1, 2, 3))
    write_logits(tmp_path / "two.npz", ["c", "a"], logits(5, 3))
    found = read_logits([tmp_path / "one.npz", tmp_path / "two.npz"], ["c", "b", "a"])
    assert found[0].tolist() == [4.0] * 6
    assert np.isnan(found[1]).all()  # only one of the two knows it
    assert found[2].tolist() == [2.0] * 6


def test_a_label_that_few_held_out_rows_have_loses_the_weight_of_its_positives_alone() -> None:
    draw = np.random.default_rng(1)
    raw = draw.normal(size=(60, 6)).astype(np.float32)
    truth = (raw + draw.normal(size=raw.shape) > 0).astype(np.float32)
    truth[ENOUGH - 1 :, 2] = 0
    known = list(range(10, 60))
    ids, texts = tuple(map(str, known)), ("text",) * len(known)
    held_out = Labelled(ids, texts, truth[known], np.ones(len(known), dtype=np.float32))
    shift = np.full(6, 0.5, dtype=np.float32)
    found = _calibrated(raw, known, held_out, shift)
    assert found[:, 2] == pytest.approx(raw[:, 2] - 0.5)
    for at in (0, 1, 3, 4, 5):
        said = 1 / (1 + np.exp(-found[known, at]))
        assert said.mean() == pytest.approx(truth[known, at].mean(), abs=0.02)


def test_a_file_that_is_no_teacher_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with pytest.raises(TeacherError, match=r"x\.npz: not a file of ids and logits"):
        read_logits([path], ["a"])
    path.write_text("hello")
    with pytest.raises(TeacherError, match=r"x\.npz: not a file of ids and logits"):
        read_logits([path], ["a"])
    np.savez(path, ids=np.array(["a"]), logits=np.zeros((1, 3)))
    with pytest.raises(TeacherError, match=r"x\.npz: 1 ids but logits of shape"):
        read_logits([path], ["a"])
    write_logits(path, ["z"], logits(1))
    with pytest.raises(TeacherError, match=r"x\.npz: knows none of the training rows"):
        read_logits([path], ["a"])


def test_what_is_no_whole_archive_of_arrays_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    write_logits(path, [f"r{at}" for at in range(200)], np.random.default_rng(1).random((200, 6)))
    whole = path.read_bytes()
    np.save(tmp_path / "single.npy", np.zeros((2, 6)))
    single = (tmp_path / "single.npy").read_bytes()
    np.savez(tmp_path / "scalar.npz", ids=np.array(["a"]), logits=np.array("no number"))
    words = (tmp_path / "scalar.npz").read_bytes()
    damaged = whole[:900] + bytes(200) + whole[1100:]
    for content in (b"", single, words, whole[: len(whole) // 2], damaged):
        path.write_bytes(content)
        with pytest.raises(TeacherError, match=r"x\.npz: not a file of ids and logits"):
            read_logits([path], ["r1"])


def test_an_id_is_answered_for_once(tmp_path: Path) -> None:
    write_logits(tmp_path / "x.npz", ["a", "b", "c", "b"], logits(1, 2, 3, 4))
    with pytest.raises(TeacherError, match=r"x\.npz: answers twice for id 'b'"):
        read_logits([tmp_path / "x.npz"], ["a"])


@pytest.mark.parametrize("endless", [float("inf"), float("-inf")])
def test_infinite_logits_are_refused(tmp_path: Path, endless: float) -> None:
    write_logits(tmp_path / "x.npz", ["a", "b"], logits(1, endless))
    with pytest.raises(TeacherError, match=r"x\.npz: the logits of id 'b' are infinite"):
        read_logits([tmp_path / "x.npz"], ["a"])


def test_a_file_is_written_under_the_name_that_is_given(tmp_path: Path) -> None:
    write_logits(tmp_path / "answers", ["a"], logits(1))
    assert [path.name for path in tmp_path.iterdir()] == ["answers"]
    assert read_logits([tmp_path / "answers"], ["a"]).tolist() == [[1.0] * 6]


def test_any_model_can_teach_without_a_run(
    trained_run: Path, experiment: Experiment, tmp_path: Path
) -> None:
    teach(experiment, trained_run, tmp_path / "own.npz")
    teach(experiment, tmp_path / "no-run", tmp_path / "others.npz", trained_run / "model")
    ids = read(experiment.rows)[0].ids
    own, others = (read_logits([tmp_path / f"{name}.npz"], ids) for name in ("own", "others"))
    assert np.array_equal(own, others)
