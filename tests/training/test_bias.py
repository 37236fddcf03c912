"""The three AUCs against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bot.labels import LABELS
from training.bias import measure_bias, measure_templates, mentions, three_aucs

MEMBER = np.array([True, True, True, True, False, False, False, False])
TOXIC = np.array([1, 1, 0, 0, 1, 1, 0, 0], dtype=np.float32)
SCORES = np.array([0.9, 0.5, 0.6, 0.4, 0.8, 0.55, 0.2, 0.3])
ONES = np.ones(8, dtype=np.float32)


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
