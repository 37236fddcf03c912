"""The loss and its weights against numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch

from training.losses import positive_weights, weighted_bce


def test_positive_weights_are_the_weighted_ratio_of_negatives_to_positives() -> None:
    labels = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 0]], dtype=np.float32)
    weights = np.array([1, 1, 2], dtype=np.float32)
    # label 0: 1 positive against 3; label 1: none; label 2: 2 against 2
    assert positive_weights(labels, weights, 1.0).tolist() == pytest.approx([3.0, 1.0, 1.0])
    assert positive_weights(labels, weights, 0.5).tolist() == pytest.approx([3**0.5, 1.0, 1.0])
    assert positive_weights(labels, weights, 0.0).tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_the_loss_weighs_rows_and_positives() -> None:
    logits = torch.tensor([[0.0], [0.0]])
    labels = torch.tensor([[1.0], [0.0]])
    weights = torch.tensor([1.0, 3.0])
    loss = weighted_bce(logits, labels, weights, torch.tensor([5.0]))
    # At logit 0 every cell loses ln 2: five times for the positive, three times for the heavy row.
    assert loss.item() == pytest.approx((5 * math.log(2) + 3 * math.log(2)) / 2)


def test_a_sure_and_right_logit_costs_nothing() -> None:
    loss = weighted_bce(
        torch.tensor([[30.0, -30.0]]),
        torch.tensor([[1.0, 0.0]]),
        torch.ones(1),
        torch.ones(2),
    )
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
