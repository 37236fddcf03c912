"""Logistic regression, one per label, over counted words and letters or over given features."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from bot.labels import LABELS
from training.data import Floats
from training.kept import Kept
from training.split import Indices

SHORTEST = 1  # letters of a word that is counted: "u" and "r" are words in a chat


@dataclass(frozen=True, slots=True)
class Linear:
    """How the linear model over texts is made."""

    features: int = 60_000
    """The most frequent word 1–2-grams that are counted, and as many letter 2–5-grams."""
    strength: float = 2.0
    """The inverse of the regularisation (scikit-learn's C)."""


class Counts:
    """TF-IDF of word 1–2-grams, and of letter 2–5-grams within words, side by side.

    The letters read through misspellings; the words carry what two of them say together. A term's
    count enters by its logarithm, so a word pasted a hundred times does not drown the rest.
    """

    def __init__(self, recipe: Linear) -> None:
        common = {
            "sublinear_tf": True,
            "max_features": recipe.features,
            "dtype": np.float32,
        }
        words = rf"\w{{{SHORTEST},}}"
        self._parts = (
            TfidfVectorizer(
                strip_accents="unicode", token_pattern=words, ngram_range=(1, 2), **common
            ),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **common),
        )

    def learn(self, texts: Sequence[str]) -> csr_matrix:
        """Choose the terms by these texts, and count them: [texts, terms]."""
        return hstack([part.fit_transform(texts) for part in self._parts], format="csr")

    def count(self, texts: Sequence[str]) -> csr_matrix:
        """Count the chosen terms in other texts: [texts, terms]."""
        return hstack([part.transform(texts) for part in self._parts], format="csr")


def tfidf(
    texts: Sequence[str],
    labels: Floats,
    weights: Floats,
    others: Sequence[str],
    recipe: Linear,
    *,
    jobs: int,
    bar: tqdm[Any],
    kept: Kept | None = None,
) -> Floats:
    """Learn from some texts and predict others.

    Parameters
    ----------
    texts, labels, weights
        What is learnt from: [rows] in the bot's plain view, [rows, 6], [rows].
    others
        The texts to predict, in the same view.
    recipe
        How the model is made.
    jobs
        Labels that are fitted at the same time.
    bar
        Moves by one with each label.
    kept
        Of these texts and this recipe: what is there already is not fitted again.

    Returns
    -------
    ndarray
        Logits [others, 6].

    Notes
    -----
    Memory, measured above that of the imported libraries with 2,708 Wikipedia comments (995,000
    letters, 1.8 million counts that are not 0): 73 MiB at the most with one job, 113 MiB with two,
    for each job holds its own copy of the counts. With 63,911 comments and one job the whole
    process took 1.8 GB at the most; a second job would take about 1 GB more.
    """
    if kept is not None:
        done = [kept.get(label, shape=(len(others),)) for label in LABELS]
        columns = [column for column in done if column is not None]
        if len(columns) == len(LABELS):  # nothing is left to count words for
            bar.update(len(LABELS))
            return np.stack(columns, axis=1)
    counts = Counts(recipe)
    known = counts.learn(texts)
    blank = LogisticRegression(C=recipe.strength, solver="liblinear")
    return regress(
        blank, known, labels, weights, counts.count(others), jobs=jobs, bar=bar, kept=kept
    )


def regress(
    blank: LogisticRegression,
    features: csr_matrix | Floats,
    labels: Floats,
    weights: Floats,
    others: csr_matrix | Floats,
    *,
    jobs: int,
    bar: tqdm[Any],
    kept: Kept | None = None,
) -> Floats:
    """Fit one regression per label, and predict other rows.

    Parameters
    ----------
    blank
        Carries the settings; it is not fitted itself.
    features, labels, weights
        [rows, features], [rows, 6], [rows].
    others
        [others, features].
    jobs
        Labels that are fitted at the same time (in threads: the solvers do not hold the
        interpreter).
    bar
        Moves by one with each label.
    kept
        Of these features and settings: a label that is there already is not fitted again.

    Returns
    -------
    ndarray
        Logits [others, 6]. A label that all rows have, or none, gets its `share_logit` everywhere.
    """

    def one(at: int) -> Floats:
        truth = labels[:, at]
        if truth.min() == truth.max():
            return np.full(others.shape[0], share_logit(truth, weights), dtype=np.float32)
        known = None if kept is None else kept.get(LABELS[at], shape=(others.shape[0],))
        if known is not None:
            return known
        fitted = LogisticRegression(**blank.get_params()).fit(features, truth, weights)
        found: Floats = fitted.decision_function(others).astype(np.float32)
        if kept is not None:
            kept.put(found, LABELS[at])
        return found

    columns = []
    fits = (delayed(one)(at) for at in range(len(LABELS)))
    for column in Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(fits):
        columns.append(column)
        bar.update()
    return np.stack(columns, axis=1)


def share_logit(truth: Floats, weights: Floats) -> float:
    """The logit of a label's share, half a row added to either side (Haldane 1956, Anscombe 1956).

    The halves keep it finite where no row has the label, or every one.
    """
    having = float(weights @ truth)
    return float(np.log((having + 0.5) / (float(weights.sum()) - having + 0.5)))


def fold_of_each(labels: Floats, count: int, seed: int) -> Indices:
    """Deal rows into folds, each combination of labels in proportion.

    Parameters
    ----------
    labels
        [rows, 6].
    count
        Folds; at least 2.
    seed
        Decides who goes where.

    Returns
    -------
    ndarray
        The fold of each row, 0 to ``count - 1``. Folds differ by one row at most, overall and
        within each combination.
    """
    generator = np.random.default_rng(seed)
    combinations: dict[tuple[float, ...], list[int]] = defaultdict(list)
    for row, combination in enumerate(labels):
        combinations[tuple(combination)].append(row)
    # Dealt on from where the last combination ended: single rows do not all fall into fold 0.
    order = [
        row
        for combination in sorted(combinations)
        for row in generator.permutation(combinations[combination])
    ]
    folds = np.empty(len(labels), dtype=np.int64)
    folds[order] = np.arange(len(order)) % count
    return folds


def out_of_fold(
    texts: Sequence[str],
    labels: Floats,
    weights: Floats,
    folds: Indices,
    recipe: Linear,
    *,
    jobs: int,
    bar: tqdm[Any],
    kept: Kept | None = None,
) -> Floats:
    """Predict each row by a model that has not seen it.

    The terms and their frequencies, too, come from the other folds alone.

    Parameters
    ----------
    texts, labels, weights
        [rows] in the bot's plain view, [rows, 6], [rows].
    folds
        [rows], as `fold_of_each` deals them.
    recipe
        How the models are made.
    jobs
        Labels that are fitted at the same time.
    bar
        Moves by one with each label of each fold.
    kept
        Of these texts, folds and this recipe: what is there already is not fitted again.

    Returns
    -------
    ndarray
        Logits [rows, 6].
    """
    logits = np.empty_like(labels, dtype=np.float32)
    for fold in np.unique(folds):
        seen, unseen = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        logits[unseen] = tfidf(
            [texts[int(row)] for row in seen],
            labels[seen],
            weights[seen],
            [texts[int(row)] for row in unseen],
            recipe,
            jobs=jobs,
            bar=bar,
            kept=None if kept is None else kept.under("fold", str(fold)),
        )
    return logits
