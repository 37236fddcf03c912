"""Rows are divided: each combination of labels in proportion, no text on both sides.

Version 1 told texts apart that differ in punctuation or markup alone. Version 2 divides in the same
way, and then brings such near copies to one side, so that between the two only a few rows change
place. Version 3 draws a sample of the rows after that, from each side (`training.data.divided`);
before, the rows that one run held out were those that a run on a sample learnt from. A run keeps
the version that it was begun with (`training.origins.split_of`).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.screening.normalize import views
from training import bars
from training.origins import SPLIT_VERSION

if TYPE_CHECKING:
    from training.data import Labelled

Indices = npt.NDArray[np.int64]
Combination = tuple[float, ...]

KEYS_KNOWN = 1 << 18


def text_key(text: str) -> str:
    """What makes two texts the same text: equal but for case, white space and Unicode form."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@lru_cache(KEYS_KNOWN)
def folded_key(text: str) -> str:
    """What makes two texts near copies: the same letters and digits in the bot's plain view.

    Returns
    -------
    str
        Of a fixed length. A text without letters and digits is a near copy only of those with its
        own `text_key`.
    """
    # From the key, so that texts which are the same are near copies by construction.
    same = text_key(text)
    folded = unicodedata.normalize("NFKC", views(same)[0]).casefold()
    bare = "".join(sign for sign in folded if sign.isalnum())
    return _digest(bare or f" {same}")


def near_key(text: str, version: int = SPLIT_VERSION) -> str:
    """What stays on one side of a split of this version."""
    return folded_key(text) if version > 1 else text_key(text)


def same_text(texts: Sequence[str]) -> dict[str, list[int]]:
    """The places of the texts that are the same, by their `text_key`, in order of appearance."""
    groups: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(bars.each(texts, "same texts")):
        groups[text_key(text)].append(row)
    return groups


def split(
    labelled: Labelled, share: float, seed: int, version: int = SPLIT_VERSION
) -> tuple[Indices, Indices]:
    """Divide rows into training and validation, each combination of labels in proportion.

    Each combination is in training. One that has two rows or more which are near copies of no row
    with other labels, nor of one another, is in validation too. Near copies (`folded_key`) stay on
    one side; in version 1 only rows whose texts are the same (`text_key`) do.

    Parameters
    ----------
    labelled
        The rows.
    share
        Of the rows, to hold out.
    seed
        Decides which.
    version
        See this module.

    Returns
    -------
    tuple
        Row numbers of the training and of the validation part, each in ascending order.
    """
    generator = np.random.default_rng(seed)
    combinations: dict[Combination, list[list[int]]] = defaultdict(list)
    for group in same_text(labelled.texts).values():
        combinations[tuple(labelled.labels[group[0]])].append(group)
    validation: list[int] = []
    for combination in sorted(combinations):
        groups = combinations[combination]
        if len(groups) == 1:
            continue
        wanted = min(max(round(share * len(groups)), 1), len(groups) - 1)
        for at in generator.permutation(len(groups))[:wanted]:
            validation.extend(groups[at])
    held = np.zeros(len(labelled), dtype=np.bool_)
    held[validation] = True
    if version > 1:
        _mend(labelled, held, generator)
    return np.flatnonzero(~held).astype(np.int64), np.flatnonzero(held).astype(np.int64)


def sample(labelled: Labelled, count: int, seed: int) -> Labelled:
    """About ``count`` rows with the same mix of label combinations, none of them lost."""
    if count >= len(labelled):
        return labelled
    # Nothing is held out here: near copies may be drawn apart.
    rest, drawn = split(labelled, count / len(labelled), seed, version=1)
    kept = {tuple(combination) for combination in labelled.labels[drawn]}
    single = [row for row in rest if tuple(labelled.labels[row]) not in kept]
    return labelled.take(np.sort(np.concatenate([drawn, np.array(single, dtype=np.int64)])))


def _mend(labelled: Labelled, held: npt.NDArray[np.bool_], generator: np.random.Generator) -> None:
    """Bring near copies to one side, and leave each combination's share as it is, if possible."""
    of_row = [tuple(row) for row in labelled.labels.tolist()]
    groups: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(bars.each(labelled.texts, "near copies")):
        groups[folded_key(text)].append(row)
    aim = Counter(of_row[row] for row in np.flatnonzero(held))
    torn = [rows for rows in groups.values() if len({bool(held[row]) for row in rows}) == 2]
    for rows in torn:
        held[rows] = False
    holds = Counter(of_row[row] for row in np.flatnonzero(held))
    trains = Counter(of_row[row] for row in np.flatnonzero(~held))

    def hold_out(rows: list[int]) -> None:
        held[rows] = True
        moved = Counter(of_row[row] for row in rows)
        holds.update(moved)
        trains.subtract(moved)

    for at in generator.permutation(len(torn)):
        moved = Counter(of_row[row] for row in torn[at])
        if all(holds[one] + n <= aim[one] and trains[one] > n for one, n in moved.items()):
            hold_out(torn[at])
    # Where that left a combination with nothing to be measured on.
    for combination in sorted(one for one in aim if not holds[one]):
        for rows in groups.values():
            moved = Counter(of_row[row] for row in rows)
            if combination in moved and all(trains[one] > n for one, n in moved.items()):
                hold_out(rows)
                break


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
