"""Small runs of the tiny BERT: changed, scripted, killed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_bert import table, write_rows
from transformers import EvalPrediction

from training.config import Experiment
from training.loop import EpochTrainer
from training.train import run
from training.trainer import ToxicityTrainer


class Killed(BaseException):
    """Stands for the signal that ends a process."""


def changed(experiment: Experiment, **sections: Any) -> Experiment:
    """The experiment with other settings; those of a section that are not named stay."""
    settings = experiment.model_dump()
    for name, section in sections.items():
        if isinstance(section, dict) and isinstance(settings.get(name), dict):
            settings[name] |= section
        else:
            settings[name] = section
    return Experiment.model_validate(settings)


def small(experiment: Experiment, folder: Path, **optimisation: Any) -> Experiment:
    """90 rows to train on and 30 to validate, 12 steps an epoch; no average of the weights."""
    file = write_rows(folder / "small.csv", table(120, seed=8))
    recipe = {"batch_size": 8, "epochs": 3, "average_decay": 0.0, "checkpoint_steps": 12}
    return changed(experiment, rows={"file": file}, optimisation=recipe | optimisation)


@contextlib.contextmanager
def killed_at(step: int, trainer: type[EpochTrainer] = ToxicityTrainer) -> Iterator[None]:
    """A run is killed in this step, after its forward pass."""
    calls = 0
    compute_loss = trainer.compute_loss

    def dying(self: EpochTrainer, *arguments: Any, **named: Any) -> Any:
        nonlocal calls
        loss = compute_loss(self, *arguments, **named)
        if self.network.training:
            calls += 1
            if calls == step:
                raise Killed
        return loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "compute_loss", dying)
        with contextlib.suppress(Killed):
            yield
            pytest.fail(f"there is no step {step}")


@contextlib.contextmanager
def scripted(figures: Mapping[int, float]) -> Iterator[None]:
    """Each epoch's mean average precision is the one given for its last step."""
    measured = ToxicityTrainer._figures

    def said(self: ToxicityTrainer, predicted: EvalPrediction) -> dict[str, float]:
        told = {"average_precision_mean": figures[self.state.global_step]}
        return measured(self, predicted) | told

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ToxicityTrainer, "_figures", said)
        yield


def broken_and_resumed(experiment: Experiment, directory: Path, step: int) -> None:
    """Run to the end, killed once on the way."""
    with killed_at(step):
        run(experiment, directory)
    run(experiment, directory, resume=True)


def weights(directory: Path) -> dict[str, torch.Tensor]:
    """Of a checkpoint."""
    return load_file(directory / "model.safetensors")


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Bit by bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def epochs(directory: Path) -> list[dict[str, float]]:
    """The figures of each epoch, without those that a clock made."""
    entries = json.loads((directory / "epochs.json").read_text())
    clock = ("runtime", "per_second")
    return [
        {key: value for key, value in entry.items() if not key.endswith(clock)} for entry in entries
    ]


def write_suites(folder: Path) -> Path:
    """A few cases in place of the suites that `evaluate` asks a model for; returns the folder."""
    folder.mkdir()
    (folder / "identity.toml").write_text(
        'harmless = ["I am {a_term} person."]\ntoxic = ["{term} people are scum."]\n'
        '[[terms]]\ngroup = "senses"\nwords = ["a deaf", "a blind"]\n'
    )
    (folder / "controls.toml").write_text(
        '[[functions]]\nname = "gaming"\nabout = "Games."\nabusive = false\n'
        'texts = ["good game", "see you next round"]\n'
    )
    return folder
