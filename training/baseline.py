"""What a fine-tuned model has to beat, measured on the same rows.

The share of each label; a linear model over counted words and letters; a linear model over what the
base checkpoint knows before fine-tuning. Each leaves its logits, and is not computed again while
rows and settings stay the same.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from bot.labels import LABELS
from training import linear, origins, runs
from training.config import Experiment, TrainingError
from training.data import Floats, Labelled, divided, plain
from training.evaluate import summarise
from training.kept import UNFINISHED, Kept, until_done
from training.linear import Linear
from training.side_by_side import tables
from training.teachers import write_logits

log = logging.getLogger(__name__)

Kind = Literal["majority", "tfidf", "frozen"]
KINDS: tuple[Kind, ...] = ("majority", "tfidf", "frozen")
OUT_OF_FOLD = "tfidf.out_of_fold"
TITLES = {
    "majority": "majority class",
    "tfidf": "TF-IDF + logistic regression",
    "frozen": "frozen encoder + logistic regression",
}
FINE_TUNED = "fine-tuned"
FOLDER, REPORT, PAGE = "baselines", "baselines.json", "baselines.md"


class BaselineError(TrainingError):
    """Baselines that cannot be measured as asked."""


@dataclass(frozen=True)
class Parts:
    """A run's rows, divided."""

    training: Labelled
    validation: Labelled

    @cached_property
    def views(self) -> tuple[list[str], list[str]]:
        """The bot's plain view of the training texts and of the validation texts."""
        training, validation = (
            [plain(text) for text in part.texts] for part in (self.training, self.validation)
        )
        return training, validation

    @cached_property
    def fingerprint(self) -> str:
        """A SHA-256 over all that a baseline is made from and measured on."""
        return origins.fingerprint(self.training, self.validation)


def named(names: Sequence[str]) -> tuple[Kind, ...]:
    """The baselines with these names.

    Raises
    ------
    BaselineError
        There is no such baseline.
    """
    wanted = {name.strip() for name in names}
    for name in sorted(wanted.difference(KINDS)):
        raise BaselineError(
            f"--only {name}: there is no such baseline; there are {', '.join(KINDS)}"
        )
    return tuple(kind for kind in KINDS if kind in wanted)


def run(
    experiment: Experiment,
    directory: Path,
    *,
    only: Sequence[Kind] = KINDS,
    folds: int | None = None,
    recipe: Linear | None = None,
    jobs: int = 2,
) -> str:
    """Measure the baselines on the run's split.

    Parameters
    ----------
    experiment
        Says which rows, how they are divided, and which base checkpoint.
    directory
        The run directory. Written there, in ``baselines/``: ``baselines.json``, ``baselines.md``
        and the logits on the validation rows, ``NAME.npy`` [rows, 6] float32.
    only
        The baselines to measure.
    folds
        Also write ``baselines/tfidf.out_of_fold.npz``: the ``ids`` of the training rows, and
        ``logits`` [rows, 6] of each by the TF-IDF model of the other folds, to distil from.
    recipe
        How the TF-IDF model is made; the defaults of `Linear` without one.
    jobs
        Labels that are fitted at the same time.

    Returns
    -------
    str
        The Markdown page: all baselines measured so far on these rows, and the fine-tuned model
        where the run has one.

    Raises
    ------
    BaselineError
        The run directory holds another split than these settings make, or a report that cannot be
        read, or there are fewer rows than folds.
    DataError
        The rows cannot be used.
    EncoderError
        The base checkpoint cannot be used.
    RunError
        The logits of the run's own model do not fit its rows.
    """
    parts = of_run(experiment, directory)
    if folds is not None and not 2 <= folds <= len(parts.training):
        raise BaselineError(
            f"--out-of-fold {folds}: from 2 to {len(parts.training)}, the number of training rows"
        )
    recipe = recipe or Linear()
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    report = _Report(folder, experiment, parts)

    def measure(kind: Kind, settings: dict[str, Any], compute: Callable[[], Floats]) -> None:
        if kind in only and not report.has(kind, settings, folder / f"{kind}.npy"):
            began = time.monotonic()
            logits = compute()
            _save(folder / f"{kind}.npy", logits)
            report.keep(kind, settings, logits, parts.validation, time.monotonic() - began)

    def kept(*settings: Any) -> Kept:
        return Kept(unfinished, parts.fingerprint, json.dumps(settings))

    base = experiment.base
    encoder = {"checkpoint": base.checkpoint, "max_tokens": base.max_tokens, "pooling": "mean"}
    encoder["bf16"] = experiment.optimisation.bf16
    with until_done(folder / UNFINISHED) as unfinished:
        measure("majority", {}, lambda: _majority(parts))
        learnt = asdict(recipe)
        measure("tfidf", learnt, lambda: _tfidf(parts, recipe, jobs, kept("tfidf", learnt)))
        measure(
            "frozen",
            encoder,
            lambda: _frozen(experiment, parts, folder, encoder, jobs, kept("frozen", encoder)),
        )
        if folds is not None:
            path = folder / f"{OUT_OF_FOLD}.npz"
            settings = learnt | {"folds": folds, "seed": experiment.seed}
            if not report.has(OUT_OF_FOLD, settings, path):
                began = time.monotonic()
                logits = _out_of_fold(
                    parts, folds, experiment.seed, recipe, jobs, kept(OUT_OF_FOLD, settings)
                )
                half = path.with_name(f"unfinished.{path.name}")
                write_logits(half, parts.training.ids, logits)
                half.replace(path)
                report.keep(OUT_OF_FOLD, settings, logits, parts.training, time.monotonic() - began)
    return report.publish(_fine_tuned(directory, parts.validation))


