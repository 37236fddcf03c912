"""What is in a labelled file: found out before anything is trained on it.

The whole file is looked at, also the rows that training leaves out: a repeated text and a text with
two different sets of labels say something about who labelled it, and how.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.labels import LABELS, Label
from bot.screening.normalize import NORMALIZER_VERSION
from training.config import Base, Experiment
from training.data import Floats, LeftOut, Unsifted, plain, read_unsifted
from training.first_look import not_loaded
from training.kept import Kept
from training.oddities import ODD
from training.scoring import chunks
from training.split import same_text
from training.tables import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Counts = npt.NDArray[np.int64]

PERCENTILES = (1, 5, 25, 50, 75, 90, 95, 99, 100)
LIMITS = (64, 96, 128, 192, 256, 384, 512)  # token limits that a reader may want to compare
EXAMPLES = 3  # texts shown of each kind that is odd


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How common a label is, or having none."""

    in_file: int
    """Labelled rows of the file."""
    used: int
    """Those of them that training uses."""
    share: float
    """Of the used rows."""
    weighted_share: float
    """The same under the prior weights."""
    in_validation: float
    """Rows to expect in the validation part, of the used ones."""


@dataclass(frozen=True, slots=True)
class Combination:
    """A set of labels that rows have together; ``labels`` is empty for rows without one."""

    labels: tuple[Label, ...]
    rows: int
    share: float
    weighted_share: float


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the used texts are, in tokens or in characters."""

    mean: float
    percentiles: dict[int, int]
    """Percentile → the length that so many percent of the texts do not exceed."""
    unlabelled_median: int | None
    labelled_median: int | None
    longer_than: dict[int, float]
    """Limit → share of the texts that are longer."""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that have one text, but for case, white space and Unicode form."""

    rows: tuple[int, ...]
    labels: tuple[tuple[Label, ...], ...]
    """Those of each row."""
    text: str
    """As the first row writes it."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Rows that a person should look at, and why."""

    why: str
    rows: tuple[int, ...]
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What `inspect` found. Rows are counted from 1, the first under the header."""

    source: str
    rows: int
    used: int
    weighted: bool
    """Whether the prior weights differ from row to row."""
    validation_share: float
    labels: dict[Label, LabelCount]
    unlabelled: LabelCount
    combinations: tuple[Combination, ...]
    """All of them, the commonest first."""
    co_occurrence: npt.NDArray[np.float64]
    """[6, 6]: P(column's label | row's label) under the prior weights; NaN where no row has it."""
    checkpoint: str
    max_tokens: int
    tokens: Lengths
    characters: Lengths
    token_lengths: Counts
    character_lengths: Counts
    """[used rows] both."""
    duplicates: tuple[Group, ...]
    """Repeated texts whose rows agree, the biggest group first."""
    conflicts: tuple[Group, ...]
    """Repeated texts whose rows do not agree."""
    left_out: tuple[LeftOut, ...]
    reasons: dict[str, int]
    """Why rows are left out → how many."""
    non_ascii: float
    """Share of the used texts with a character outside ASCII."""
    suspicions: tuple[Suspicion, ...]


def inspect(experiment: Experiment, unfinished: Path | None = None) -> Inspection:
    """Look at every row of the experiment's file, whatever ``rows.max_samples`` says.

    Parameters
    ----------
    experiment
        What is to be trained.
    unfinished
        Of `training.kept.until_done`: an inspection that is stopped goes on from there, if its
        tokenizer is one of the library's fast ones.

    Raises
    ------
    DataError
        The file cannot be read or labels are neither 0 nor 1, as in `training.data.read`.
    CheckpointError
        The base checkpoint has no tokenizer that can be loaded.
    """
    file = read_unsifted(experiment.rows)
    used = np.array([row for row in range(len(file.texts)) if row not in file.reasons])
    if not len(used):
        raise DataError(f"{experiment.rows.source}: no usable row ({len(file.texts)} left out)")
    labels, weights = file.labels[used], file.weights[used].astype(np.float64)
    counted = _label_counts(file, used, experiment.rows.validation_share)
    tokenizer = load_tokenizer(experiment.base)
    texts = [file.texts[row] for row in used]
    tokens, empty = reading(texts, tokenizer, unfinished)
    characters = np.array([len(text) for text in texts], dtype=np.int64)
    limits = sorted({*LIMITS, experiment.base.max_tokens})
    any_label = labels.any(axis=1)
    duplicates, conflicts = _groups(file)
    return Inspection(
        source=experiment.rows.source,
        rows=len(file.texts),
        used=len(used),
        weighted=bool((weights != weights[0]).any()),
        validation_share=experiment.rows.validation_share,
        labels=dict(zip(LABELS, counted, strict=False)),
        unlabelled=counted[-1],
        combinations=combinations(labels, weights),
        co_occurrence=co_occurrence(labels, weights),
        checkpoint=experiment.base.checkpoint,
        max_tokens=experiment.base.max_tokens,
        tokens=_lengths(tokens, any_label, limits),
        characters=_lengths(characters, any_label, ()),
        token_lengths=tokens,
        character_lengths=characters,
        duplicates=duplicates,
        conflicts=conflicts,
        left_out=tuple(
            LeftOut(row + 1, file.ids[row], reason) for row, reason in sorted(file.reasons.items())
        ),
        reasons=dict(Counter(map(_kind, file.reasons.values())).most_common()),
        non_ascii=float(np.mean([not text.isascii() for text in texts])),
        suspicions=_suspicions(file, used.tolist(), used[empty].tolist()),
    )


def load_tokenizer(base: Base) -> PreTrainedTokenizerBase:
    """The base checkpoint's tokenizer.

    Raises
    ------
    CheckpointError
        The checkpoint has none that can be loaded.
    """
    from transformers import AutoTokenizer  # seconds to import: not before the rows are checked

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base.checkpoint)
    except Exception as error:  # the tokenizers library raises bare Exception for a broken file
        raise not_loaded(base, "tokenizer", error) from None
    return tokenizer


def reading(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, unfinished: Path | None = None
) -> tuple[Counts, npt.NDArray[np.bool_]]:
    """What a model with this tokenizer gets to read of the texts.

    Parameters
    ----------
    texts
        As they were written.
    tokenizer
        Counts the tokens.
    unfinished
        As `inspect` takes it.

    Returns
    -------
    tuple of ndarray
        [texts] each: the tokens of the plain view, the special ones included, nothing cut; and
        whether that view is empty.
    """
    fast = getattr(tokenizer, "backend_tokenizer", None)
    kept = None
    if unfinished is not None and fast is not None:
        digest = hashlib.sha256(fast.to_str().encode()).hexdigest()
        kept = Kept(unfinished, "reading", digest, str(NORMALIZER_VERSION))
    found = [np.empty((0, 2), dtype=np.int64)]
    for chunk in chunks(texts, "normalising and tokenising"):
        both = None if kept is None else kept.get(*chunk, shape=(len(chunk), 2))
        if both is None:
            views = [plain(text) for text in chunk]
            tokens = tokenizer(views, verbose=False)["input_ids"]
            both = np.array([[len(ids), not view] for ids, view in zip(tokens, views, strict=True)])
            if kept is not None:
                kept.put(both, *chunk)
        found.append(both)
    whole = np.concatenate(found)
    return whole[:, 0], whole[:, 1] > 0


def combinations(labels: Floats, weights: npt.NDArray[np.float64]) -> tuple[Combination, ...]:
    """Every combination of labels among the rows, the commonest first.

    Parameters
    ----------
    labels
        [rows, 6] of 0 and 1.
    weights
        [rows], positive.
    """
    found, which = np.unique(labels > 0, axis=0, return_inverse=True)
    which = which.reshape(-1)
    rows = np.bincount(which, minlength=len(found))
    weighted = np.bincount(which, weights, minlength=len(found)) / weights.sum()
    listed = [
        Combination(_names(row), int(rows[at]), float(rows[at] / len(labels)), float(weighted[at]))
        for at, row in enumerate(found)
    ]
    return tuple(sorted(listed, key=lambda one: (-one.rows, [*map(LABELS.index, one.labels)])))


def co_occurrence(labels: Floats, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[6, 6]: of the rows with the row's label, the weighted share with the column's; NaN if none.

    Parameters
    ----------
    labels
        [rows, 6] of 0 and 1.
    weights
        [rows], positive.
    """
    both = (labels * weights[:, None]).T @ labels.astype(np.float64)
    alone = np.diag(both)[:, None]
    return np.divide(both, alone, out=np.full_like(both, np.nan), where=alone > 0)


