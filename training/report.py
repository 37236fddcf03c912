"""An evaluation as people and programs read it: Markdown, PNG and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bot.labels import LABELS
from training.bias_report import aucs_picture, on_rows, on_templates
from training.bootstrap import Ranking, Share
from training.calibrate import MIN_ROWS, reliability
from training.cells import figure, number, picture, share, worded
from training.evaluate import Evaluation
from training.markdown import code, table_of, warned
from training.plots import Panel, draw_heatmap, draw_lines, heatmap, small_multiples
from training.robustness import Disguised

DISGUISES = {
    "caught": "caught, every word",
    "caught_one": "caught, one word",
    "flagged": "flagged, every word",
    "flagged_one": "flagged, one word",
}
PARTIAL = ("bias.png", "robustness.png")  # not made where there is nothing to show
PAGE, FIGURES = "evaluation.md", "evaluation.json"


def write(
    folder: Path,
    title: str,
    about: Mapping[str, Any],
    found: Evaluation,
    warning: str | None = None,
) -> str:
    """Write ``evaluation.json``, ``evaluation.md`` and the pictures that it shows.

    Parameters
    ----------
    folder
        Made where it does not exist; files of the same names are replaced.
    title
        The page's.
    about
        What the JSON says before the figures: the model, the rows.
    found
        What was measured.
    warning
        What a reader must know before the figures.

    Returns
    -------
    str
        The page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTIAL:  # of an earlier evaluation: this one may have nothing to put there
        (folder / name).unlink(missing_ok=True)
    about = {**about, "warning": warning}
    text = json.dumps({**about, **as_json(found)}, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / FIGURES).write_text(text + "\n", encoding="utf-8")
    pictures(folder, found)
    page = markdown(title, found, warning)
    (folder / PAGE).write_text(page, encoding="utf-8")
    return page


def as_json(found: Evaluation) -> dict[str, Any]:
    """The evaluation without its rows, as JSON has it; null is what could not be measured."""
    return {
        "figures": _plain(found.figures),
        "thresholds": _plain(found.tables),
        "preset": found.preset,
        **{
            name: _plain(getattr(found, name))
            for name in (
                "confusion", "outcomes", "bias", "templates", "controls", "robustness"
            )
        },
    }  # fmt: skip


def pictures(folder: Path, found: Evaluation) -> None:
    """Draw the curves, matrices and diagrams into the folder."""
    rankings = {}
    for at, label in enumerate(LABELS):
        truth = found.rows.labels[:, at]
        if 0 < truth.sum() < len(truth):
            ranking = Ranking(found.scores[:, at], truth)
            rankings[label] = (*ranking.curves(found.rows.weights), found.figures[label.value])
    roc: dict[str, Panel] = {}
    precision_recall: dict[str, Panel] = {}
    for label, (false_alarms, recall, precision, figures) in rankings.items():
        # Both begin where nothing is flagged: precision there is that of the highest score.
        roc[f"{label.caption} ({figures['roc_auc']:.4f})"] = partial(
            draw_lines,
            series={"": (np.append(0.0, false_alarms), np.append(0.0, recall))},
            x="false-alarm rate",
            y="recall",
            diagonal=True,
            unit_square=True,
        )
        precision_recall[f"{label.caption} ({figures['average_precision']:.3f})"] = partial(
            draw_lines,
            series={"": (np.append(0.0, recall), np.append(precision[:1], precision))},
            x="recall",
            y="precision",
            unit_square=True,
        )
    small_multiples(folder / "roc.png", "ROC curves, with the area under each", roc)
    small_multiples(
        folder / "precision_recall.png",
        "Precision–recall curves, with the average precision of each",
        precision_recall,
    )
    reliability(
        folder / "reliability.png",
        "Reliability: on the diagonal, a score is a probability",
        {"": found.scores},
        found.rows,
    )
    _confusion_picture(folder / "confusion.png", found)
    if found.bias.terms:
        aucs_picture(folder / "bias.png", "Bias on the rows", found.bias.terms)
    aucs_picture(folder / "templates.png", "Bias on the templates", found.templates.terms)
    if found.robustness is not None:
        kinds = found.robustness.kinds
        heatmap(
            folder / "robustness.png",
            "Disguised texts that are still caught, or flagged only now (%)",
            [worded(kind) for kind in kinds],
            list(DISGUISES.values()),
            np.array([[_percent(each) for each in _shares(one)] for one in kinds.values()]),
        )


def markdown(title: str, found: Evaluation, warning: str | None = None) -> str:
    """The evaluation as a page; its pictures lie beside it."""
    parts = [
        f"# {title}",
        *([warned(warning)] if warning is not None else []),
        _ranking(found),
        picture("ROC curves", "roc.png"),
        picture("Precision–recall curves", "precision_recall.png"),
        *(_preset(name, table) for name, table in found.tables.items()),
        _confusion(found),
        _calibration(found),
        on_rows(found.bias),
        on_templates(found.templates, found.preset),
        _controls(found),
        *([_robustness(found)] if found.robustness is not None else []),
    ]
    return "\n\n".join(parts) + "\n"


