"""The made-up rows are as long as talk comments."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import talk


def test_lengths_are_those_of_talk_comments() -> None:
    lengths = np.array([len(text) for text in talk.rows(4_000, seed=3).texts])
    # Jigsaw's training comments: quartiles 93, 202 and 434, mean 392, from 6 to 5,000.
    quartiles = np.percentile(lengths, [25, 50, 75])
    assert quartiles.tolist() == pytest.approx([93, 202, 434], rel=0.1)
    assert lengths.mean() == pytest.approx(392, rel=0.1)
    assert lengths.max() <= talk.LONGEST


def test_a_seed_draws_its_own_rows() -> None:
    one, same, other = talk.rows(200, seed=1), talk.rows(200, seed=1), talk.rows(200, seed=2)
    assert one.texts == same.texts
    assert (one.labels == same.labels).all()
    assert one.texts != other.texts


def test_no_text_repeats_and_none_is_empty() -> None:
    texts = talk.rows(3_000, seed=4).texts
    assert len(set(texts)) == 3_000
    assert all(text.strip() for text in texts)
