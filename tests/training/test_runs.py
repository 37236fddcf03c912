"""A run directory belongs to the settings that it was begun with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from training.__main__ import main
from training.config import Experiment
from training.data import Labelled
from training.recipes import load
from training.runs import RunError, check_same, made, read_logits, record

RECIPE = """
name = "small"
[rows]
file = "rows.csv"
[auxiliary.chat]
path = "lines"
[base]
checkpoint = "some/bert"
[presets]
strict = 0.6
[artifact]
model_version = "small-1"
"""
# Settings that may not differ from the run's, and what is said of them.
OTHERS = {
    "seed=18": "another seed: 17, not 18",
    "rows.file=more.csv": "another rows.file: rows.csv, not more.csv",
    "rows.weight_column=w": "another rows.weight_column: nothing, not 'w'",
    "auxiliary.chat.weight=0.5": "another auxiliary.chat.weight: 1.0, not 0.5",
    "auxiliary.chat=": "another auxiliary.chat: {",
    "auxiliary.more.path=x": "another auxiliary.more: nothing, not {",
    "base.checkpoint=some/other": "another base.checkpoint: 'some/bert', not 'some/other'",
    "augmentation.share=0.5": "another augmentation.share",
    "loss.kind=focal": "another loss.kind",
    "loss.label_weights.threat=2": "another loss.label_weights.threat: nothing, not 2.0",
    'distillation.teachers=["a.npz"]': "another distillation.teachers: [], not [a.npz]",
    "optimisation.epochs=3": "another optimisation.epochs: 2.0, not 3.0",
}


@pytest.fixture
def begun(tmp_path: Path) -> tuple[Path, Path]:
    """The experiment's file, and a run directory that holds its settings."""
    config, run = tmp_path / "small.toml", tmp_path / "run"
    config.write_text(RECIPE)
    run.mkdir()
    (run / "experiment.json").write_text(load(config).model_dump_json(indent=2))
    return config, run


@pytest.mark.parametrize(("override", "said"), OTHERS.items(), ids=OTHERS)
def test_settings_that_a_run_depends_on_may_not_differ(
    begun: tuple[Path, Path], override: str, said: str
) -> None:
    config, run = begun
    with pytest.raises(RunError) as raised:
        check_same(load(config, (override,)), run)
    assert said in str(raised.value)
    assert str(run) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_presets_and_artifact_may_differ(begun: tuple[Path, Path]) -> None:
    config, run = begun
    check_same(load(config, ("presets.strict=0.7", "artifact.model_version=small-2")), run)


COMMANDS = (
    ["calibrate"],
    ["export", "--to", "model"],
    ["errors"],
    ["teach"],
    ["push", "--repo", "someone/small", "--model", ".", "--dry-run"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_commands_refuse_a_run_of_other_settings_in_one_sentence(
    begun: tuple[Path, Path], command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = begun
    monkeypatch.chdir(tmp_path)
    words = ["--config", str(config), "--run", str(run), "--set", "rows.validation_share=0.3"]
    result = CliRunner().invoke(main, [*command, *words])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "another rows.validation_share: 0.1, not 0.3" in result.output
    assert result.output.count("\n") == 1
    # and nothing is written
    assert [path.name for path in run.iterdir()] == ["experiment.json"]
    assert not (tmp_path / "model").exists()


def test_a_missing_or_broken_run_is_named(begun: tuple[Path, Path], tmp_path: Path) -> None:
    experiment, run = load(begun[0]), begun[1]
    with pytest.raises(RunError, match=r"none/experiment\.json is missing; run the step before"):
        check_same(experiment, tmp_path / "none")
    settings = json.loads((run / "experiment.json").read_text())
    settings["rows"]["colour"] = "red"
    for content, said in ((json.dumps(settings), r"rows\.colour"), ("{", "experiment.json: ")):
        (run / "experiment.json").write_text(content)
        with pytest.raises(RunError, match=said):
            check_same(experiment, run)


def test_what_was_made_is_handed_back(tmp_path: Path) -> None:
    assert made(tmp_path) == tmp_path
    with pytest.raises(RunError, match="model is missing"):
        made(tmp_path / "model")


def test_logits_come_with_their_rows(tmp_path: Path) -> None:
    ids, ones = ("a", "b"), np.ones(2, dtype=np.float32)
    rows = Labelled(ids, ids, np.zeros((2, 6), dtype=np.float32), ones)
    path = tmp_path / "logits.npy"
    with pytest.raises(RunError, match=r"logits\.npy is missing"):
        read_logits(path, rows)
    np.save(path, np.arange(12.0).reshape(2, 6))
    found = read_logits(path, rows)
    assert found.dtype == np.float32
    assert found[1].tolist() == [6, 7, 8, 9, 10, 11]
    np.save(path, np.zeros((3, 6)))
    with pytest.raises(RunError, match=r"shape \(3, 6\), where the 2 validation rows"):
        read_logits(path, rows)


def test_settings_are_recorded_so_that_they_can_be_read_again(
    begun: tuple[Path, Path], tmp_path: Path
) -> None:
    experiment = load(begun[0], ("seed=3",))
    path = record(tmp_path / "new" / "out", "inspect", {"out": Path("x"), "most": 5}, experiment)
    assert path == tmp_path / "new" / "out" / "inspect.settings.json"
    written = json.loads(path.read_text())
    assert Experiment.model_validate(written.pop("experiment")) == experiment
    assert written == {"command": "inspect", "options": {"out": "x", "most": 5}}