def _label_counts(file: Unsifted, used: Counts, validation_share: float) -> list[LabelCount]:
    """Of the six labels, and last of having none."""

    def with_none(labels: Floats) -> npt.NDArray[np.bool_]:
        return np.column_stack([labels > 0, ~(labels > 0).any(axis=1)])

    scored = with_none(file.labels[(file.labels >= 0).all(axis=1)]).sum(axis=0)
    has, weights = with_none(file.labels[used]), file.weights[used].astype(np.float64)
    rows, weighted = has.sum(axis=0), weights @ has / weights.sum()
    return [
        LabelCount(
            int(scored[at]),
            int(rows[at]),
            float(rows[at] / len(used)),
            float(weighted[at]),
            round(float(rows[at]) * validation_share, 1),
        )
        for at in range(len(LABELS) + 1)
    ]


def _lengths(lengths: Counts, labelled: npt.NDArray[np.bool_], limits: Iterable[int]) -> Lengths:
    def median(part: Counts) -> int | None:
        return int(np.percentile(part, 50, method="inverted_cdf")) if len(part) else None

    at = np.percentile(lengths, PERCENTILES, method="inverted_cdf")
    return Lengths(
        mean=float(lengths.mean()),
        percentiles={point: int(length) for point, length in zip(PERCENTILES, at, strict=True)},
        unlabelled_median=median(lengths[~labelled]),
        labelled_median=median(lengths[labelled]),
        longer_than={limit: float((lengths > limit).mean()) for limit in limits},
    )


