"""Every long command can be stopped, and started again goes on where it was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from sklearn.linear_model import LogisticRegression
from tiny_bert import BAD
from tiny_runs import epochs, equal, small, weights, write_suites

from bot.screening import vocabulary
from bot.screening.model import Model
from training import inspect as inspection
from training import scoring, strong_words, suites, train
from training.__main__ import main
from training.begun import newest_whole
from training.config import Experiment
from training.kept import UNFINISHED
from training.loop import CHECKPOINTS

pytestmark = pytest.mark.usefixtures("empty_pictures")

CHUNK = 16
FOLDERS = ("whole", "broken")
INSPECTED = "inspection.json"
FOLDS = "tfidf.out_of_fold.npz"
SUITE = """
[[functions]]
name = "harm"
about = "Harm."
abusive = true
texts = [{cases}]
"""


class Asked:
    """How many texts a model was asked for, one number a call; it is stopped at one of them."""

    def __init__(self, stopped_at: int | None = None) -> None:
        self.calls: list[int] = []
        self.stopped_at = stopped_at

    def note(self, count: int) -> None:
        if len(self.calls) + 1 == self.stopped_at:
            raise KeyboardInterrupt
        self.calls.append(count)


@contextmanager
def asking(stopped_at: int | None = None) -> Iterator[Asked]:
    asked = Asked(stopped_at)

    def noting(answer: Callable[[Model, Sequence[str]], Any]) -> Callable[..., Any]:
        def noted(self: Model, texts: Sequence[str]) -> Any:
            asked.note(len(texts))
            return answer(self, texts)

        return noted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Model, "score", noting(Model.score))
        patch.setattr(Model, "logits", noting(Model.logits))
        patch.setattr(scoring, "CHUNK", CHUNK)
        yield asked


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy of the trained run."""
    shutil.copytree(trained_run, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def words(run: Path, tmp_path: Path) -> dict[str, list[str | Path]]:
    """What each command is called with, and after ``--out`` where it writes."""
    suite = tmp_path / "suite.toml"
    suite.write_text(SUITE.format(cases=", ".join(f'"you idiot {at}"' for at in range(60))))
    given: list[str | Path] = ["--config", run / "experiment.json", "--run", run]
    rows: list[str | Path] = ["--rows", run / "validation.parquet"]
    return {
        "evaluate": [
            "--model", run / "model", *given, *rows, "--robustness", "1", "--bootstrap", "0",
        ],
        "compare": [
            "--model", run / "model", "--model", f"again={run / 'model'}", *given, *rows,
            "--resamples", "100",
        ],
        "suite": ["--model", run / "model", "--suite", suite],
    }  # fmt: skip


REPORTS = {"evaluate": "evaluation.json", "compare": "comparison.json", "suite": "suite.json"}


def report_of(folder: Path, command: str) -> Any:
    found = json.loads((folder / REPORTS[command]).read_text())
    for model in found.get("models", {}).values():
        del model["milliseconds"]
    return found


def killed_after_a_checkpoint(config: Path, directory: Path) -> None:
    """Train in a process of its own, which ends as a lack of memory or of current would end it."""
    threads = str(torch.get_num_threads())  # more or fewer would add in another order
    with subprocess.Popen(
        (sys.executable, "-m", "training", "train", "--config", config, "--run", directory),
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": threads},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while process.poll() is None and not newest_whole(directory / CHECKPOINTS, True):
                time.sleep(0.005)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGKILL


def test_a_training_that_was_killed_ends_with_the_weights_of_an_unbroken_one(
    experiment: Experiment, tmp_path: Path
) -> None:
    recipe = small(experiment, tmp_path, epochs=10, average_decay=0.9, checkpoint_steps=10)
    config, broken, unbroken = (tmp_path / name for name in ("small.json", "broken", "unbroken"))
    config.write_text(recipe.model_dump_json())

    killed_after_a_checkpoint(config, broken)

    left = newest_whole(broken / CHECKPOINTS, True)
    assert left is not None
    assert left.name != "checkpoint-120"
    done = invoke("train", "--config", config, "--run", broken, "--resume")
    assert done.exit_code == 0, done.output
    train.run(recipe, unbroken)
    assert equal(weights(broken / "model"), weights(unbroken / "model"))
    assert epochs(broken) == epochs(unbroken)


@pytest.mark.parametrize("command", REPORTS)
def test_a_measurement_goes_on_where_it_was_stopped(
    command: str,
    words: dict[str, list[str | Path]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suites, "FOLDER", write_suites(tmp_path / "suites"))
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    with asking() as unbroken:
        done = invoke(command, *words[command], "--out", whole)
    assert done.exit_code == 0, done.output
    with asking(stopped_at=4) as stopped:
        assert invoke(command, *words[command], "--out", broken).exit_code == 1
    assert len(stopped.calls) == 3
    assert len(list((broken / UNFINISHED).iterdir())) == 3
    with asking() as resumed:
        assert invoke(command, *words[command], "--out", broken).exit_code == 0
    assert sum(resumed.calls) == sum(unbroken.calls) - sum(stopped.calls)
    assert report_of(broken, command) == report_of(whole, command)
    assert not (broken / UNFINISHED).exists()


def test_a_calibration_goes_on_where_it_was_stopped(run: Path) -> None:
    given = ["calibrate", "--config", run / "experiment.json", "--run", run]
    with asking(stopped_at=4) as stopped:
        assert invoke(*given).exit_code == 1
    assert stopped.calls == [CHUNK] * 3
    assert not (run / "calibration.json").exists()
    with asking() as resumed:
        done = invoke(*given)
    assert done.exit_code == 0, done.output
    assert sum(resumed.calls) == 90 - 3 * CHUNK
    left = np.load(run / "validation_logits.int8.npy")
    assert not (run / UNFINISHED).exists()
    with asking() as again:
        assert invoke(*given).exit_code == 0
    assert sum(again.calls) == 90
    assert np.array_equal(np.load(run / "validation_logits.int8.npy"), left)


def test_an_inspection_goes_on_where_it_was_stopped(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, looked = inspection.plain, Asked(stopped_at=3 * CHUNK + 5)

    def noting(text: str) -> str:
        looked.note(1)
        return plain(text)

    given = ["inspect", "--config", run / "experiment.json", "--run", run, "--out"]
    assert invoke(*given, tmp_path / "whole").exit_code == 0
    monkeypatch.setattr(scoring, "CHUNK", CHUNK)
    monkeypatch.setattr(inspection, "plain", noting)
    assert invoke(*given, tmp_path / "broken").exit_code == 1
    assert len(list((tmp_path / "broken" / UNFINISHED).iterdir())) == 3
    looked.calls.clear()
    looked.stopped_at = None
    assert invoke(*given, tmp_path / "broken").exit_code == 0
    reports = [json.loads((tmp_path / name / INSPECTED).read_text()) for name in FOLDERS]
    assert reports[0] == reports[1]
    assert sum(looked.calls) == reports[0]["used"] - 3 * CHUNK
    assert not (tmp_path / "broken" / UNFINISHED).exists()


def test_strong_words_go_on_where_they_were_stopped(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = vocabulary.common_words()
    few = dict(list(common.items())[:400]) | dict.fromkeys(BAD.values(), 9.0)
    monkeypatch.setattr(vocabulary, "common_words", lambda: few)
    monkeypatch.setattr(strong_words, "frequencies_of_languages", lambda: {"en": {}})
    given = ["strong-words", "--config", run / "experiment.json", "--run", run]
    given += ["--model", run / "model", "--to"]
    with asking() as unbroken:
        done = invoke(*given, tmp_path / "whole")
    assert done.exit_code == 0, done.output
    with asking(stopped_at=4) as stopped:
        assert invoke(*given, tmp_path / "broken").exit_code == 1
    assert stopped.calls == [CHUNK] * 3
    with asking() as resumed:
        assert invoke(*given, tmp_path / "broken").exit_code == 0
    assert sum(resumed.calls) == sum(unbroken.calls) - 3 * CHUNK
    lists = [
        {path.name: path.read_text() for path in (tmp_path / name).iterdir()} for name in FOLDERS
    ]
    assert len(lists[0]) == 3
    assert BAD["insult"] in lists[0]["strong_words.txt"].splitlines()
    assert lists[0] == lists[1]


def test_a_baseline_goes_on_with_the_label_that_it_was_at(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, fitted = LogisticRegression.fit, list[int]()

    def noting(self: LogisticRegression, *arguments: Any) -> LogisticRegression:
        if len(fitted) == 14:  # in the second fold
            fitted.append(0)
            raise KeyboardInterrupt
        fitted.append(1)
        return fit(self, *arguments)

    config = run / "experiment.json"
    given = ["baseline", "--config", config, "--only", "tfidf", "--out-of-fold", "3", "--jobs", "1"]
    assert invoke(*given, "--run", tmp_path / "whole").exit_code == 0
    monkeypatch.setattr(LogisticRegression, "fit", noting)
    assert invoke(*given, "--run", tmp_path / "broken").exit_code == 1
    assert sum(fitted) == 14
    assert invoke(*given, "--run", tmp_path / "broken").exit_code == 0
    assert sum(fitted) == 4 * 6  # one on the whole and three folds, six labels each
    folders = [tmp_path / name / "baselines" for name in FOLDERS]
    with np.load(folders[0] / FOLDS) as one, np.load(folders[1] / FOLDS) as other:
        assert np.array_equal(one["logits"], other["logits"])
        assert np.array_equal(one["ids"], other["ids"])
    assert not (folders[1] / UNFINISHED).exists()
