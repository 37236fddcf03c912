"""Labelled rows of all sources → batches: tokenised, disguised, drawn anew for each epoch."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler
from transformers import PreTrainedTokenizerBase

from bot.labels import LABELS
from training.augment import disguised
from training.auxiliary import Partial
from training.data import Floats, Labelled, plain

Item = dict[str, Any]


class Rows(Protocol):
    """The rows of several sources, one after the other; an index is ``epoch * rows + row``."""

    drawn: list[tuple[int, int]]
    """Of each source, how many rows it has, and how many of them an epoch has."""

    def __len__(self) -> int: ...

    def lengths(self, indices: Sequence[int]) -> list[int]:
        """How many tokens these rows have, as they come."""


@dataclass(frozen=True, slots=True)
class Portion:
    """The rows of one source, ready to train on.

    ``labels`` [rows, 6] may be soft or NaN (nothing is said); ``weights`` [rows]; ``taught``
    [rows, 6] are the teachers' logits, NaN where there are none. ``per_epoch`` rows are drawn anew
    for each epoch.
    """

    texts: tuple[str, ...]
    labels: Floats
    weights: Floats
    taught: Floats
    per_epoch: int

    @classmethod
    def main(cls, rows: Labelled, taught: Floats | None) -> Portion:
        """The rows with all six labels. Their weights average 1, whatever the prior."""
        weights = rows.weights if rows.trust is None else rows.weights * rows.trust
        taught = _nobody(len(rows)) if taught is None else taught
        return cls(rows.texts, rows.labels, weights / weights.mean(), taught, len(rows))

    @classmethod
    def auxiliary(cls, rows: Partial, weight: float, per_epoch: int | None) -> Portion:
        """Rows of another domain, each with one weight."""
        weights = np.full(len(rows), weight, dtype=np.float32)
        drawn = len(rows) if per_epoch is None else min(per_epoch, len(rows))
        return cls(rows.texts, rows.labels, weights, _nobody(len(rows)), drawn)


def _nobody(rows: int) -> Floats:
    return np.full((rows, len(LABELS)), np.nan, dtype=np.float32)


class Examples(Dataset[Item]):
    """The portions one after the other, as token ids.

    An index is ``epoch * rows + row``: which rows are disguised, and how, follows from the seed,
    the epoch and the row alone, so a resumed run sees what the unbroken one would have seen.

    Parameters
    ----------
    portions
        At least one.
    tokenizer, max_tokens
        Texts are cut to this many tokens.
    disguise_share
        Of an epoch's rows.
    """

    def __init__(
        self,
        portions: Sequence[Portion],
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_tokens: int,
        disguise_share: float = 0.0,
        seed: int = 0,
    ) -> None:
        self._texts = [text for portion in portions for text in portion.texts]
        self._labels = np.concatenate([portion.labels for portion in portions])
        self._weights = np.concatenate([portion.weights for portion in portions])
        self._taught = np.concatenate([portion.taught for portion in portions])
        self._tokenizer, self._max_tokens = tokenizer, max_tokens
        self._disguise_share, self._seed = disguise_share, seed
        self._ids = self._tokens([plain(text) for text in self._texts])
        self._disguised: dict[int, list[int]] = {}  # index → ids, until the row is taken
        self.drawn = [(len(portion.texts), portion.per_epoch) for portion in portions]

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, index: int) -> Item:
        epoch, row = divmod(index, len(self))
        ids = self._disguised.pop(index, None) or self._disguise(epoch, row)
        return {
            "input_ids": ids or self._ids[row],
            "labels": self._labels[row],
            "weight": self._weights[row],
            "taught": self._taught[row],
        }

    @property
    def tokens(self) -> int:
        """In all rows together, undisguised."""
        return sum(map(len, self._ids))

    def lengths(self, indices: Sequence[int]) -> list[int]:
        """How many tokens these rows have, as they come.

        A disguise can double a row's length, and a batch is as long as its longest row; so the
        disguised rows are made here, before the batches are.
        """
        self._disguised.clear()
        lengths = []
        for index in indices:
            epoch, row = divmod(index, len(self))
            ids = self._disguise(epoch, row)
            if ids is not None:
                self._disguised[index] = ids
            lengths.append(len(ids or self._ids[row]))
        return lengths

    def _disguise(self, epoch: int, row: int) -> list[int] | None:
        if not self._disguise_share:
            return None
        chance = random.Random(f"{self._seed} {epoch} {row}")
        if chance.random() >= self._disguise_share:
            return None
        return self._tokens([plain(disguised(self._texts[row], chance))])[0]

    def _tokens(self, views: list[str]) -> list[list[int]]:
        ids: list[list[int]] = self._tokenizer(views, truncation=True, max_length=self._max_tokens)[
            "input_ids"
        ]
        return ids


class Collate:
    """Rows → one batch, padded to its longest row."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer

    def __call__(self, rows: Sequence[Item]) -> dict[str, torch.Tensor]:
        batch = self._tokenizer.pad(
            {"input_ids": [row["input_ids"] for row in rows]}, return_tensors="pt"
        )
        return {
            **batch,
            "labels": torch.from_numpy(np.stack([row["labels"] for row in rows])),
            "weights": torch.tensor([row["weight"] for row in rows], dtype=torch.float32),
            "taught": torch.from_numpy(np.stack([row["taught"] for row in rows])),
        }


class LengthGrouped(Sampler[int]):
    """An epoch's rows in random order, rows of like length side by side, so that little is padding.

    Which rows an epoch has and in which order follows from the seed and the epoch alone, so a
    resumed run sees the rows that the unbroken one would have seen.

    Parameters
    ----------
    examples
        Whose indices are drawn.
    batch_size
        Of all processes together.
    """

    POOL = 50  # batches sorted together: larger pads less, smaller shuffles better

    def __init__(self, examples: Rows, batch_size: int, seed: int) -> None:
        self._examples, self._batch_size, self._seed, self._epoch = examples, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Draw the rows and the order of this epoch next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return sum(drawn for _, drawn in self._examples.drawn)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed + self._epoch)
        order = self._rows(generator)
        lengths = dict(zip(order, self._examples.lengths(order), strict=True))
        full: list[list[int]] = []
        rest: list[int] = []
        pool = self.POOL * self._batch_size
        for start in range(0, len(order), pool):
            rows = sorted(order[start : start + pool], key=lengths.__getitem__)
            for at in range(0, len(rows), self._batch_size):
                batch = rows[at : at + self._batch_size]
                if len(batch) == self._batch_size:
                    full.append(batch)
                else:
                    rest = batch
        # A short batch anywhere but at the end would shift the borders of all that follow.
        for at in torch.randperm(len(full), generator=generator).tolist():
            yield from full[at]
        yield from rest

    def _rows(self, generator: torch.Generator) -> list[int]:
        rows: list[int] = []
        start = self._epoch * len(self._examples)
        for count, drawn in self._examples.drawn:
            chosen = torch.randperm(count, generator=generator)[:drawn]
            rows += (chosen + start).tolist()
            start += count
        order = torch.randperm(len(rows), generator=generator).tolist()
        return [rows[at] for at in order]
