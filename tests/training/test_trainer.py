"""Schedules, the best epoch, early stopping, rates by depth, and what is reported meanwhile."""

from __future__ import annotations

import json
import logging
import math
import shutil
import sys
from pathlib import Path

import pytest
from tiny_runs import broken_and_resumed, epochs, equal, scripted, small, weights

from bot.labels import LABELS
from training.averaging import Best
from training.config import Experiment, Optimisation
from training.loop import STATE, parameter_groups, patience_is_spent
from training.network import base_of
from training.train import run


def test_learning_rates_fall_with_depth(experiment: Experiment) -> None:
    _, model = base_of(experiment)
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


def test_the_best_epoch_is_kept_though_the_last_is_worse(
    experiment: Experiment, tmp_path: Path
) -> None:
    recipe = small(experiment, tmp_path)
    with scripted({12: 0.5, 24: 0.9, 36: 0.1}):
        run(recipe, tmp_path / "run")
    kept = weights(tmp_path / "run" / "model")
    checkpoints = tmp_path / "run" / "checkpoints"
    assert equal(kept, weights(checkpoints / "checkpoint-24"))
    assert not equal(kept, weights(checkpoints / "checkpoint-36"))


def test_it_stops_early_and_once_however_often_it_is_killed(
    experiment: Experiment, tmp_path: Path
) -> None:
    figures = {12: 0.5, 24: 0.9, 36: 0.2, 48: 0.1, 60: 0.95}
    recipe = small(experiment, tmp_path, epochs=5, patience=2)
    with scripted(figures):
        run(recipe, tmp_path / "unbroken")
        broken_and_resumed(recipe, tmp_path / "broken", 40)
        first = [entry["step"] for entry in epochs(tmp_path / "broken")]
        # killed again after it had stopped, before the weights were written
        shutil.rmtree(tmp_path / "broken" / "model")
        run(recipe, tmp_path / "broken", resume=True)
    for name in ("unbroken", "broken"):
        assert [entry["step"] for entry in epochs(tmp_path / name)] == first == [12, 24, 36, 48]
        assert Best(tmp_path / name / "best").step == 24
    assert equal(weights(tmp_path / "broken" / "model"), weights(tmp_path / "unbroken" / "model"))


def test_patience_counts_from_the_best_epoch() -> None:
    def spent(patience: int | None, *figures: float, by: str = "roc_auc") -> bool:
        recipe = Optimisation.model_validate({"patience": patience, "best_by": by})
        entries = [{"eval_loss": figure, "eval_roc_auc_mean": figure} for figure in figures]
        return patience_is_spent(recipe, entries)

    assert not spent(1)
    assert not spent(None, 0.5, 0.4, 0.3)
    assert not spent(2, 0.4, 0.5, 0.4)
    assert spent(2, 0.4, 0.5, 0.4, 0.4)
    assert spent(2, 0.5, 0.5, 0.5)  # as good is not better
    assert not spent(2, 0.5, 0.4, 0.3, by="loss")
    assert spent(2, 0.3, 0.4, 0.5, by="loss")
    assert spent(1, 0.5, math.nan)
    assert not spent(1, math.nan, 0.5)


STEPS, EPOCH, LOGGED = 108, 12, (50, 100)


@pytest.mark.parametrize(
    ("schedule", "warmup_share", "wanted"),
    [
        ("constant_with_warmup", 0.0, [1.0, 1.0]),
        ("cosine", 0.0, [(1 + math.cos(math.pi * (step - 1) / STEPS)) / 2 for step in LOGGED]),
        # Better until the fourth epoch; each of the four after it is no better.
        ("reduce_lr_on_plateau", 0.0, [1.0, 0.3**4]),
        # 65 steps of warm-up: the sixth epoch is the first to be looked at.
        ("reduce_lr_on_plateau", 0.6, [49 / 65, 0.3**2]),
    ],
)
def test_the_learning_rate_follows_the_schedule(
    schedule: str, warmup_share: float, wanted: list[float], experiment: Experiment, tmp_path: Path
) -> None:
    recipe = small(
        experiment, tmp_path, epochs=9, schedule=schedule, warmup_share=warmup_share,
        layer_decay=1.0, learning_rate=1e-3, checkpoint_steps=200,
    )  # fmt: skip
    ends = range(EPOCH, STEPS + 1, EPOCH)
    with scripted({step: min(step, 48) / 100 for step in ends}):
        run(recipe, tmp_path / "run")
    state = json.loads((tmp_path / "run/checkpoints/checkpoint-108" / STATE).read_text())
    rates = {e["step"]: e["learning_rate"] for e in state["log_history"] if "learning_rate" in e}
    assert list(rates) == list(LOGGED)
    assert list(rates.values()) == pytest.approx([1e-3 * share for share in wanted], rel=1e-4)


def test_each_epoch_is_reported_in_full_and_to_tensorboard_too(trained_run: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    entries = epochs(trained_run)
    assert [entry["step"] for entry in entries] == [17, 34, 51, 68, 85, 102]
    names = {
        f"eval_{figure}_{label}"
        for figure in ("roc_auc", "average_precision", "precision", "recall", "f1")
        for label in (*(label.value for label in LABELS), "mean")
    }
    events = EventAccumulator(str(trained_run / "tensorboard")).Reload()
    for name in {"eval_loss", *names}:
        told = [(event.step, event.value) for event in events.Scalars(name.replace("_", "/", 1))]
        assert told == [(entry["step"], pytest.approx(entry[name])) for entry in entries]
    assert entries[-1]["eval_loss"] < entries[0]["eval_loss"]
    assert entries[-1]["eval_f1_mean"] > entries[0]["eval_f1_mean"]
    losses = events.Scalars("train/loss")
    assert [event.step for event in losses] == [50, 100]


def test_without_a_terminal_lines_tell_how_far_it_is(
    experiment: Experiment, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with caplog.at_level(logging.INFO, "training.progress"):
        run(small(experiment, tmp_path, epochs=5), tmp_path / "run")
    lines = [entry.message for entry in caplog.records if entry.name == "training.progress"]
    assert len(lines) == 1
    head, speed, left = lines[0].rsplit(", ", 2)
    assert head.startswith("step 50 of 60: loss 0.")
    assert float(speed.removesuffix(" rows a second")) > 0
    assert left.startswith("0:0")
    assert left.endswith(" left")
    assert capsys.readouterr().out == ""


def test_on_a_terminal_a_bar_tells_it_instead(
    experiment: Experiment, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with caplog.at_level(logging.INFO, "training.progress"):
        run(small(experiment, tmp_path, epochs=1), tmp_path / "run")
    assert "12/12" in capsys.readouterr().err
    assert not [entry for entry in caplog.records if entry.name == "training.progress"]
