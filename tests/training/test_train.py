"""Fine-tuning on a tiny random BERT."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from training.config import Experiment, Optimisation
from training.data import read
from training.train import (
    AVERAGE,
    Average,
    LengthGrouped,
    RunError,
    _newest_whole,
    new_model,
    parameter_groups,
    run,
)


def test_it_learns_what_the_labels_say(trained_run: Path) -> None:
    figures = json.loads((trained_run / "metrics.json").read_text())
    assert figures["mean"]["roc_auc"] > 0.85


def test_a_run_keeps_what_made_it(trained_run: Path, experiment: Experiment) -> None:
    written = (trained_run / "experiment.json").read_text()
    assert Experiment.model_validate_json(written) == experiment
    labelled, _ = read(experiment.rows)
    validation = pd.read_parquet(trained_run / "validation.parquet")
    assert 0.2 < len(validation) / len(labelled) < 0.3
    with (trained_run / "left_out.csv").open() as file:
        assert list(csv.reader(file)) == [["row", "id", "reason"]]


def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(
    trained_run: Path, experiment: Experiment, tmp_path: Path
) -> None:
    broken = tmp_path / "tiny"
    shutil.copytree(trained_run, broken)
    # as if killed after step 60, in the middle of the fourth epoch
    shutil.rmtree(broken / "model")
    left = sorted(path.name for path in (broken / "checkpoints").iterdir())
    assert left == ["checkpoint-102", "checkpoint-60"]
    shutil.rmtree(broken / "checkpoints" / "checkpoint-102")

    run(experiment, broken, resume=True)

    ours = load_file(broken / "model" / "model.safetensors")
    theirs = load_file(trained_run / "model" / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_run_is_not_overwritten(trained_run: Path, experiment: Experiment) -> None:
    with pytest.raises(RunError, match="holds a run already"):
        run(experiment, trained_run)


def test_resuming_with_other_settings_is_refused(trained_run: Path, experiment: Experiment) -> None:
    other = experiment.model_copy(update={"seed": experiment.seed + 1})
    with pytest.raises(RunError, match="another seed"):
        run(other, trained_run, resume=True)


def test_resuming_nothing_is_refused(experiment: Experiment, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run to resume"):
        run(experiment, tmp_path / "none", resume=True)


def test_learning_rates_fall_with_depth(experiment: Experiment) -> None:
    model = new_model(experiment)
    recipe = Optimisation(learning_rate=1e-3, head_learning_rate=1e-2, layer_decay=0.5)
    rates = {
        id(weight): group["lr"]
        for group in parameter_groups(model, recipe)
        for weight in group["params"]
    }
    assert len(rates) == sum(1 for _ in model.parameters())
    found = {name: rates[id(weight)] for name, weight in model.named_parameters()}
    assert found["classifier.weight"] == found["bert.pooler.dense.weight"] == 1e-2
    assert found["bert.encoder.layer.1.output.dense.weight"] == pytest.approx(1e-3)
    assert found["bert.encoder.layer.0.output.dense.weight"] == pytest.approx(5e-4)
    assert found["bert.embeddings.word_embeddings.weight"] == pytest.approx(2.5e-4)


@given(
    lengths=st.lists(st.integers(1, 512), min_size=1, max_size=400),
    batch_size=st.integers(1, 9),
    epoch=st.integers(0, 3),
)
def test_every_row_comes_once_in_an_epoch(lengths: list[int], batch_size: int, epoch: int) -> None:
    sampler = LengthGrouped(lengths, batch_size, seed=3)
    sampler.set_epoch(epoch)
    order = list(sampler)
    assert sorted(order) == list(range(len(lengths)))
    assert list(sampler) == order


def test_like_lengths_share_a_batch_and_epochs_differ() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, size=800).tolist()
    sampler = LengthGrouped(lengths, 16, seed=3)
    first = list(sampler)
    spans = [
        max(batch) - min(batch)
        for at in range(0, 800, 16)
        if (batch := [lengths[row] for row in first[at : at + 16]])
    ]
    assert max(spans) < 20
    sampler.set_epoch(1)
    assert list(sampler) != first


def test_the_average_is_what_the_model_gets() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(0.0)
    average = Average(model, 0.5)
    with torch.no_grad():
        model.weight.fill_(1.0)
    average.update(model, step=1_000)
    average.put_into(model)
    assert model.weight.item() == pytest.approx(0.5)
    average.update(model, step=0)  # an early step is forgotten faster: a tenth is kept
    assert average._weights["weight"].item() == pytest.approx(0.5)


def test_a_checkpoint_that_was_not_written_to_its_end_is_passed_over(tmp_path: Path) -> None:
    for step in (9, 20, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
    (tmp_path / "checkpoint-20" / AVERAGE).touch()
    (tmp_path / "checkpoint-9" / AVERAGE).touch()
    assert _newest_whole(tmp_path, True) == str(tmp_path / "checkpoint-20")
    assert _newest_whole(tmp_path, False) == str(tmp_path / "checkpoint-100")
    assert _newest_whole(tmp_path / "nothing", True) is None
