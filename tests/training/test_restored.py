"""A model directory becomes a checkpoint that says the same and can be trained on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tiny_runs import changed, small

from bot.screening import artifact
from bot.screening.model import load_model
from training.__main__ import main
from training.config import Experiment
from training.restored import RestoreError, restore
from training.train import run

SHIPPED = Path(__file__).parents[2] / "bot" / "default_model"
TEXTS = (
    "have a nice day everyone", "you are a stupid idiot", "I will find you and kill you",
    "what the fuck is this shit", "gg wp", "who wants to play another round later tonight?",
)  # fmt: skip
HARMFUL = [False, True, True, True, False, False]


def test_the_shipped_model_says_the_same(tmp_path: Path) -> None:
    restore(SHIPPED, tmp_path / "restored")
    restored, shipped = (load_model(str(each)) for each in (tmp_path / "restored", SHIPPED))
    assert restored.max_tokens == shipped.max_tokens
    here, there = restored.prepare(TEXTS), shipped.prepare(TEXTS)
    assert [each.windows for each in here] == [each.windows for each in there]
    logits = restored.logits(TEXTS)
    assert (logits[:, 0] > 0).tolist() == HARMFUL
    # Only these surely pass the whole network.
    off = np.abs(logits - shipped.logits(TEXTS))[HARMFUL]
    assert off.mean() < 0.2


def test_a_run_goes_on_from_it(whole: Path, experiment: Experiment, tmp_path: Path) -> None:
    restore(whole, tmp_path / "restored")
    base = {"checkpoint": str(tmp_path / "restored")}
    further = changed(small(experiment, tmp_path, epochs=1, base_share=0.5), base=base)
    trained = run(further, tmp_path / "run")
    assert json.loads((trained / "config.json").read_text())["num_hidden_layers"] == 2


def test_nothing_is_written_over(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("mine")
    for folder in (whole, tmp_path):
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(RestoreError, match="is not empty; name a new or empty folder"):
            restore(whole, folder)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_another_network_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(RestoreError, match="is not a BERT with a pooler and a head"):
        restore(tiny_model, tmp_path / "restored")


def test_the_command_writes_it_and_tells_of_a_damaged_directory(
    whole: Path, tmp_path: Path
) -> None:
    def called(model: Path, to: str) -> tuple[int, str]:
        words = ["restore", "--model", str(model), "--to", str(tmp_path / to)]
        told = CliRunner().invoke(main, words)
        return told.exit_code, told.output

    assert called(whole, "restored")[0] == 0
    assert load_model(str(tmp_path / "restored")).logits(TEXTS).shape == (len(TEXTS), 6)
    broken = shutil.copytree(whole, tmp_path / "broken")
    (broken / artifact.MODEL).write_bytes(b"no graph")
    code, said = called(broken, "another")
    assert code == 1
    assert said.startswith("Error: ")
    assert artifact.MODEL in said
