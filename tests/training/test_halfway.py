"""A head behind a lower layer learns what the whole network says, and leaves the trained model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import changed
from torch.nn.functional import smooth_l1_loss
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from training import halfway
from training.calibrate_run import calibrate_run
from training.config import ConfigError, Experiment
from training.runs import RunError, validation
from training.train import run


def test_it_reads_the_tokens_that_are_there_and_teaches_the_layers_below() -> None:
    head = halfway.Halfway(2, 8)
    torch.manual_seed(1)
    states = tuple(torch.randn(3, 5, 8, requires_grad=True) for _ in range(4))
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]])
    logits = torch.randn(3, 6, requires_grad=True)

    off = head(states, mask, logits)
    off.backward()

    assert logits.grad is None
    assert [state.grad is not None for state in states] == [False, False, True, False]
    gradient = states[2].grad
    assert gradient is not None
    assert gradient[mask == 0].abs().max() == 0
    padding = states[2].detach().clone()
    padding[mask == 0] = 99.0
    again = head((*states[:2], padding, states[3]), mask, logits)
    assert again.item() == pytest.approx(off.item())


def test_the_head_learns_to_guess_and_leaves_the_trained_model(
    experiment: Experiment, tmp_path: Path
) -> None:
    told = {"halfway_layer": 1, "halfway_weight": 1.0}
    trained = run(changed(experiment, distillation=told), tmp_path / "run")

    assert not any(name.startswith("halfway") for name in load_file(trained / "model.safetensors"))
    model = AutoModelForSequenceClassification.from_pretrained(trained).eval()
    halfway.attach(model, 1, model.config.hidden_size)
    best = load_file(tmp_path / "run" / "best" / "weights.safetensors")
    assert not model.load_state_dict(best, strict=False).unexpected_keys
    assert {name for name, _ in model.named_parameters()} == best.keys()
    head = halfway.of(model)
    assert head is not None
    texts = list(validation(tmp_path / "run").texts)
    inputs = AutoTokenizer.from_pretrained(trained)(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        out = model(**inputs, output_hidden_states=True)
        off = head(out.hidden_states, inputs["attention_mask"], out.logits)
    always_the_same = smooth_l1_loss(out.logits.mean(0).expand_as(out.logits), out.logits)
    assert off < 0.5 * always_the_same


def test_a_layer_that_the_network_does_not_have_is_refused(
    experiment: Experiment, tmp_path: Path
) -> None:
    for setting, section in (
        ("distillation.halfway_layer", {"distillation": {"halfway_layer": 2}}),
        ("artifact.early_exit.layers", {"artifact": {"early_exit": {"layers": 2, "below": 0.1}}}),
    ):
        with pytest.raises(ConfigError, match=f"{setting} = 2: the network has 2 layers"):
            run(changed(experiment, **section), tmp_path / "run")
    assert not (tmp_path / "run").exists()  # before anything was read or written


def test_a_layer_that_the_network_does_not_have_is_told_before_it_is_quantised(
    experiment: Experiment, trained_run: Path
) -> None:
    wrong = changed(experiment, artifact={"early_exit": {"layers": 9, "below": 0.1}})
    before = sorted(trained_run.iterdir())
    with pytest.raises(ConfigError, match=r"early_exit\.layers = 9: the network has 2 layers"):
        calibrate_run(wrong, trained_run)
    assert sorted(trained_run.iterdir()) == before


@pytest.mark.parametrize("content", ["{", "[]", "1", '{"model_type": []}'])
def test_a_trained_checkpoint_that_is_damaged_is_told_before_it_is_quantised(
    experiment: Experiment, trained_run: Path, tmp_path: Path, content: str
) -> None:
    damaged = tmp_path / "run"
    shutil.copytree(trained_run, damaged)
    (damaged / "model" / "config.json").write_text(content)
    with pytest.raises(RunError, match=r"model: its config\.json cannot be read: "):
        calibrate_run(experiment, damaged)
    assert not (damaged / "int8").exists()
