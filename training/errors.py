"""Where the model and the labels disagree: the rows a person should read.

A high loss means that the model is wrong or that the label is. Confident learning tells which of
the two is likelier.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.labels import LABELS, Label
from bot.screening.artifact import Calibration
from training import runs
from training.calibrate import Curve, load, probabilities
from training.data import Floats, Labelled

Marks = npt.NDArray[np.bool_]
End = Literal["highest", "lowest", "marked"]

TABLE, PAGE = "errors.csv", "errors.html"
OVERALL = "overall"
SHOWN = 400  # characters of a text that the page shows before the fold
COLUMNS = ("id", "label", "list", "truth", "score", "loss", "marked", "text")


@dataclass(frozen=True, slots=True)
class Judged:
    """What the model's scores say of the labels; each array is [rows, 6]."""

    scores: Curve
    """Calibrated probabilities."""
    losses: Curve
    """Binary cross-entropy in nats: −ln of the probability given to what the label says."""
    marked: Marks
    """True where the label is likely wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A row in one of the lists."""

    id: str
    label: Label | None
    """None in the lists over all labels."""
    end: End
    """The list: highest loss, lowest loss, or marked and in neither of them."""
    given: tuple[Label, ...]
    """All the labels that the row carries."""
    scores: tuple[float, ...]
    """The six calibrated probabilities."""
    loss: float
    """The label's loss; over all labels the sum of the six."""
    suspects: tuple[Label, ...]
    """The labels that are likely wrong, of those that the list is about."""
    text: str

    @property
    def truth(self) -> str:
        """The label as it is given, ``0`` or ``1``; over all labels the names of those given."""
        if self.label is None:
            return " ".join(self.given)
        return str(int(self.label in self.given))

    @property
    def score(self) -> float | None:
        """The label's calibrated probability; None over all labels."""
        return None if self.label is None else self.scores[LABELS.index(self.label)]


def judge(logits: Floats, rows: Labelled, calibration: dict[Label, Calibration]) -> Judged:
    """Score the rows, and mark the labels that are likely wrong.

    Parameters
    ----------
    logits
        [rows, 6], of rows that the model was not trained on.
    rows
        Their labels and prior weights.
    calibration
        Each label's scaling.
    """
    scores = probabilities(logits, calibration)
    scale = np.array([calibration[label].scale for label in LABELS])
    bias = np.array([calibration[label].bias for label in LABELS])
    z = logits.astype(np.float64) * scale + bias
    # From the logit, not from the score: a score that rounds to 1 still has a loss to rank by.
    losses = np.logaddexp(0.0, np.where(rows.labels > 0, -z, z))
    marked = np.stack(
        [suspects(scores[:, at], rows.labels[:, at], rows.weights) for at in range(len(LABELS))],
        axis=1,
    )
    return Judged(scores, losses, marked)


def suspects(scores: Curve, truth: Floats, weights: Floats) -> Marks:
    """Where one label is likely wrong, by confident learning.

    A class's threshold is the mean probability that its own rows get, under their weights. A row is
    marked where the class that it is *not* given is the model's choice and reaches that class's
    threshold: it is then an off-diagonal example of the confident joint (Northcutt, Jiang & Chuang
    2021, "Confident learning: estimating uncertainty in dataset labels", equations 1 and 2). The
    paper also counts a class that reaches its threshold without being the likelier one; for a rare
    label that would mark rows whose label the model itself finds likelier than not. With one class
    only, nothing is marked.

    Parameters
    ----------
    scores
        [rows], probabilities of the label.
    truth
        [rows], the label as given: 0 or 1.
    weights
        [rows], positive.
    """
    yes = truth > 0
    if yes.all() or not yes.any():
        return np.zeros(len(truth), dtype=bool)
    threshold_yes = np.average(scores[yes], weights=weights[yes])
    threshold_no = np.average(1 - scores[~yes], weights=weights[~yes])
    other = np.where(yes, 1 - scores, scores)
    threshold = np.where(yes, threshold_no, threshold_yes)
    found: Marks = (other >= threshold) & (other > 0.5)
    return found


def find(judged: Judged, rows: Labelled, most: int) -> list[Finding]:
    """The rows with the highest and the lowest loss, and the other marked rows.

    Parameters
    ----------
    judged
        What `judge` made of the rows.
    rows
        The rows.
    most
        How many rows the lists of the highest and of the lowest loss hold at most.

    Returns
    -------
    list of Finding
        Over all labels first, then label by label: the highest losses from the top, the lowest from
        the bottom, then (for a single label) every marked row beyond those, from the top. Loss
        falls as the probability of the given label rises, so this ranks marked rows by
        self-confidence.
    """
    findings = _lists(judged.losses.sum(axis=1), None, judged, rows, most)
    for at, label in enumerate(LABELS):
        findings += _lists(judged.losses[:, at], label, judged, rows, most)
    return findings