def _groups(file: Unsifted) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """Repeated texts: those whose rows agree, and those whose rows do not."""
    places = [
        row for row, text in enumerate(file.texts) if text.strip() and (file.labels[row] >= 0).all()
    ]
    agreeing: list[Group] = []
    differing: list[Group] = []
    for members in same_text([file.texts[row] for row in places]).values():
        if len(members) == 1:
            continue
        rows = [places[member] for member in members]
        group = Group(
            tuple(row + 1 for row in rows),
            tuple(_names(file.labels[row]) for row in rows),
            file.texts[rows[0]],
        )
        (agreeing if len(set(group.labels)) == 1 else differing).append(group)

    def size(group: Group) -> tuple[int, int]:
        return -len(group.rows), group.rows[0]

    return tuple(sorted(agreeing, key=size)), tuple(sorted(differing, key=size))


def _suspicions(file: Unsifted, used: list[int], empty: list[int]) -> tuple[Suspicion, ...]:
    """What is odd about the used rows; only what occurs."""
    found: list[Suspicion] = []

    def note(why: str, rows: list[int]) -> None:
        if rows:
            examples = tuple(file.texts[row] for row in rows[:EXAMPLES])
            found.append(Suspicion(why, tuple(row + 1 for row in rows), examples))

    for why, odd in ODD.items():
        note(why, [row for row in used if odd(file.texts[row])])
    note("nothing is left of the text after normalising, so the model reads an empty one", empty)
    toxic, severe = LABELS.index(Label.TOXIC), LABELS.index(Label.SEVERE_TOXIC)
    labels = file.labels
    note(
        "severe_toxic without toxic",
        [row for row in used if labels[row, severe] > 0 and labels[row, toxic] == 0],
    )
    times = Counter(file.ids[row] for row in used)
    note("an id that other rows have too", [row for row in used if times[file.ids[row]] > 1])
    return tuple(found)


def _names(row: npt.NDArray[np.generic]) -> tuple[Label, ...]:
    return tuple(label for label, has in zip(LABELS, row, strict=True) if has)


def _kind(reason: str) -> str:
    """A reason without the rows that it names."""
    return re.sub(r"\brow \d+", "another row", re.sub(r" \(rows [^)]*\)", "", reason))
