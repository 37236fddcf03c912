"""The average of the weights, and the best epoch's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.averaging import Average, Best, blend


def line(weight: float) -> torch.nn.Linear:
    model = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(weight)
    return model


def test_the_average_is_what_the_model_gets() -> None:
    model = line(0.0)
    average = Average(model, 0.5)
    with torch.no_grad():
        model.weight.fill_(1.0)
    average.update(model, step=1_000)
    with average.lent_to(model):
        assert model.weight.item() == pytest.approx(0.5)
    assert model.weight.item() == pytest.approx(1.0)
    average.update(model, step=0)  # an early step is forgotten faster: a tenth is kept
    with average.lent_to(model):
        assert model.weight.item() == pytest.approx(0.95)


def test_the_model_gets_its_own_weights_back_after_a_failure() -> None:
    model = line(0.0)
    average = Average(model, 0.5)
    with torch.no_grad():
        model.weight.fill_(1.0)
    with pytest.raises(RuntimeError), average.lent_to(model):
        raise RuntimeError
    assert model.weight.item() == 1.0


def test_an_average_is_gone_on_with_from_the_disk(tmp_path: Path) -> None:
    Average(line(3.0), 0.5).save(tmp_path / "average.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["average.safetensors"]
    model = line(0.0)
    average = Average(model, 0.5)
    average.load(tmp_path / "average.safetensors")
    with average.lent_to(model):
        assert model.weight.item() == 3.0


def kept(best: Best) -> float:
    model = line(-1.0)
    best.give(model)
    return float(model.weight.item())


def test_the_highest_figure_is_kept(tmp_path: Path) -> None:
    best = Best(tmp_path / "best")
    assert best.step is None
    assert best.offer(line(1.0), 0.5, 10)
    assert best.offer(line(2.0), 0.7, 20)
    assert not best.offer(line(3.0), 0.7, 30)
    assert not best.offer(line(4.0), 0.6, 40)
    assert not best.offer(line(5.0), float("-inf"), 50)
    # another process goes on with it
    assert Best(tmp_path / "best").step == 20
    assert kept(Best(tmp_path / "best")) == 2.0


def test_an_epoch_that_is_run_again_is_not_its_own_rival(tmp_path: Path) -> None:
    best = Best(tmp_path / "best")
    best.offer(line(1.0), 0.5, 10)
    best.offer(line(2.0), 0.7, 20)
    assert Best(tmp_path / "best").offer(line(2.5), 0.7, 20)
    assert kept(best) == 2.5


def test_a_blend_stands_on_the_line_between_two_models() -> None:
    model = line(4.0)
    blend(model, line(0.0), 0.25)
    assert model.weight.item() == pytest.approx(3.0)
