"""One tiny checkpoint and one labelled file for all the trainer's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from tiny_bert import table, write_checkpoint, write_rows

from training import plots
from training.config import Experiment
from training.quantise import quantise_checkpoint
from training.train import run


@pytest.fixture(scope="module")
def empty_pictures() -> Iterator[None]:
    """Every picture is an empty one: to draw them takes most of a short evaluation."""

    def save(_drawn: Figure, path: Path) -> None:
        Figure(figsize=(1, 1)).savefig(path, format="png", dpi=10)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "_save", save)
        yield


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("tiny-bert"))


@pytest.fixture(scope="session")
def labelled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows") / "train.csv", table(360))


@pytest.fixture(scope="session")
def experiment(checkpoint: Path, labelled_file: Path) -> Experiment:
    """A whole run in a few seconds."""
    return Experiment.model_validate(
        {
            "name": "tiny",
            "rows": {"file": labelled_file, "validation_share": 0.25},
            "base": {"checkpoint": str(checkpoint), "max_tokens": 32, "hidden_dropout": 0.0},
            "loss": {"positive_weight_power": 0.3},
            "optimisation": {
                "epochs": 6,
                "batch_size": 16,
                "learning_rate": 3e-3,
                "head_learning_rate": 1e-2,
                "average_decay": 0.9,
                "bf16": "off",
                "checkpoint_steps": 60,
            },
            "artifact": {
                "model_version": "tiny-1",
                "largest_auc_drop": 0.05,
            },
        }
    )


@pytest.fixture(scope="session")
def trained_run(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of one unbroken training run. Do not write into it."""
    directory = tmp_path_factory.mktemp("runs") / "tiny"
    run(experiment, directory)
    return directory


@pytest.fixture(scope="session")
def whole(
    experiment: Experiment, trained_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The run's int8 network before it has an exit or is packed. Do not write into it."""
    directory = tmp_path_factory.mktemp("quantised") / "whole"
    texts = tuple(table(360).comment_text)
    quantise_checkpoint(experiment, trained_run / "model", texts, directory)
    return directory