def write(
    directory: Path,
    title: str,
    findings: Sequence[Finding],
    judged: Judged,
    warning: str | None = None,
) -> tuple[Path, Path]:
    """Write ``errors.csv`` and ``errors.html``.

    In the table, a text or an id that a spreadsheet would run as a formula starts with an
    apostrophe. The page holds the lists of the highest and lowest losses, under the warning if
    there is one; it is one file that loads nothing and runs nothing.

    Returns
    -------
    tuple
        The paths of the table and of the page.
    """
    directory.mkdir(parents=True, exist_ok=True)
    table, page = directory / TABLE, directory / PAGE
    with table.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(COLUMNS)
        lines.writerows(_cells(finding) for finding in findings)
    page.write_text(_page(title, findings, judged, warning), encoding="utf-8")
    return table, page


def read_logits(run: Path, rows: Labelled) -> tuple[Floats, Path]:
    """The run's validation logits [rows, 6]: the int8 graph's if they are there.

    Raises
    ------
    RunError
        There are none, or they do not belong to these rows.
    """
    path = run / runs.INT8_LOGITS
    if not path.exists():
        path = run / runs.LOGITS
    return runs.read_logits(path, rows), path


def read_calibration(run: Path) -> dict[Label, Calibration]:
    """The run's calibration; one that leaves logits as they are if `calibrate` was not run.

    Raises
    ------
    CalibrationError
        ``calibration.json`` is not what `calibrate` writes.
    """
    path = run / runs.CALIBRATION
    if not path.exists():
        return {label: Calibration() for label in LABELS}
    return load(path).calibration


def _lists(
    losses: Curve, label: Label | None, judged: Judged, rows: Labelled, most: int
) -> list[Finding]:
    order = np.argsort(-losses, kind="stable")
    # With few rows the two lists would overlap; a row is in the one whose end it is nearer to.
    most = min(most, (len(order) + 1) // 2)
    highest, lowest = order[:most], order[max(most, len(order) - most) :][::-1]
    ends: list[tuple[End, npt.NDArray[np.int64]]] = [("highest", highest), ("lowest", lowest)]
    if label is not None:
        marked = judged.marked[:, LABELS.index(label)]
        rest = np.setdiff1d(np.flatnonzero(marked), np.concatenate([highest, lowest]))
        ends.append(("marked", rest[np.argsort(-losses[rest], kind="stable")]))
    about = LABELS if label is None else (label,)
    return [
        Finding(
            id=rows.ids[row],
            label=label,
            end=end,
            given=tuple(one for at, one in enumerate(LABELS) if rows.labels[row, at] > 0),
            scores=tuple(float(score) for score in judged.scores[row]),
            loss=float(losses[row]),
            suspects=tuple(one for one in about if judged.marked[row, LABELS.index(one)]),
            text=rows.texts[row],
        )
        for end, places in ends
        for row in places
    ]


def _cells(finding: Finding) -> tuple[str, ...]:
    score = "" if finding.score is None else f"{finding.score:.6f}"
    return (
        _inert(finding.id),
        finding.label or OVERALL,
        finding.end,
        finding.truth,
        score,
        f"{finding.loss:.6f}",
        str(int(bool(finding.suspects))),
        _inert(finding.text),
    )


def _inert(text: str) -> str:
    # What a spreadsheet takes for a formula it may run, and these texts are anybody's.
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _page(
    title: str, findings: Sequence[Finding], judged: Judged, warning: str | None = None
) -> str:
    environment = Environment(
        loader=PackageLoader("training", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [
        {
            "name": label or OVERALL,
            "caption": label.caption if label else "All labels together",
            "end": end,
            "findings": [one for one in findings if one.label is label and one.end == end],
        }
        for label in (None, *LABELS)
        for end in ("highest", "lowest")
    ]
    counts = judged.marked.sum(axis=0)
    return environment.get_template("errors.html.jinja").render(
        title=title,
        warning=warning,
        made=datetime.now(UTC),
        rows=len(judged.marked),
        labels=LABELS,
        overall=OVERALL,
        names=(OVERALL, *LABELS),
        sections=sections,
        marked=[(label, int(counts[at])) for at, label in enumerate(LABELS)],
        shown=SHOWN,
        table=TABLE,
    )