def of_run(experiment: Experiment, directory: Path) -> Parts:
    """The rows, divided as `train` divides them; the run's own where it has begun.

    Raises
    ------
    BaselineError
        ``validation.parquet`` of the run holds other rows than these settings hold out.
    """
    training, validation, _ = divided(experiment, origins.split_of(directory, experiment.rows))
    kept = directory / runs.VALIDATION
    if kept.exists():
        own = runs.validation(directory)
        same = own.ids == validation.ids and own.texts == validation.texts
        if not (
            same
            and np.array_equal(own.labels, validation.labels)
            and np.array_equal(own.weights, validation.weights)
        ):
            raise BaselineError(
                f"{kept}: holds {len(own)} other rows than the {len(validation)} that these "
                "settings hold out; take rows and seed from the run's experiment.json, or another "
                "--run"
            )
    return Parts(training, validation)


class _Report:
    """``baselines.json``: what was measured, with the settings that made it."""

    def __init__(self, folder: Path, experiment: Experiment, parts: Parts) -> None:
        self._path = folder / REPORT
        self._rows = {
            "source": experiment.rows.source,
            "training": len(parts.training),
            "validation": len(parts.validation),
            "sha256": parts.fingerprint,
        }
        self._under = ", under the prior weights" if parts.validation.weighted else ""
        self._entries: dict[str, Any] = {}
        if self._path.exists():
            try:
                written = json.loads(self._path.read_text(encoding="utf-8"))
                if written["rows"]["sha256"] == parts.fingerprint:
                    self._entries = dict(written["baselines"])
            except (ValueError, KeyError, TypeError):
                raise BaselineError(
                    f"{self._path}: cannot be read as a report of baselines; delete it"
                ) from None

    def has(self, name: str, settings: dict[str, Any], logits: Path) -> bool:
        """Whether this was made already, of these rows with these settings."""
        known = self._entries.get(name, {}).get("settings") == settings and logits.exists()
        if known:
            log.info("%s: there already", name)
        return known

    def keep(
        self, name: str, settings: dict[str, Any], logits: Floats, rows: Labelled, took_s: float
    ) -> None:
        """Measure logits, and write the report at once: what is done survives a kill."""
        figures = summarise(logits, rows)
        self._entries[name] = {"settings": settings, "seconds": round(took_s, 1)}
        self._entries[name]["figures"] = figures
        self._write()
        log.info("%s: mean ROC AUC %.4f in %.0f s", name, figures["mean"]["roc_auc"], took_s)

    def publish(self, fine_tuned: dict[str, Any] | None) -> str:
        """Write the report with the fine-tuned model's figures, and as a Markdown page."""
        self._write({FINE_TUNED: fine_tuned} if fine_tuned is not None else None)
        shown = {
            TITLES[kind]: self._entries[kind]["figures"] for kind in KINDS if kind in self._entries
        }
        if fine_tuned is not None:
            shown[FINE_TUNED] = fine_tuned
        page = (
            f"# Baselines\n\nLearnt from {self._rows['training']:,} rows and measured on "
            f"{self._rows['validation']:,} others of {self._rows['source']}{self._under}."
            f"\n\n{tables(shown)}"
        )
        if OUT_OF_FOLD in self._entries:
            entry = self._entries[OUT_OF_FOLD]
            title = f"{TITLES['tfidf']}, {entry['settings']['folds']} folds"
            page += (
                "\n## Out of fold\n\nThe training rows, each predicted by a model that has not "
                f"seen it.\n\n{tables({title: entry['figures']})}"
            )
        (self._path.parent / PAGE).write_text(page, encoding="utf-8")
        return page

    def _write(self, more: dict[str, Any] | None = None) -> None:
        report = {"rows": self._rows, "baselines": self._entries, **(more or {})}
        unfinished = self._path.with_name(f"unfinished.{REPORT}")
        unfinished.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(self._path)


