"""Labelled rows of all sources → batches: tokenised, changed, drawn anew for each epoch."""

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
from training.config import Augmentation
from training.data import Floats, Labelled, plain
from training.scoring import chunks

Item = dict[str, Any]

# In characters: what comes among others, and the others.
_SHORT, _SHORT_OTHER = 150, 80
_MOST_OTHERS = 3
_BETWEEN = (" ", "\n", ". ", ", ", "... ")
_AS_THEY_ARE = Augmentation()


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

    An index is ``epoch * rows + row``: which rows are changed, and how, follows from the seed,
    the epoch and the row alone, so a resumed run sees what the unbroken one would have seen.

    Parameters
    ----------
    portions
        At least one.
    tokenizer, max_tokens
        Texts are cut to this many tokens.
    augmentation
        What is done to the texts.
    """

    def __init__(
        self,
        portions: Sequence[Portion],
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_tokens: int,
        augmentation: Augmentation = _AS_THEY_ARE,
        seed: int = 0,
    ) -> None:
        self._texts = [text for portion in portions for text in portion.texts]
        self._labels = np.concatenate([portion.labels for portion in portions])
        self._weights = np.concatenate([portion.weights for portion in portions])
        self._taught = np.concatenate([portion.taught for portion in portions])
        self._tokenizer, self._max_tokens = tokenizer, max_tokens
        self._augmentation, self._seed = augmentation, seed
        self._ids = [
            ids
            for texts in chunks(self._texts, "tokenise")
            for ids in self._tokens([plain(text) for text in texts])
        ]
        self._changed: dict[int, list[int]] = {}  # index → ids, until the row is taken
        self._harmless = [text for portion in portions for text in _harmless(portion, seed)]
        self.drawn = [(len(portion.texts), portion.per_epoch) for portion in portions]

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, index: int) -> Item:
        epoch, row = divmod(index, len(self))
        ids = self._changed.pop(index, None) or self._change(epoch, row)
        return {
            "input_ids": ids or self._ids[row],
            "labels": self._labels[row],
            "weight": self._weights[row],
            "taught": self._taught[row],
        }

    @property
    def tokens(self) -> int:
        """In all rows together, as they are."""
        return sum(map(len, self._ids))

    def lengths(self, indices: Sequence[int]) -> list[int]:
        """How many tokens these rows have, as they come.

        A disguise or company can double a row's length, and a batch is as long as its longest row;
        so the changed rows are made here, before the batches are.
        """
        self._changed.clear()
        lengths = []
        for index in indices:
            epoch, row = divmod(index, len(self))
            ids = self._change(epoch, row)
            if ids is not None:
                self._changed[index] = ids
            lengths.append(len(ids or self._ids[row]))
        return lengths

    def _change(self, epoch: int, row: int) -> list[int] | None:
        """The row's ids in this epoch, if it comes otherwise than it is."""
        do, text = self._augmentation, self._texts[row]
        if not do.share and not do.among_others:
            return None
        chance = random.Random(f"{self._seed} {epoch} {row}")
        changed = text
        if chance.random() < do.share:
            changed = disguised(text, chance)
        if len(text) <= _SHORT and self._harmless and chance.random() < do.among_others:
            return self._among_others(changed, chance)
        return None if changed == text else self._tokens([plain(changed)])[0]

    def _among_others(self, text: str, chance: random.Random) -> list[int]:
        """The ids of a text in the company of one to three others, in any place among them, and of
        no more than fit: where the text itself were cut off, its labels would be wrong."""
        company = [chance.choice(self._harmless) for _ in range(chance.randint(1, _MOST_OTHERS))]
        before = chance.randint(0, len(company))
        between = chance.choice(_BETWEEN)
        while True:
            together = between.join([*company[:before], text, *company[before:]])
            ids: list[int] = self._tokenizer(plain(together))["input_ids"]
            if len(ids) <= self._max_tokens or not company:
                return self._tokens([plain(together)])[0]
            del company[0 if before else -1]
            before = max(before - 1, 0)

    def _tokens(self, views: list[str]) -> list[list[int]]:
        ids: list[list[int]] = self._tokenizer(views, truncation=True, max_length=self._max_tokens)[
            "input_ids"
        ]
        return ids


def _harmless(portion: Portion, seed: int) -> list[str]:
    """Short texts that are known to be harmless in all six: as many as an epoch has of them, so
    that a source of which little is drawn does not keep all others company."""
    known = (portion.labels == 0).all(axis=1)
    texts = [
        text
        for text, is_harmless in zip(portion.texts, known, strict=True)
        if is_harmless and len(text) <= _SHORT_OTHER
    ]
    count = round(len(texts) * portion.per_epoch / max(len(portion.texts), 1))
    return random.Random(seed).sample(texts, count)


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
