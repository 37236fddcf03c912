"""Dropout drawn a byte at a time is dropout all the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import changed

from training.config import Experiment
from training.dropout import ByteDropout, on_processor
from training.network import base_of


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_share_is_dropped_and_the_sum_stays(share: float) -> None:
    np.random.seed(1)
    out = ByteDropout(share)(torch.ones(400, 500))
    assert (out == 0).float().mean().item() == pytest.approx(share, abs=0.005)
    assert out.mean().item() == pytest.approx(1.0, rel=0.01)
    (scale,) = out[out != 0].unique().tolist()
    assert scale == pytest.approx(1 / (1 - share), rel=0.02)  # in steps of a 256th


@given(shape=st.lists(st.integers(1, 7), min_size=1, max_size=4), share=st.floats(0.0, 0.9))
def test_outside_training_nothing_is_dropped(shape: list[int], share: float) -> None:
    values = torch.randn(shape)
    layer = ByteDropout(share)
    assert layer(values).shape == values.shape
    assert layer.eval()(values) is values


def test_the_gradient_has_the_mask_of_the_values() -> None:
    np.random.seed(2)
    values = torch.full((64, 32), 3.0, requires_grad=True)
    out = ByteDropout(0.3)(values)
    out.sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad * 3.0, out.detach())
    assert (values.grad == 0).any()


def test_the_mask_follows_from_numpys_seed() -> None:
    def drawn(seed: int) -> torch.Tensor:
        np.random.seed(seed)
        torch.manual_seed(torch.seed())
        return ByteDropout(0.5)(torch.ones(1000))

    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(4))


def test_it_comes_in_every_place(experiment: Experiment) -> None:
    _, model = base_of(changed(experiment, base={"hidden_dropout": 0.2, "attention_dropout": 0.1}))
    before = {
        name: layer.p
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Dropout)
    }
    on_processor(model)
    after = {name: layer for name, layer in model.named_modules() if isinstance(layer, ByteDropout)}
    assert {name: layer.p for name, layer in after.items()} == before
    # embeddings, two layers of attention, its output and the block's, and the head
    assert sorted(before.values()) == [0.1] * 2 + [0.2] * 6
    assert not any(isinstance(layer, torch.nn.Dropout) for layer in model.modules())
    ids = torch.ones((2, 5), dtype=torch.long)
    one, other = (model.train()(input_ids=ids).logits for _ in range(2))
    assert not torch.equal(one, other)