def _majority(parts: Parts) -> Floats:
    training = parts.training
    shares = [
        linear.share_logit(training.labels[:, at], training.weights) for at in range(len(LABELS))
    ]
    return np.tile(np.array(shares, dtype=np.float32), (len(parts.validation), 1))


def _tfidf(parts: Parts, recipe: Linear, jobs: int, kept: Kept) -> Floats:
    training, (known, others) = parts.training, parts.views
    with _bar("tfidf", len(LABELS)) as bar:
        return linear.tfidf(
            known, training.labels, training.weights, others, recipe, jobs=jobs, bar=bar, kept=kept
        )


def _frozen(
    experiment: Experiment,
    parts: Parts,
    folder: Path,
    settings: dict[str, Any],
    jobs: int,
    kept: Kept,
) -> Floats:
    from training.frozen import encode  # imports torch

    # Encoding takes the time. Its file is named by all that goes into it, so that one which was
    # left unfinished is gone on with only where it fits.
    named = hashlib.sha256(json.dumps([parts.fingerprint, settings]).encode()).hexdigest()[:12]
    path = folder / f"frozen.features.{named}.npy"
    known, others = parts.views
    features = encode(experiment.base, [*known, *others], path, bf16=experiment.optimisation.bf16)
    training = parts.training
    scaler = StandardScaler().fit(features[: len(training)], sample_weight=training.weights)
    blank = LogisticRegression(max_iter=2_000)
    with _bar("frozen", len(LABELS)) as bar:
        logits = linear.regress(
            blank,
            scaler.transform(features[: len(training)]),
            training.labels,
            training.weights,
            scaler.transform(features[len(training) :]),
            jobs=jobs,
            bar=bar,
            kept=kept,
        )
    for left in folder.glob("frozen.features.*.npy"):
        left.unlink()
    return logits


def _out_of_fold(
    parts: Parts, folds: int, seed: int, recipe: Linear, jobs: int, kept: Kept
) -> Floats:
    training, (views, _) = parts.training, parts.views
    with _bar(OUT_OF_FOLD, folds * len(LABELS)) as bar:
        return linear.out_of_fold(
            views,
            training.labels,
            training.weights,
            linear.fold_of_each(training.labels, folds, seed),
            recipe,
            jobs=jobs,
            bar=bar,
            kept=kept,
        )


def _fine_tuned(directory: Path, validation: Labelled) -> dict[str, Any] | None:
    """The figures of the run's own model; None before it is trained."""
    path = directory / runs.LOGITS
    # Without the run's rows beside them nobody knows whose logits these are.
    if not (path.exists() and (directory / runs.VALIDATION).exists()):
        return None
    return summarise(runs.read_logits(path, validation), validation)


def _save(path: Path, logits: Floats) -> None:
    unfinished = path.with_name(f"unfinished.{path.name}")
    np.save(unfinished, logits)
    unfinished.replace(path)


def _bar(what: str, fits: int) -> tqdm[Any]:
    # disable=None: no bar where standard error is a file
    return tqdm(total=fits, desc=what, unit="fit", disable=None, leave=False)
