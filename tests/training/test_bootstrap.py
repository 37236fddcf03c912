"""The ranking metrics against scikit-learn's, and the intervals against the spread of new draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score

from training.bootstrap import (
    Ranking,
    Share,
    intervals,
    percentile_interval,
    pivotal_interval,
    resamples,
)
from training.calibrate import Gaps
from training.cross_entropy import row_losses

LABELS = ("rude", "rare")


@st.composite
def ranked_rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with many ties, both classes, and weights of which some are 0 as in a resample."""
    count = draw(st.integers(2, 60))
    scores = draw(st.lists(st.integers(0, 8), min_size=count, max_size=count))
    truth = draw(st.lists(st.integers(0, 1), min_size=count - 2, max_size=count - 2))
    weights = draw(st.lists(st.sampled_from([0, 1, 2.44, 7]), min_size=count, max_size=count))
    weights[:2] = [1, 2.44]
    return np.array(scores) / 8, np.array([0, 1, *truth], dtype=np.float32), np.array(weights)


@settings(deadline=None)
@given(ranked_rows())
def test_it_is_what_scikit_learn_computes(
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    scores, truth, weights = rows
    area, precision = Ranking(scores, truth).measure(weights)
    assert area == pytest.approx(roc_auc_score(truth, scores, sample_weight=weights))
    assert precision == pytest.approx(average_precision_score(truth, scores, sample_weight=weights))


@settings(deadline=None)
@given(ranked_rows())
def test_the_curves_enclose_the_areas(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    scores, truth, _ = rows
    weights = np.ones(len(truth))
    ranking = Ranking(scores, truth)
    false_alarms, recall, precision = ranking.curves(weights)
    area = auc(np.append(0, false_alarms), np.append(0, recall))
    assert area == pytest.approx(ranking.measure(weights)[0])
    theirs = precision_recall_curve(truth, scores)
    # theirs run from the lowest threshold up and end in a made point of recall 0
    assert precision[::-1] == pytest.approx(theirs[0][:-1])
    assert recall[::-1] == pytest.approx(theirs[1][:-1])


def test_with_one_class_there_is_no_figure() -> None:
    ranking = Ranking(np.array([0.1, 0.2]), np.array([1, 0], dtype=np.float32))
    assert ranking.measure(np.array([1.0, 1.0])) == (0.0, 0.5)
    assert all(math.isnan(one) for one in ranking.measure(np.array([1.0, 0.0])))
    assert all(math.isnan(one) for one in ranking.measure(np.array([0.0, 1.0])))


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores and truth [rows, 2]; the second label is rare."""
    generator = np.random.default_rng(seed)
    truth = (generator.random((count, 2)) < [0.3, 0.05]).astype(np.float32)
    scores = 1 / (1 + np.exp(-generator.normal(1.5 * truth - 1, 1)))
    return scores, truth


def measured(scores: np.ndarray, truth: np.ndarray, weights: np.ndarray, seed: int = 1) -> object:
    presets = {"balanced": {"rude": 0.5, "rare": 0.6}, "strict": {"rude": 0.3, "rare": 0.4}}
    return intervals(scores, truth, weights, presets, labels=LABELS, count=300, seed=seed)


def test_an_interval_holds_the_estimate_and_most_new_draws() -> None:
    scores, truth = drawn(600, seed=0)
    weights = np.ones(600, dtype=np.float32)
    found = measured(scores, truth, weights)
    for at, label in enumerate(LABELS):
        ranking = Ranking(scores[:, at], truth[:, at])
        for name, estimate in zip(
            ("roc_auc", "average_precision"), ranking.measure(weights), strict=True
        ):
            low, high = found.ranking[label][name]
            assert low < estimate < high
    # Its width is that of the figure's own spread over fresh samples of the same size.
    fresh = [roc_auc_score(t[:, 0], s[:, 0]) for s, t in (drawn(600, seed) for seed in range(300))]
    low, high = found.ranking["rude"]["roc_auc"]
    spread = np.quantile(fresh, 0.975) - np.quantile(fresh, 0.025)
    assert 0.7 * spread < high - low < 1.3 * spread
    assert found.ranking["mean"]["roc_auc"][1] <= max(
        found.ranking[label]["roc_auc"][1] for label in LABELS
    )


def test_thresholds_have_intervals_by_preset_and_label() -> None:
    scores, truth = drawn(600, seed=0)
    weights = np.ones(600, dtype=np.float32)
    found = measured(scores, truth, weights).thresholds
    for preset, limit in (("balanced", 0.5), ("strict", 0.3)):
        flagged, wanted = scores[:, 0] >= limit, truth[:, 0] > 0
        hits = (flagged & wanted).sum()
        precision, recall = hits / flagged.sum(), hits / wanted.sum()
        estimates = {
            "precision": precision,
            "recall": recall,
            "f1": 2 * precision * recall / (precision + recall),
        }
        for name, estimate in estimates.items():
            low, high = found[preset]["rude"][name]
            assert low < estimate < high
            assert high - low < 0.25


def test_weights_shift_the_intervals_like_the_estimates() -> None:
    scores, truth = drawn(600, seed=0)
    weights = np.where(truth[:, 0] > 0, 1, 20).astype(np.float32)
    plain = measured(scores, truth, np.ones(600, dtype=np.float32)).thresholds
    weighted = measured(scores, truth, weights).thresholds
    assert weighted["strict"]["rude"]["precision"][1] < plain["strict"]["rude"]["precision"][0]
    assert weighted["strict"]["rude"]["recall"] == pytest.approx(
        plain["strict"]["rude"]["recall"], abs=0.02
    )


def test_the_seed_decides() -> None:
    scores, truth = drawn(200, seed=0)
    weights = np.ones(200, dtype=np.float32)
    assert measured(scores, truth, weights) == measured(scores, truth, weights)
    assert measured(scores, truth, weights) != measured(scores, truth, weights, seed=2)


def test_a_label_with_one_class_has_no_interval_and_stays_out_of_the_mean() -> None:
    scores, truth = drawn(200, seed=0)
    truth[:, 1] = 0
    found = measured(scores, truth, np.ones(200, dtype=np.float32))
    assert "rare" not in found.ranking
    assert found.ranking["mean"] == found.ranking["rude"]
    assert "rare" not in found.thresholds["balanced"]


def test_a_figure_that_few_resamples_have_comes_from_those() -> None:
    scores = np.array([[0.9, 0.1], [0.1, 0.1], [0.2, 0.1], [0.3, 0.1]])
    truth = np.array([[1, 0], [0, 0], [0, 0], [0, 0]], dtype=np.float32)
    found = measured(scores, truth, np.ones(4, dtype=np.float32))
    assert found.ranking["rude"]["roc_auc"] == (1.0, 1.0)
    assert found.thresholds["balanced"]["rude"]["recall"] == (1.0, 1.0)


@settings(deadline=None)
@given(st.lists(st.integers(1, 8), min_size=1, max_size=30), st.integers(0, 9))
def test_a_resample_draws_as_many_rows_each_with_its_weight(weights: list[int], seed: int) -> None:
    given_weights = np.array(weights, dtype=np.float32)
    draws = list(resamples(given_weights, 3, seed))
    assert len(draws) == 3
    for one in draws:
        counts = one / given_weights
        assert (counts == counts.round()).all()
        assert counts.sum() == len(weights)


def test_the_interval_holds_the_middle_of_what_is_a_number() -> None:
    draws = np.append(np.arange(201.0), [np.nan] * 50)
    assert percentile_interval(draws) == pytest.approx((5, 195))
    assert percentile_interval(np.array([np.nan])) is None


def test_a_share_and_its_interval() -> None:
    share = Share(8, 10)
    assert share.share == 0.8
    # Wilson (1927), worked out by hand: (0.8 + 0.19207 ± 1.95996 √(0.016 + 0.0096)) / 1.38415
    assert share.interval == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert Share(0, 0).share is None
    assert Share(0, 0).interval is None


def test_the_cross_entropy_has_an_interval_by_label_and_of_the_mean() -> None:
    scores, truth = drawn(600, seed=0)
    weights = np.random.default_rng(1).uniform(0.5, 3, 600).astype(np.float32)
    found = measured(scores, truth, weights).losses
    assert set(found) == {*LABELS, "mean"}
    each = np.average(row_losses(scores, truth), axis=0, weights=weights)
    for name, estimate in zip(found, (*each, each.mean()), strict=True):
        low, high = found[name]["cross_entropy"]
        assert low < estimate < high
        assert high - low < 0.2
    # What it would be over fresh samples of the same size.
    fresh = [row_losses(*drawn(600, seed))[:, 0].mean() for seed in range(300)]
    low, high = measured(scores, truth, np.ones(600, dtype=np.float32)).losses["rude"][
        "cross_entropy"
    ]
    spread = np.quantile(fresh, 0.975) - np.quantile(fresh, 0.025)
    assert 0.7 * spread < high - low < 1.3 * spread


def test_a_label_without_positives_has_intervals_of_what_its_probabilities_cost() -> None:
    scores, truth = drawn(200, seed=0)
    truth[:, 1] = 0
    found = measured(scores, truth, np.ones(200, dtype=np.float32))
    low, high = found.losses["rare"]["cross_entropy"]
    assert 0 < low < row_losses(scores, truth)[:, 1].mean() < high
    low, high = found.calibration["rare"]["calibration_error"]
    assert 0 < low < scores[:, 1].mean() < high


def test_what_chance_adds_to_a_calibration_error_is_taken_off_its_interval() -> None:
    """Scores that are 0.02 too high: the estimate and its percentiles are mostly over that."""
    held = {"pivotal": 0, "percentile": 0}
    for seed in range(60):
        draw = np.random.default_rng(seed)
        scores = draw.uniform(0.02, 1, 1000)
        gaps = Gaps(scores, (draw.random(1000) < scores - 0.02).astype(np.float32))
        ones = np.ones(1000, dtype=np.float32)
        drawn = np.array([gaps.error(one) for one in resamples(ones, 100, seed)])
        low, high = pivotal_interval(gaps.error(ones), drawn)
        assert 0 <= low < high
        held["pivotal"] += low <= 0.02 <= high
        plain = percentile_interval(drawn)
        assert plain is not None
        held["percentile"] += plain[0] <= 0.02 <= plain[1]
    assert held["percentile"] < 20 < 40 < held["pivotal"]
