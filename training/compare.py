"""Several models on the same rows: their figures side by side, and how far they differ."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bot.labels import LABELS
from bot.screening.model import Model, load_model
from training import origins
from training.bootstrap import LEVEL
from training.calibrate import UNCALIBRATED, Curve, calibration_errors, probabilities
from training.config import TrainingError
from training.cross_entropy import cross_entropies
from training.data import Floats, Labelled
from training.differences import CAPTIONS, differences, verdict
from training.evaluate import summarise
from training.markdown import in_cell, table_of, warned
from training.scoring import Scorer, kept_of
from training.side_by_side import COLUMNS, METRICS, tables

TIMED = 100  # texts that are timed
LOGITS_SUFFIX = ".npy"
MEGABYTE = 1_000_000


class CompareError(TrainingError):
    """Models that cannot be compared as asked."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A model to compare, by the name it has in the tables."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Side:
    """A model with what it makes of the rows.

    Attributes
    ----------
    scores
        Probabilities [rows, 6], calibrated where the model is; of logits from a file, their
        sigmoid.
    megabytes
        Of 1,000,000 bytes, on the disk; None for logits from a file.
    milliseconds
        The median time of one text on its own, from its letters to its scores, on this machine as
        busy as it was; None for logits from a file.
    """

    contender: Contender
    scores: Curve
    megabytes: float | None
    milliseconds: float | None


def contenders(specs: Sequence[str]) -> list[Contender]:
    """Read ``PATH`` or ``NAME=PATH``, the way models are named on the command line.

    A path alone is called by its last part, or in full where two would be called the same.

    Raises
    ------
    CompareError
        There are fewer than two, one is not there, or two have one name.
    """
    if len(specs) < 2:
        raise CompareError(f"--model {' '.join(specs)}: name at least two models to compare")
    split: list[tuple[str, Path]] = []
    for spec in specs:
        name, equals, path = spec.partition("=")
        whole = not equals or Path(spec).exists()
        split.append(("", Path(spec)) if whole else (name.strip(), Path(path)))
    short = [name or path.resolve().name for name, path in split]
    found = [
        Contender(name or (str(path) if short.count(called) > 1 else called), path)
        for called, (name, path) in zip(short, split, strict=True)
    ]
    for at, one in enumerate(found):
        if not one.path.exists():
            raise CompareError(f"--model {specs[at]}: there is no file or directory {one.path}")
        if one.name in (other.name for other in found[:at]):
            raise CompareError(
                f"--model {specs[at]}: another model is called {one.name!r} already; write "
                "NAME=PATH with a name of its own"
            )
    return found


def look_at(contender: Contender, rows: Labelled, unfinished: Path | None = None) -> Side:
    """Score the rows as the bot would, and measure size and time.

    Parameters
    ----------
    contender
        The model.
    rows
        What it is asked for.
    unfinished
        Of `training.kept.until_done`: a comparison that is stopped goes on from there.

    Raises
    ------
    CompareError
        A file of logits does not fit the rows.
    ArtifactError
        A directory is no model that the bot could load.
    """
    path = contender.path
    if path.is_file():
        return Side(contender, probabilities(_logits(path, rows), UNCALIBRATED), None, None)
    model = load_model(str(path.resolve()))
    kept = None if unfinished is None else kept_of(unfinished, path)
    scores = Scorer(model, kept)(rows.texts, contender.name)
    return Side(contender, scores, megabytes(path), _milliseconds(model, rows.texts))


def megabytes(directory: Path) -> float:
    """The size of what a model is loaded from, in units of 1,000,000 bytes."""
    return sum(file.stat().st_size for file in origins.model_files(directory)) / MEGABYTE


def compare(sides: Sequence[Side], rows: Labelled, *, count: int, seed: int) -> dict[str, Any]:
    """The figures of each model, and the differences of the others from the first.

    Parameters
    ----------
    sides
        At least two.
    rows
        What they were scored on.
    count
        Resamples of the rows.
    seed
        Of the resamples.

    Returns
    -------
    dict
        ``{"models": {name: {"path", "megabytes", "milliseconds", "calibration_error" and
        "cross_entropy": {label or "mean": …}, "ranking": the figures of `summarise`}},
        "differences": {name: those of `differences`}, "against", "resamples"}``.
    """
    models = {
        side.contender.name: {
            "path": str(side.contender.path),
            "megabytes": side.megabytes,
            "milliseconds": side.milliseconds,
            "calibration_error": _calibration_errors(side.scores, rows),
            "cross_entropy": cross_entropies(side.scores, rows),
            "ranking": summarise(side.scores, rows),
        }
        for side in sides
    }
    names = [side.contender.name for side in sides]
    found = differences([side.scores for side in sides], rows, count=count, seed=seed)
    return {
        "models": models,
        "differences": dict(zip(names[1:], found, strict=True)),
        "against": names[0],
        "resamples": count,
    }