# --- the parts of the page ---


def _ranking(found: Evaluation) -> str:
    names = ("roc_auc", "average_precision", "cross_entropy")
    rows = [
        [label, number(one.get("positives")), *(_figure(one, name) for name in names)]
        for label, one in found.figures.items()
    ]
    sure = any("interval" in one for one in found.figures.values())
    note = " In brackets: 95% intervals, from resampling the rows." if sure else ""
    columns = ["label", "positives", "ROC AUC", "average precision", "cross-entropy"]
    return (
        "Cross-entropy: the mean of −ln of the probability that was given to what is true (binary, "
        f"in nats); lower is better.{note}\n\n{table_of(columns, rows)}"
    )


def _preset(name: str, table: Mapping[str, Any]) -> str:
    columns = ("threshold", "precision", "recall", "f1")
    rows = [[label, *(_figure(one, each) for each in columns)] for label, one in table.items()]
    return f"## Preset {name}\n\n" + table_of(["label", *columns], rows)


def _confusion(found: Evaluation) -> str:
    rows = [
        [label, *(number(count) for count in (one.caught, one.missed, one.flagged, one.passed))]
        for label, one in found.confusion.items()
    ]
    columns = ["label", "caught", "missed", "wrongly flagged", "rightly passed"]
    return (
        f"## Confusion at {found.preset}\n\nRows, each counted once whatever its weight.\n\n"
        f"{table_of(columns, rows)}\n\n{picture('Confusion', 'confusion.png')}"
    )


def _calibration(found: Evaluation) -> str:
    errors = found.tables[found.preset]
    rows = [[label, _figure(one, "calibration_error")] for label, one in errors.items()]
    sure = any("interval" in one for one in errors.values())
    note = (
        " Chance adds to it; the interval is without what that is likely to be, and so may lie "
        "below the figure."
        if sure
        else ""
    )
    return (
        "## Calibration\n\nThe mean distance of score and outcome over equal bins of the score."
        f"{note} The picture leaves out bins with fewer than {MIN_ROWS} rows.\n\n"
        f"{table_of(['label', 'calibration error'], rows)}\n\n"
        f"{picture('Reliability diagrams', 'reliability.png')}"
    )


def _controls(found: Evaluation) -> str:
    rows = [[worded(name), share(one)] for name, one in found.controls.groups.items()]
    lines = [
        f"- {worded(name)}: {code(alarm.text)} ({alarm.label} {alarm.score:.2f})"
        for name, alarms in found.controls.alarms.items()
        for alarm in alarms
    ]
    listed = "\n".join(lines) if lines else "None is flagged."
    return (
        f"## Harmless controls at {found.preset}\n\n{table_of(['texts', 'flagged'], rows)}\n\n"
        f"{listed}"
    )


def _robustness(found: Evaluation) -> str:
    robustness = found.robustness
    assert robustness is not None
    rows = [
        [worded(kind), *(share(each) for each in _shares(one))]
        for kind, one in robustness.kinds.items()
    ]
    caught, passed = robustness.asked
    return (
        f"## Evasion at {found.preset}\n\n"
        f"Undisguised, {share(robustness.harmful)} of the rows with a label are caught and "
        f"{share(robustness.harmless)} of those without pass. Of these, {caught} and {passed} "
        "were disguised: how many are still caught, and how many are flagged only now. One word "
        "is the one that the model flags most on its own. Texts with no word that a kind can "
        f"change do not count.\n\n{table_of(['kind', *DISGUISES.values()], rows)}\n\n"
        f"{picture('Evasion', 'robustness.png')}"
    )


# --- pictures ---


def _confusion_picture(path: Path, found: Evaluation) -> None:
    panels: dict[str, Panel] = {}
    for label in LABELS:
        one = found.confusion[label.value]
        cells = np.array([[one.caught, one.missed], [one.flagged, one.passed]], dtype=np.float64)
        total = cells.sum(axis=1, keepdims=True)
        shares = np.divide(cells, total, out=np.full_like(cells, np.nan), where=total > 0)
        panels[label.caption] = partial(
            draw_heatmap,
            rows=["with it", "without"],
            columns=["flagged", "passed"],
            values=100 * shares,
            format="{:.2f}%",
        )
    small_multiples(path, f"Confusion at {found.preset}: rows with and without each label", panels)


# --- cells ---


def _shares(one: Disguised) -> list[Share]:
    return [getattr(one, name) for name in DISGUISES]


def _figure(one: Mapping[str, Any], name: str) -> str:
    digits = 2 if name == "threshold" else 4
    return figure(one.get(name), one.get("interval", {}).get(name), digits=digits)


def _percent(one: Share) -> float:
    return 100 * one.share if one.share is not None else math.nan


def _plain(value: Any) -> Any:
    """Values, dataclasses and mappings as what JSON has."""
    if isinstance(value, Share):
        return {
            "count": value.count,
            "of": value.of,
            "share": value.share,
            "interval": _plain(value.interval),
        }
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
