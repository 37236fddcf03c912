"""Figures on rows that a model has learnt from are called by their name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from tiny_bert import table, write_rows
from tiny_runs import changed, small, write_suites

from training import suites
from training.__main__ import main
from training.config import Experiment
from training.runs import RunError
from training.split import folded_key
from training.train import run as train
from training.trained_on import keep, seen_by

pytestmark = pytest.mark.usefixtures("empty_pictures")


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy of the trained run."""
    shutil.copytree(trained_run, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def given(run: Path) -> list[str | Path]:
    return ["--config", run / "experiment.json", "--run", run]


def validation(run: Path) -> pd.DataFrame:
    return pd.read_parquet(run / "validation.parquet")


def trained(run: Path, labelled_file: Path) -> pd.DataFrame:
    rows = pd.read_csv(labelled_file)
    return rows[~rows["id"].isin(validation(run)["id"])]


def test_a_run_knows_its_training_texts_and_no_other(run: Path, labelled_file: Path) -> None:
    texts = trained(run, labelled_file)["comment_text"].tolist()
    seen = seen_by(run / "model", texts, run / "elsewhere")
    assert seen is not None
    assert (seen.count, seen.of, seen.run) == (270, 270, run)
    near = seen_by(run / "model", [f"**{texts[0].upper()}**!!", "something else"], run)
    assert near is not None
    assert near.count == 1
    held = seen_by(run / "model", validation(run)["comment_text"].tolist(), run)
    assert held is not None
    assert held.count == 0
    assert held.warning is None


def test_a_model_of_no_run_is_not_judged(run: Path, checkpoint: Path, tmp_path: Path) -> None:
    assert seen_by(checkpoint, ["a"], run) is None
    assert seen_by(tmp_path / "none" / "model", ["a"], run) is None


def test_a_run_of_an_older_trainer_says_that_nobody_knows(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (run / "trained_on.npy").unlink()
    caplog.set_level("INFO")
    assert seen_by(run / "model", ["a"], run) is None
    assert "which rows it was trained on is not known" in caplog.text


@pytest.mark.parametrize("content", [b"", b"junk"])
def test_a_damaged_record_is_named(run: Path, content: bytes) -> None:
    (run / "trained_on.npy").write_bytes(content)
    with pytest.raises(RunError, match=r"trained_on\.npy: cannot be read"):
        seen_by(run / "model", ["a"], run)
    np.save(run / "trained_on.npy", np.zeros((2, 2)))
    with pytest.raises(RunError, match=r"trained_on\.npy: is not what this version"):
        seen_by(run / "model", ["a"], run)


def test_what_the_base_has_learnt_counts_too(experiment: Experiment, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    base = experiment.base
    keep(first, ["one text"], base)
    keep(second, ["two texts"], base.model_copy(update={"checkpoint": str(first / "model")}))
    assert len(np.load(first / "trained_on.npy")) == 1
    assert len(np.load(second / "trained_on.npy")) == 2


def test_auxiliary_texts_are_among_them(experiment: Experiment, tmp_path: Path) -> None:
    lines = pd.DataFrame({"text": [f"a line of chat {at}" for at in range(20)], "bad": 0})
    lines.to_parquet(tmp_path / "lines.parquet")
    source = {"path": tmp_path / "lines.parquet", "labels": {"toxic": "bad"}}
    recipe = changed(small(experiment, tmp_path, epochs=1), auxiliary={"chat": source})
    train(recipe, tmp_path / "out")
    seen = seen_by(tmp_path / "out" / "model", lines["text"].tolist(), tmp_path)
    assert seen is not None
    assert seen.count == 15


def test_evaluate_says_it_loudly(
    run: Path,
    given: list[str | Path],
    labelled_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suites, "FOLDER", write_suites(tmp_path / "suites"))
    out = tmp_path / "out"
    words = ["evaluate", *given, "--model", run / "model", "--robustness", "0", "--bootstrap", "0"]
    done = invoke(*words, "--rows", labelled_file, "--out", out)
    assert done.exit_code == 0, done.output
    said = f"270 of the 360 rows (75.0%) are rows that {run} was trained on: "
    assert f"Warning: {said}" in done.stderr
    page = (out / "evaluation.md").read_text()
    assert page.splitlines()[2].startswith(f"> **Warning: {said}")
    report = json.loads((out / "evaluation.json").read_text())
    assert report["rows"]["trained_on"] == 270
    assert report["warning"].startswith(said)

    done = invoke(*words, "--rows", run / "validation.parquet", "--out", out)
    assert "arning" not in done.output
    assert "arning" not in (out / "evaluation.md").read_text()
    report = json.loads((out / "evaluation.json").read_text())
    assert report["rows"]["trained_on"] == 0
    assert report["warning"] is None


def test_an_exported_model_is_known_by_its_graph(
    run: Path, given: list[str | Path], labelled_file: Path, tmp_path: Path
) -> None:
    assert invoke("calibrate", *given).exit_code == 0
    done = invoke("export", *given, "--to", tmp_path / "shipped")
    assert done.exit_code == 0, done.output
    texts = trained(run, labelled_file)["comment_text"].tolist()
    for model in (tmp_path / "shipped", run / "int8"):
        seen = seen_by(model, texts, run)
        assert seen is not None
        assert seen.count == 270
    assert seen_by(tmp_path / "shipped", texts, tmp_path) is None


def test_compare_says_of_which_model(
    run: Path, given: list[str | Path], checkpoint: Path, labelled_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    np.save(tmp_path / "other.npy", np.random.default_rng(1).normal(size=(360, 6)))
    words = ["compare", *given, "--resamples", "100", "--rows", labelled_file, "--out", out]
    done = invoke(*words, "--model", f"mine={run / 'model'}", "--model", tmp_path / "other.npy")
    assert done.exit_code == 0, done.output
    assert "Warning: mine: 270 of the 360 rows" in done.stderr
    page = (out / "comparison.md").read_text()
    assert page.splitlines()[2].startswith("> **Warning: mine: 270 of the 360 rows (75.0%) are")
    assert page.count("Warning") == 1
    # these rows have no weights
    assert "prior weights" not in page
    assert len(json.loads((out / "comparison.json").read_text())["warnings"]) == 1


def test_errors_says_it_on_its_page(run: Path, given: list[str | Path]) -> None:
    done = invoke("errors", *given)
    assert done.exit_code == 0, done.output
    page = (run / "errors" / "errors.html").read_text()
    assert "The model was not trained on them." in page
    assert "Warning" not in done.output
    texts = validation(run)["comment_text"].tolist()
    known = np.load(run / "trained_on.npy")
    more = [int(folded_key(text)[:16], 16) for text in texts[:7]]
    np.save(run / "trained_on.npy", np.union1d(known, np.array(more, dtype=np.uint64)))
    done = invoke("errors", *given)
    assert "Warning: 7 of the 90 rows" in done.stderr
    page = (run / "errors" / "errors.html").read_text()
    assert "7 of the 90 rows" in page
    assert "The model was not trained on them." not in page


def test_a_baseline_without_weights_speaks_of_none(experiment: Experiment, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.csv", table(60).assign(w=[1.0, 2.0] * 30))
    for column, there in ((None, False), ("w", True)):
        recipe = changed(experiment, rows={"file": rows, "weight_column": column})
        (tmp_path / "recipe.json").write_text(recipe.model_dump_json())
        given = ["--config", tmp_path / "recipe.json", "--run", tmp_path / f"run{column}"]
        done = invoke("baseline", *given, "--only", "majority")
        assert done.exit_code == 0, done.output
        assert ("under the prior weights" in done.output) == there
