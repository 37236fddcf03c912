"""Several sources in one epoch, disguises, and what a batch holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from training import scoring
from training.auxiliary import Partial
from training.batches import Collate, Examples, LengthGrouped, Portion
from training.config import Augmentation
from training.data import Labelled

LINES = ("the good team played", "see you next round", "rotten idiot you despise the good map")


@pytest.fixture(scope="module")
def tokenizer(checkpoint: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(checkpoint)


def labelled(trust: np.ndarray | None = None) -> Labelled:
    ids = tuple(str(at) for at in range(len(LINES)))
    weights = np.array([1, 2, 3], dtype=np.float32)
    return Labelled(ids, LINES, np.zeros((3, 6), dtype=np.float32), weights, trust)


def partial(rows: int) -> Partial:
    texts = tuple(f"good {at}" for at in range(rows))
    return Partial("chat", texts, np.full((rows, 6), np.nan, dtype=np.float32), texts)


def test_the_main_rows_weigh_one_on_average_whatever_the_prior() -> None:
    assert Portion.main(labelled(), None).weights.tolist() == [0.5, 1.0, 1.5]
    trusted = Portion.main(labelled(np.array([1, 1, 0.1], dtype=np.float32)), None).weights
    assert trusted.mean() == pytest.approx(1.0)
    assert trusted[2] / trusted[0] == pytest.approx(0.3)


def test_texts_are_tokenised_in_their_order_some_at_a_time(
    tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "CHUNK", 2)
    examples = Examples([Portion.main(labelled(), None)], tokenizer, max_tokens=16)
    ids = [examples[row]["input_ids"] for row in range(len(examples))]
    assert ids == [tokenizer(line)["input_ids"] for line in LINES]


def test_an_epoch_has_all_main_rows_and_a_new_draw_of_the_others(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    portions = [Portion.main(labelled(), None), Portion.auxiliary(partial(50), 0.5, 10)]
    examples = Examples(portions, tokenizer, max_tokens=16)
    sampler = LengthGrouped(examples, 4, 1)
    assert len(sampler) == 13
    drawn = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        rows = [divmod(index, len(examples)) for index in sampler]
        assert {row[0] for row in rows} == {epoch}
        assert {0, 1, 2} <= {row[1] for row in rows}
        drawn.append({row[1] for row in rows} - {0, 1, 2})
        assert len(drawn[-1]) == 10
    assert drawn[0] != drawn[1]


def test_disguises_follow_from_seed_epoch_and_row(tokenizer: PreTrainedTokenizerBase) -> None:
    def tokens(share: float, seed: int, epoch: int) -> list[list[int]]:
        portions = [Portion.auxiliary(partial(80), 1.0, None)]
        how = Augmentation(share=share)
        examples = Examples(portions, tokenizer, max_tokens=16, augmentation=how, seed=seed)
        return [examples[epoch * 80 + row]["input_ids"] for row in range(80)]

    clean = tokens(0.0, 1, 0)
    assert tokens(0.0, 1, 3) == clean
    assert tokens(0.5, 1, 0) == tokens(0.5, 1, 0)
    assert tokens(0.5, 1, 0) != tokens(0.5, 1, 1)
    assert tokens(0.5, 1, 0) != tokens(0.5, 2, 0)
    changed = sum(a != b for a, b in zip(tokens(1.0, 1, 0), clean, strict=True))
    some = sum(a != b for a, b in zip(tokens(0.3, 1, 0), clean, strict=True))
    assert 0 < some < changed


def test_short_rows_come_among_others_that_are_harmless(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    texts = ("rotten idiot", "good map", "see you", "the boss played " * 12, "next round")
    labels = np.zeros((5, 6), dtype=np.float32)
    labels[0, 0], labels[4, 1] = 1.0, np.nan
    portion = Portion.auxiliary(Partial("chat", texts, labels, texts), 1.0, None)

    def read(share: float, epoch: int) -> list[str]:
        how = Augmentation(among_others=share)
        examples = Examples([portion], tokenizer, max_tokens=256, augmentation=how, seed=1)
        rows = [examples[epoch * 5 + row]["input_ids"] for row in range(5)]
        return [tokenizer.decode(ids, skip_special_tokens=True) for ids in rows]

    alone = read(0.0, 0)
    for epoch in range(20):
        company = read(1.0, epoch)
        assert company == read(1.0, epoch)
        assert company[3] == alone[3]  # long enough by itself
        for row in (0, 1, 2, 4):
            rest = company[row].replace(alone[row], "", 1)
            assert company[row] != alone[row]
            assert alone[row] in company[row]
            # nobody gets the company of what is abusive, or of what is not known to be harmless
            assert alone[0] not in rest
            assert alone[4] not in rest
            assert alone[3] not in rest
    # the labels stay the row's own
    how = Augmentation(share=0.5, among_others=1.0)
    examples = Examples([portion], tokenizer, max_tokens=256, augmentation=how, seed=1)
    for row in range(5):
        assert np.array_equal(examples[row]["labels"], labels[row], equal_nan=True)
    firsts = {read(1.0, epoch)[0].startswith(alone[0]) for epoch in range(20)}
    assert firsts == {True, False}


@pytest.mark.parametrize("most", [5, 8, 12, 20])
def test_company_never_cuts_a_row_off(tokenizer: PreTrainedTokenizerBase, most: int) -> None:
    texts = ("rotten idiot you", "good map played you", "see you next round", "next boss the team")
    labels = np.zeros((4, 6), dtype=np.float32)
    labels[0] = 1.0
    portion = Portion.auxiliary(Partial("chat", texts, labels, texts), 1.0, None)
    how = Augmentation(among_others=1.0)
    examples = Examples([portion], tokenizer, max_tokens=most, augmentation=how, seed=1)
    lengths = set()
    for epoch in range(40):
        ids = examples[epoch * 4]["input_ids"]
        assert "rotten idiot you" in tokenizer.decode(ids)
        assert len(ids) <= most
        lengths.add(len(ids))
    assert (max(lengths) > 5) == (most > 8)  # some company where there is room for it


def test_a_batch_is_padded_to_its_longest_row(tokenizer: PreTrainedTokenizerBase) -> None:
    taught = np.array([[1.0] * 6, [np.nan] * 6, [2.0] * 6], dtype=np.float32)
    examples = Examples([Portion.main(labelled(), taught)], tokenizer, max_tokens=8)
    batch = Collate(tokenizer)([examples[row] for row in range(3)])
    assert batch["input_ids"].shape == (3, 8)  # cut to eight
    assert batch["attention_mask"].sum(1).tolist() == [6, 6, 8]
    assert batch["weights"].tolist() == [0.5, 1.0, 1.5]
    assert batch["labels"].shape == batch["taught"].shape == (3, 6)
    assert batch["taught"].isnan().all(1).tolist() == [False, True, False]
    assert batch["labels"].dtype == torch.float32


class Lengths:
    """What the sampler asks of the examples."""

    def __init__(self, lengths: list[int]) -> None:
        self._lengths, self.drawn = lengths, [(len(lengths), len(lengths))]

    def __len__(self) -> int:
        return len(self._lengths)

    def lengths(self, indices: list[int]) -> list[int]:
        return [self._lengths[index % len(self)] for index in indices]


@given(
    lengths=st.lists(st.integers(1, 512), min_size=1, max_size=400),
    batch_size=st.integers(1, 9),
    epoch=st.integers(0, 3),
)
def test_every_row_comes_once_in_an_epoch(lengths: list[int], batch_size: int, epoch: int) -> None:
    sampler = LengthGrouped(Lengths(lengths), batch_size, seed=3)
    sampler.set_epoch(epoch)
    order = list(sampler)
    first = epoch * len(lengths)
    assert sorted(order) == list(range(first, first + len(lengths)))
    assert list(sampler) == order


def test_like_lengths_share_a_batch_and_epochs_differ() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, size=800).tolist()
    sampler = LengthGrouped(Lengths(lengths), 16, seed=3)
    first = list(sampler)
    spans = [
        max(batch) - min(batch)
        for at in range(0, 800, 16)
        if (batch := [lengths[row] for row in first[at : at + 16]])
    ]
    assert max(spans) < 20
    sampler.set_epoch(1)
    assert [row - 800 for row in sampler] != first
