"""The three AUCs against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from bot.labels import LABELS
from training.bias import AUCS, measure_bias, measure_templates, mentions
from training.bias_aucs import ThreeAucs
from training.bootstrap import percentile_interval, resamples

MEMBER = np.array([True, True, True, True, False, False, False, False])
TOXIC = np.array([1, 1, 0, 0, 1, 1, 0, 0], dtype=np.float32)
SCORES = np.array([0.9, 0.5, 0.6, 0.4, 0.8, 0.55, 0.2, 0.3])
ONES = np.ones(8, dtype=np.float32)


def three_aucs(
    scores: np.ndarray, truth: np.ndarray, weights: np.ndarray, member: np.ndarray
) -> list[float]:
    (found,) = ThreeAucs(scores, truth, [member]).measure(weights).tolist()
    return found


@st.composite
def grouped_rows(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    """Scores with many ties, truth, weights of which some are 0, and two groups that overlap."""
    count = draw(st.integers(1, 40))

    def column(values: st.SearchStrategy[float]) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=count, max_size=count)))

    flags = st.booleans()
    return (
        column(st.integers(0, 6)) / 7,
        column(st.integers(0, 1)).astype(np.float32),
        column(st.sampled_from([0, 1, 2.44, 7])),
        column(flags),
        column(flags),
    )


@settings(deadline=None)
@given(grouped_rows())
def test_they_are_the_areas_under_the_curves_of_the_rows_compared(
    rows: tuple[np.ndarray, ...],
) -> None:
    scores, truth, weights, *members = rows
    toxic = truth > 0
    found = ThreeAucs(scores, truth, members).measure(weights)
    assert found.shape == (2, 3)
    for member, aucs in zip(members, found, strict=True):
        for compared, auc in zip((member, member ^ toxic, member == toxic), aucs, strict=True):
            known = compared & (weights > 0)
            if len(set(truth[known])) == 2:
                area = roc_auc_score(truth[known], scores[known], sample_weight=weights[known])
                assert auc == pytest.approx(area, abs=1e-9)
            else:
                assert math.isnan(auc)


def test_the_three_aucs_compare_the_right_rows() -> None:
    subgroup, bpsn, bnsp = three_aucs(SCORES, TOXIC, ONES, MEMBER)
    assert subgroup == pytest.approx(3 / 4)  # (0.9, 0.5) over (0.6, 0.4): all but 0.5 over 0.6
    assert bpsn == pytest.approx(3 / 4)  # (0.8, 0.55) over (0.6, 0.4): all but 0.55 over 0.6
    assert bnsp == pytest.approx(1)  # (0.9, 0.5) over (0.2, 0.3)


def test_they_are_weighted() -> None:
    weights = ONES.copy()
    weights[2] = 3  # the harmless member at 0.6, over which 0.5 and 0.55 lose
    subgroup, bpsn, bnsp = three_aucs(SCORES, TOXIC, weights, MEMBER)
    assert subgroup == pytest.approx(5 / 8)
    assert bpsn == pytest.approx(5 / 8)
    assert bnsp == pytest.approx(1)


def test_a_model_that_flags_a_word_is_found_out() -> None:
    """Harmless texts with the term score like toxic ones without: only BPSN sees that."""
    scores = np.where(MEMBER, 0.5, 0.0) + 0.4 * TOXIC
    subgroup, bpsn, bnsp = three_aucs(scores, TOXIC, ONES, MEMBER)
    assert (subgroup, bpsn, bnsp) == (1, 0, 1)


def test_a_background_without_the_class_has_no_auc() -> None:
    member = np.array([True, True, False])
    subgroup, bpsn, bnsp = three_aucs(
        np.array([0.9, 0.1, 0.5]), np.array([1, 0, 1], dtype=np.float32), ONES[:3], member
    )
    assert (subgroup, bpsn) == (1, 1)
    assert math.isnan(bnsp)


def test_terms_are_found_as_whole_words_in_what_a_reader_sees() -> None:
    texts = ["He is Gay.", "gayatri wins", "a n\u200bon-binary friend", "native  American", "x"]
    found = mentions(texts, ["gay", "non-binary", "Native American"])
    assert {term: flags.tolist() for term, flags in found.items()} == {
        "gay": [True, False, False, False, False],
        "non-binary": [False, False, True, False, False],
        "Native American": [False, False, False, True, False],
    }


TEXTS = ["deaf one", "deaf two", "deaf three", "deaf four", "blind", "six", "seven", "eight"]


def test_rare_terms_are_left_out_with_their_counts() -> None:
    found = measure_bias(TEXTS, SCORES, TOXIC, ONES, ["deaf", "blind", "old"], at_least=2)
    assert list(found.terms) == ["deaf"]
    assert (found.terms["deaf"].toxic, found.terms["deaf"].harmless) == (2, 2)
    assert found.terms["deaf"].subgroup_auc == pytest.approx(3 / 4)
    counts = {term: (one.toxic, one.harmless) for term, one in found.left_out.items()}
    assert counts == {"blind": (1, 0), "old": (0, 0)}
    assert measure_bias(TEXTS, SCORES, TOXIC, ONES, ["deaf"], at_least=3).overall is None


def test_the_intervals_hold_what_the_resampled_rows_give() -> None:
    draw = np.random.default_rng(2)
    terms = ["deaf", "blind"]
    texts = [f"{terms[at % 3]} {at}" if at % 3 < 2 else str(at) for at in range(240)]
    truth = (draw.random(240) < 0.4).astype(np.float32)
    scores = 0.4 * truth + draw.random(240)
    weights = draw.uniform(0.5, 3, 240).astype(np.float32)
    found = measure_bias(texts, scores, truth, weights, terms, count=60, seed=4)
    members = list(mentions(texts, terms).values())
    drawn = np.array(
        [
            [three_aucs(scores, truth, each, member) for member in members]
            for each in resamples(weights, 60, 4)
        ]
    )
    for at, term in enumerate(terms):
        for place, name in enumerate(AUCS):
            low, high = found.intervals[term][name]
            assert (low, high) == pytest.approx(percentile_interval(drawn[:, at, place]))
            assert low < getattr(found.terms[term], name) < high
    powers = np.mean(drawn**-5, axis=1) ** (-1 / 5)
    assert found.overall is not None
    for place, name in enumerate(AUCS):
        low, high = found.overall_interval[name]
        assert (low, high) == pytest.approx(percentile_interval(powers[:, place]))
        assert low < found.overall[name] < high


def test_there_are_intervals_only_of_what_was_measured_and_asked_for() -> None:
    plain = measure_bias(TEXTS, SCORES, TOXIC, ONES, ["deaf"], at_least=2)
    assert plain.intervals == plain.overall_interval == {}
    none = measure_bias(TEXTS, SCORES, TOXIC, ONES, ["deaf"], at_least=3, count=5)
    assert none.intervals == none.overall_interval == {}
    # All toxic rows name the term: there is no background for BPSN in any resample.
    toxic = np.array([1, 1, 0, 0, 0, 0, 0, 0], dtype=np.float32)
    found = measure_bias(TEXTS, SCORES, toxic, ONES, ["deaf"], at_least=2, count=20)
    assert set(found.intervals["deaf"]) == set(found.overall_interval) == {
        "subgroup_auc", "bnsp_auc",
    }  # fmt: skip


def test_the_overall_figure_is_near_the_worst_term() -> None:
    texts = ["deaf", "deaf", "blind", "blind"]
    truth = np.array([1, 0, 1, 0], dtype=np.float32)
    scores = np.array([0.9, 0.1, 0.5, 0.5])
    found = measure_bias(texts, scores, truth, ONES[:4], ["deaf", "blind"], at_least=1)
    assert found.overall is not None
    assert found.overall["subgroup_auc"] == pytest.approx(((1 + 0.5**-5) / 2) ** (-1 / 5))
    assert 0.5 < found.overall["subgroup_auc"] < 0.6


def test_an_auc_of_0_has_an_overall_figure_of_0() -> None:
    truth = np.array([1, 0], dtype=np.float32)
    found = measure_bias(
        ["deaf", "deaf"], np.array([0.1, 0.9]), truth, ONES[:2], ["deaf"], at_least=1
    )
    assert found.overall is not None
    assert found.overall["subgroup_auc"] == 0
    assert math.isnan(found.overall["bpsn_auc"])


def test_templates_are_counted_by_term_and_by_any_label() -> None:
    texts = ["a deaf man", "a deaf fool", "a blind man", "a blind fool"]

    def score(asked: list[str], what: str) -> np.ndarray:
        scores = np.zeros((len(asked), len(LABELS)))
        scores[:, 0] = [0.9 if "fool" in text else 0.1 for text in asked]
        scores[:, 5] = [0.9 if "deaf" in text else 0.1 for text in asked]
        return scores

    thresholds = {label.value: 0.5 for label in LABELS}
    found = measure_templates(
        texts, [False, True, False, True], ["deaf", "blind", "old"], thresholds, score
    )
    assert list(found.terms) == ["deaf", "blind"]
    assert (found.terms["deaf"].flagged.count, found.terms["blind"].flagged.count) == (1, 0)
    assert (found.terms["deaf"].caught.count, found.terms["blind"].caught.count) == (1, 1)
    assert (found.flagged.count, found.flagged.of) == (1, 2)
    assert (found.caught.count, found.caught.of) == (2, 2)
    assert found.terms["deaf"].bpsn_auc == 1  # of toxic, which tells them apart
