"""A row with weight 2 counts as much as two rows."""

import numpy as np
import pytest

from training.data import Labelled
from training.evaluate import summarise, thresholds_table


def rows(labels: np.ndarray, weights: np.ndarray) -> Labelled:
    count = len(labels)
    names = tuple(str(number) for number in range(count))
    return Labelled(names, names, labels.astype(np.float32), weights.astype(np.float32))


def test_weights_count_like_repeated_rows() -> None:
    generator = np.random.default_rng(3)
    labels = (generator.random((60, 6)) < 0.4).astype(np.float32)
    scores = np.clip(labels * 0.3 + generator.random((60, 6)) * 0.6, 0, 1).astype(np.float32)
    weights = generator.integers(1, 4, 60)
    repeat = np.repeat(np.arange(60), weights)
    weighted = summarise(scores, rows(labels, weights))
    repeated = summarise(scores[repeat], rows(labels[repeat], np.ones(len(repeat))))
    plain = summarise(scores, rows(labels, np.ones(60)))
    for name in ("roc_auc", "average_precision"):
        assert weighted["mean"][name] == pytest.approx(repeated["mean"][name])
        assert weighted["mean"][name] != pytest.approx(plain["mean"][name])


def test_precision_and_recall_are_weighted_too() -> None:
    labels = np.array([[1], [0], [1]]).repeat(6, axis=1)
    scores = np.array([[0.9], [0.8], [0.1]], dtype=np.float32).repeat(6, axis=1)
    thresholds = dict.fromkeys(
        ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"), 0.5
    )
    table = thresholds_table(scores, rows(labels, np.array([1, 3, 1])), thresholds)
    assert table["toxic"]["precision"] == pytest.approx(1 / 4)
    assert table["toxic"]["recall"] == pytest.approx(1 / 2)