def markdown(found: dict[str, Any], rows: Labelled, file: Path, left_out: int) -> str:
    """What `compare` found, as a Markdown page; ``warnings`` of ``found`` come first."""
    models, against = found["models"], found["against"]
    costs = [
        [
            in_cell(name),
            _cell(one["megabytes"], 1),
            _cell(one["milliseconds"], 2),
            *(_cell(one[name].get("mean"), 4) for name in ("calibration_error", "cross_entropy")),
        ]
        for name, one in models.items()
    ]
    differing = []
    for name, labels in found["differences"].items():
        for metric, one in labels.get("mean", {}).items():
            if (judged := verdict(metric, one)) is not None:
                figures = [f"{one[end]:+.5f}" for end in ("difference", "low", "high")]
                differing.append([in_cell(name), CAPTIONS[metric], *figures, judged])
    parts = [
        f"# {' against '.join(models)}",
        *(warned(warning) for warning in found.get("warnings", ())),
        f"On {len(rows):,} rows of {file.name} ({left_out:,} left out)"
        f"{', under the prior weights' if rows.weighted else ''}.",
        table_of(["model", "MB", "ms a text", "calibration error", "cross-entropy"], costs),
        tables({name: one["ranking"] for name, one in models.items()}),
        f"## Differences from {against}\n\n"
        "ROC AUC and average precision are means over the labels that have both classes here, the "
        f"cross-entropy over all six, with the {LEVEL:.0%} interval of {found['resamples']:,} "
        "paired resamples. An interval that holds 0 is no proof of a difference.",
        table_of(["model", "figure", "difference", "from", "to", ""], differing),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def write(out: Path, found: dict[str, Any], rows: Labelled, file: Path, left_out: int) -> str:
    """Write the report, its page and a picture for each metric of ranks; what the page says."""
    from training.plots import heatmap  # imports matplotlib

    out.mkdir(parents=True, exist_ok=True)
    report = {"rows": {"file": str(file), "used": len(rows), "left_out": left_out}, **found}
    (out / "comparison.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    page = markdown(found, rows, file, left_out)
    (out / "comparison.md").write_text(page, encoding="utf-8")
    models = found["models"]
    areas, precisions = (
        np.array(
            [
                [one["ranking"][column].get(metric, np.nan) for column in COLUMNS]
                for one in models.values()
            ]
        )
        for metric in METRICS
    )
    # Good models differ in what is left to 1, which the colours of the areas would not show.
    pictures = {
        "misordered_pairs": ("Misordered pairs in % (1 − ROC AUC)", 100 * (1 - areas), "{:.2f}"),
        "average_precision": ("Average precision", precisions, "{:.3f}"),
    }
    for name, (caption, values, form) in pictures.items():
        title = f"{caption}, on {file.name}"
        heatmap(out / f"{name}.png", title, list(models), COLUMNS, values, format=form)
    return page


def _logits(path: Path, rows: Labelled) -> Floats:
    if path.suffix != LOGITS_SUFFIX:
        raise CompareError(
            f"--model {path}: a checkpoint, a model directory or a .npy file of logits is needed"
        )
    try:
        logits: Floats = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise CompareError(f"--model {path}: cannot be read as logits: {error}") from None
    needed = (len(rows), len(LABELS))
    if logits.shape != needed:
        raise CompareError(
            f"--model {path}: of shape {logits.shape}; {needed} is needed, a logit for each of the "
            "six labels of each row that is used"
        )
    if logits.dtype.kind != "f" or not np.isfinite(logits).all():
        raise CompareError(f"--model {path}: the logits must be finite floating-point numbers")
    return logits.astype(np.float32, copy=False)


def _milliseconds(model: Model, texts: Sequence[str]) -> float:
    """The median over texts from all over the file, one by one as a lone message comes."""
    places = np.unique(np.linspace(0, len(texts) - 1, min(TIMED, len(texts))).astype(int))
    model.score([texts[0]])  # the first call also sets things up
    took = []
    for at in places:
        began = time.perf_counter()
        model.score([texts[int(at)]])
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1_000


def _calibration_errors(scores: Curve, rows: Labelled) -> dict[str, float]:
    errors = {label.value: one for label, one in calibration_errors(scores, rows).items()}
    return {"mean": statistics.fmean(errors.values()), **errors}


def _cell(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
