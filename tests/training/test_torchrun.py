"""Two processes train as one would with twice the batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import changed, epochs, equal, weights

from training.config import Experiment
from training.recipes import load
from training.train import run

ROOT = Path(__file__).parents[2]
CONFIG = """
name = "two"
[rows]
file = "{rows}"
validation_share = 0.25
[base]
checkpoint = "{checkpoint}"
max_tokens = 32
hidden_dropout = 0.0
[augmentation]
share = 0.2
among_others = 0.3
[distillation]
halfway_layer = 1
[optimisation]
epochs = 2
batch_size = 5
learning_rate = 1e-3
head_learning_rate = 3e-3
bf16 = "off"
checkpoint_steps = 20
[artifact]
model_version = "two-1"
"""


def trained_by_two(config: Path, directory: Path) -> str:
    """``torchrun``, on a port that is free; what it says on standard error."""
    started = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    # Without "--", torchrun takes --run for an option of its own.
    words = ("-m", "--", "training_twice", "train", "--config", str(config))
    folders = os.pathsep.join((str(ROOT), str(Path(__file__).parent)))
    with subprocess.Popen(
        (*started, *words, "--run", str(directory)),
        env=os.environ | {"PYTHONPATH": folders, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            _, said = process.communicate(timeout=200)
        finally:
            process.terminate()  # it ends the two, as a kill would not
    assert process.returncode == 0, said
    return said


@pytest.mark.timeout(300)
def test_two_processes_train_as_one_with_twice_the_batch(
    checkpoint: Path, labelled_file: Path, tmp_path: Path
) -> None:
    config, two, unbroken = (tmp_path / name for name in ("two.toml", "two", "unbroken"))
    config.write_text(CONFIG.format(rows=labelled_file, checkpoint=checkpoint))

    said = trained_by_two(config, two)

    # 270 rows to train on: 27 steps an epoch, with all batches full. Only then are both the same.
    assert [entry["step"] for entry in epochs(unbroken)] == [27, 54]
    assert said.count("rows to train on") == 2  # once each time, not by both
    assert len(list((unbroken / "tensorboard").iterdir())) == 1
    experiment: Experiment = load(config)
    assert Experiment.model_validate_json((two / "experiment.json").read_text()) == experiment
    run(changed(experiment, optimisation={"batch_size": 10}), tmp_path / "one")
    for name in ("eval_loss", "eval_roc_auc_mean", "eval_average_precision_mean"):
        ours, theirs = (
            [entry[name] for entry in epochs(tmp_path / run)] for run in ("unbroken", "one")
        )
        assert ours == pytest.approx(theirs, abs=5e-3)
    # Not the weights: those which change nothing, as the bias of a key, wander with the rounding.
    logits = [np.load(tmp_path / run / "validation_logits.npy") for run in ("unbroken", "one")]
    np.testing.assert_allclose(logits[0], logits[1], atol=5e-3)

    # the second time: killed after step 40, in the middle of the second epoch
    assert said.count("checkpoint-40") == 1
    assert equal(weights(two / "model"), weights(unbroken / "model"))
    assert json.loads((two / "metrics.json").read_text()) == json.loads(
        (unbroken / "metrics.json").read_text()
    )
