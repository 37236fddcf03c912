"""Logits become probabilities, and probabilities become presets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.labels import LABELS, Label
from training.calibrate import (
    calibrate,
    calibration_error,
    choose,
    load,
    measure,
    platt,
    probabilities,
    write,
)
from training.config import Presets
from training.data import Labelled

SCALE, BIAS = 0.4, -1.5


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def rows_with(truth: np.ndarray, weights: np.ndarray) -> Labelled:
    names = tuple(str(at) for at in range(len(truth)))
    return Labelled(names, names, truth.astype(np.float32), weights.astype(np.float32))


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Logits [20000, 6] that overstate, and labels drawn from the probabilities they stand for."""
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 4, size=(20_000, 6)).astype(np.float32)
    truth = draw.random(logits.shape) < sigmoid(SCALE * logits + BIAS)
    return logits, truth.astype(np.float32)


def test_platt_finds_the_scaling_that_made_the_labels(drawn) -> None:
    logits, truth = drawn
    found = platt(logits[:, 0], truth[:, 0], np.ones(len(logits), dtype=np.float32))
    assert found.scale == pytest.approx(SCALE, abs=0.03)
    assert found.bias == pytest.approx(BIAS, abs=0.1)


def test_prior_weights_undo_a_sample_that_leaves_out_negatives(drawn) -> None:
    logits, truth = drawn
    kept = (truth[:, 0] > 0) | (np.arange(len(truth)) % 4 == 0)
    weights = np.where(truth[kept, 0] > 0, 1, 4).astype(np.float32)
    found = platt(logits[kept, 0], truth[kept, 0], weights)
    assert found.bias == pytest.approx(BIAS, abs=0.15)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.floats(-30, 30, width=32), st.booleans(), st.floats(0.125, 5, width=32)),
        min_size=1,
        max_size=40,
    )
)
def test_calibration_never_turns_a_ranking_round(rows: list[tuple[float, bool, float]]) -> None:
    logits, truth, weights = (np.array(each, dtype=np.float32) for each in zip(*rows, strict=True))
    found = platt(logits, truth, weights)
    assert found.scale > 0
    assert np.isfinite(found.bias)


def test_calibration_lowers_the_calibration_error(drawn) -> None:
    logits, truth = drawn
    found = calibrate(logits, rows_with(truth, np.ones(len(truth))), Presets())
    for label in LABELS:
        assert found.error_after[label] < 0.02 < found.error_before[label]


def test_calibration_error_by_hand() -> None:
    scores = np.array([0.1, 0.1, 0.9, 0.9])
    truth = np.array([0, 1, 1, 1], dtype=np.float32)
    assert calibration_error(scores, truth, np.ones(4)) == pytest.approx((0.8 + 0.2) / 4)
    # a weight stands for that many rows
    weighted = calibration_error(scores[1:], truth[1:], np.array([1, 2, 2]))
    assert weighted == pytest.approx((0.9 + 0.4) / 5)


def test_precision_and_recall_by_hand() -> None:
    scores = np.array([0.2, 0.6, 0.7, 0.9])
    truth = np.array([1, 0, 1, 1], dtype=np.float32)
    rule = measure(scores, truth, np.array([1.0, 3.0, 1.0, 1.0]), 0.6)
    assert rule.precision == pytest.approx(2 / 5)
    assert rule.recall == pytest.approx(2 / 3, abs=1e-4)
    assert measure(scores, truth, np.ones(4), 0.95).precision is None
    assert measure(scores, np.zeros(4), np.ones(4), 0.5).recall is None


@pytest.mark.parametrize("target", [0.4, 0.6, 0.8])
def test_the_lowest_threshold_that_reaches_the_target_is_chosen(drawn, target: float) -> None:
    logits, truth = drawn
    scores = sigmoid(SCALE * logits[:, 0].astype(np.float64) + BIAS)
    weights = np.ones(len(scores))
    chosen = choose(scores, truth[:, 0], weights, target)
    assert chosen.reached
    assert chosen.rule.precision is not None
    assert chosen.rule.precision >= target
    threshold = chosen.rule.threshold - 0.01
    lower = measure(scores, truth[:, 0], weights, threshold)
    assert lower.precision is not None
    assert min(lower.precision, scores[scores >= threshold].mean()) < target


def test_luck_is_not_taken_for_precision() -> None:
    # Twenty rows with a score of 0.6 are all right; the probability says that eight should not be.
    scores = np.array([0.6] * 20 + [0.05] * 500)
    truth = np.array([1.0] * 20 + [0.0] * 500, dtype=np.float32)
    lucky = choose(scores, truth, np.ones(520), 0.9)
    assert not lucky.reached
    assert lucky.rule.threshold == 0.9


def test_a_target_out_of_reach_becomes_the_threshold() -> None:
    scores = np.linspace(0.01, 0.5, 200)
    truth = (np.arange(200) % 2).astype(np.float32)
    chosen = choose(scores, truth, np.ones(200), 0.9)
    assert not chosen.reached
    assert chosen.rule.threshold == 0.9
    assert chosen.rule.precision is None


def test_a_handful_of_rows_measures_no_precision() -> None:
    scores = np.array([0.95] * 5 + [0.3] * 100)
    truth = np.array([1] * 5 + [0] * 100, dtype=np.float32)
    assert not choose(scores, truth, np.ones(105), 0.9).reached


def test_presets_are_ordered_and_survive_being_written(drawn, tmp_path: Path) -> None:
    logits, truth = drawn
    found = calibrate(logits, rows_with(truth, np.ones(len(truth))), Presets())
    for label in LABELS:
        relaxed, balanced, strict = (
            found.presets[name][label].rule.threshold for name in ("relaxed", "balanced", "strict")
        )
        assert relaxed >= balanced >= strict
    write(tmp_path / "calibration.json", found)
    assert load(tmp_path / "calibration.json") == found


def test_probabilities_of_huge_logits_are_finite() -> None:
    rows = np.array([[1e4] * 6, [-1e4] * 6], dtype=np.float32)
    found = calibrate(
        np.zeros((4, 6), dtype=np.float32), rows_with(np.eye(6)[:4], np.ones(4)), Presets()
    )
    assert np.isfinite(probabilities(rows, found.calibration)).all()


@pytest.mark.parametrize("positives", [3, 40])
def test_a_slope_that_the_rows_do_not_settle_is_told_by_label(
    positives: int, caplog: pytest.LogCaptureFixture
) -> None:
    draw, at = np.random.default_rng(2), LABELS.index(Label.THREAT)
    truth = (draw.random((90, 6)) < 0.5).astype(np.float32)
    truth[:, at] = np.arange(90) < positives
    logits = (3 * truth - 1.5 + draw.normal(size=(90, 6))).astype(np.float32)
    if positives == 3:  # told apart without a mistake, and by a hair
        logits[:, at] = (truth[:, at] - 0.5) / 500
    calibrate(logits, rows_with(truth, np.ones(90)), Presets())
    said = [record.getMessage() for record in caplog.records]
    if positives == 40:
        assert not said
    else:
        assert len(said) == 1
        assert said[0].startswith("threat: the slope of its calibration went to its bound (54.6): ")
        assert "3 of 90 held-out rows have the label" in said[0]
