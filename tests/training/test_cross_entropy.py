"""The binary cross-entropy against scikit-learn's, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import log_loss

from bot.labels import LABELS
from training.cross_entropy import cross_entropies, row_losses
from training.data import Labelled


def drawn() -> tuple[np.ndarray, Labelled]:
    """Scores, two of them certain, and rows of which some weigh more; no row has the last label."""
    generator = np.random.default_rng(5)
    labels = (generator.random((50, 6)) < 0.4).astype(np.float32)
    labels[:, 5] = 0
    scores = generator.random((50, 6))
    scores[0, :2] = [0.0, 1.0]
    labels[0, :2] = [1, 0]
    names = tuple(map(str, range(50)))
    return scores, Labelled(names, names, labels, generator.uniform(0.5, 3, 50).astype(np.float32))


def test_it_is_what_scikit_learn_computes() -> None:
    scores, rows = drawn()
    found = cross_entropies(scores, rows)
    each = [
        log_loss(rows.labels[:, at], scores[:, at], sample_weight=rows.weights, labels=[0, 1])
        for at in range(6)
    ]
    assert [found[label.value] for label in LABELS] == pytest.approx(each)
    assert found["mean"] == pytest.approx(np.mean(each))


def test_a_row_costs_what_the_truth_was_given() -> None:
    losses = row_losses(np.array([[0.25, 0.25]]), np.array([[1, 0]], dtype=np.float32))
    assert losses == pytest.approx(np.array([[math.log(4), -math.log(0.75)]]))


def test_what_was_held_to_be_impossible_costs_a_finite_price() -> None:
    losses = row_losses(np.array([[0.0], [1.0]]), np.array([[1], [0]], dtype=np.float32))
    assert losses == pytest.approx(36.04, abs=0.01)
