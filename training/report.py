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
from training.bias import AUCS
from training.bootstrap import Ranking, Share
from training.calibrate import MIN_ROWS, reliability
from training.evaluate import Evaluation
from training.markdown import code, table_of, warned
from training.plots import Panel, draw_heatmap, draw_lines, heatmap, small_multiples
from training.robustness import Disguised

CAPTIONS = {"subgroup_auc": "subgroup AUC", "bpsn_auc": "BPSN AUC", "bnsp_auc": "BNSP AUC"}
DISGUISES = {
    "caught": "caught, every word",
    "caught_one": "caught, one word",
    "flagged": "flagged, every word",
    "flagged_one": "flagged, one word",
}
TERMS_SHOWN = 15  # in a picture; the tables have all of them
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
        _aucs_picture(folder / "bias.png", "Bias on the rows", found.bias.terms)
    _aucs_picture(folder / "templates.png", "Bias on the templates", found.templates.terms)
    if found.robustness is not None:
        kinds = found.robustness.kinds
        heatmap(
            folder / "robustness.png",
            "Disguised texts that are still caught, or flagged only now (%)",
            [_worded(kind) for kind in kinds],
            list(DISGUISES.values()),
            np.array([[_percent(share) for share in _shares(one)] for one in kinds.values()]),
        )


def markdown(title: str, found: Evaluation, warning: str | None = None) -> str:
    """The evaluation as a page; its pictures lie beside it."""
    parts = [
        f"# {title}",
        *([warned(warning)] if warning is not None else []),
        _ranking(found),
        _picture("ROC curves", "roc.png"),
        _picture("Precision–recall curves", "precision_recall.png"),
        *(_preset(name, table) for name, table in found.tables.items()),
        _confusion(found),
        _calibration(found),
        _bias(found),
        _templates(found),
        _controls(found),
        *([_robustness(found)] if found.robustness is not None else []),
    ]
    return "\n\n".join(parts) + "\n"


# --- the parts of the page ---


def _ranking(found: Evaluation) -> str:
    names = ("roc_auc", "average_precision")
    rows = [
        [label, _number(one.get("positives")), *(_figure(one, name) for name in names)]
        for label, one in found.figures.items()
    ]
    sure = any("interval" in one for one in found.figures.values())
    note = "In brackets: 95% intervals, from resampling the rows.\n\n" if sure else ""
    return note + table_of(["label", "positives", "ROC AUC", "average precision"], rows)


def _preset(name: str, table: Mapping[str, Any]) -> str:
    columns = ("threshold", "precision", "recall", "f1")
    rows = [[label, *(_figure(one, each) for each in columns)] for label, one in table.items()]
    return f"## Preset {name}\n\n" + table_of(["label", *columns], rows)


def _confusion(found: Evaluation) -> str:
    rows = [
        [label, *(_number(count) for count in (one.caught, one.missed, one.flagged, one.passed))]
        for label, one in found.confusion.items()
    ]
    columns = ["label", "caught", "missed", "wrongly flagged", "rightly passed"]
    return (
        f"## Confusion at {found.preset}\n\nRows, each counted once whatever its weight.\n\n"
        f"{table_of(columns, rows)}\n\n{_picture('Confusion', 'confusion.png')}"
    )


def _calibration(found: Evaluation) -> str:
    errors = found.tables[found.preset]
    rows = [[label, f"{one['calibration_error']:.4f}"] for label, one in errors.items()]
    return (
        "## Calibration\n\nThe mean distance of score and outcome over equal bins of the score; "
        f"the picture leaves out bins with fewer than {MIN_ROWS} rows.\n\n"
        f"{table_of(['label', 'calibration error'], rows)}\n\n"
        f"{_picture('Reliability diagrams', 'reliability.png')}"
    )


def _bias(found: Evaluation) -> str:
    bias = found.bias
    rows = [
        [term, _number(one.toxic), _number(one.harmless), *_aucs(one)]
        for term, one in bias.terms.items()
    ]
    if bias.overall is not None:
        rows.append(["power mean", "", "", *(_auc(bias.overall[name]) for name in AUCS)])
    parts = [
        "## Unintended bias on the rows",
        "Of `toxic`, by identity term (Borkan et al. 2019). Low subgroup AUC: toxic and harmless "
        "texts that name the group are told apart badly. Low BPSN AUC: harmless ones score like "
        "toxic texts that do not name it. Low BNSP AUC: toxic ones score like harmless texts that "
        "do not name it. The power mean (power −5) is near the worst.",
    ]
    if rows:
        parts += [
            table_of(["term", "toxic", "harmless", *CAPTIONS.values()], rows),
            _picture("Bias by term", "bias.png"),
        ]
    else:
        parts.append("No term is named by enough rows.")
    few = [
        f"{term} ({one.toxic} toxic, {one.harmless} harmless)"
        for term, one in bias.left_out.items()
        if one.toxic or one.harmless
    ]
    never = [term for term, one in bias.left_out.items() if not (one.toxic or one.harmless)]
    if few:
        parts.append(
            f"Left out, with fewer than {bias.at_least} rows of either class: {'; '.join(few)}."
        )
    if never:
        parts.append(f"Named by no row: {', '.join(never)}.")
    return "\n\n".join(parts)


def _templates(found: Evaluation) -> str:
    templates = found.templates
    rows = [
        [term, _share(one.flagged), _share(one.caught), *_aucs(one)]
        for term, one in templates.terms.items()
    ]
    means = templates.overall or {}
    rows.append(
        [
            "all",
            _share(templates.flagged),
            _share(templates.caught),
            *(_auc(means.get(name, math.nan)) for name in AUCS),
        ]
    )
    columns = ["term", "harmless, flagged", "toxic, caught", *CAPTIONS.values()]
    return (
        "## Unintended bias on template sentences\n\nThe same sentences for every term, at "
        f"{found.preset}; the AUCs are of `toxic`.\n\n"
        f"{table_of(columns, rows)}\n\n{_picture('Bias on templates', 'templates.png')}"
    )


def _controls(found: Evaluation) -> str:
    rows = [[_worded(name), _share(one)] for name, one in found.controls.groups.items()]
    lines = [
        f"- {_worded(name)}: {code(alarm.text)} ({alarm.label} {alarm.score:.2f})"
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
        [_worded(kind), *(_share(share) for share in _shares(one))]
        for kind, one in robustness.kinds.items()
    ]
    caught, passed = robustness.asked
    return (
        f"## Evasion at {found.preset}\n\n"
        f"Undisguised, {_share(robustness.harmful)} of the rows with a label are caught and "
        f"{_share(robustness.harmless)} of those without pass. Of these, {caught} and {passed} "
        "were disguised: how many are still caught, and how many are flagged only now. One word "
        "is the one that the model flags most on its own. Texts with no word that a kind can "
        f"change do not count.\n\n{table_of(['kind', *DISGUISES.values()], rows)}\n\n"
        f"{_picture('Evasion', 'robustness.png')}"
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


def _aucs_picture(path: Path, title: str, terms: Mapping[str, Any]) -> None:
    lacks = {term: [1 - getattr(one, name) for name in AUCS] for term, one in terms.items()}
    worst = sorted(lacks, key=lambda term: -np.nanmax([0.0, *lacks[term]]))[:TERMS_SHOWN]
    heatmap(
        path,
        f"{title}: 1 − AUC of the worst terms",
        worst,
        list(CAPTIONS.values()),
        np.array([lacks[term] for term in worst]),
        format="{:.3f}",
    )


# --- cells ---


def _shares(one: Disguised) -> list[Share]:
    return [getattr(one, name) for name in DISGUISES]


def _figure(one: Mapping[str, Any], name: str) -> str:
    value = one.get(name)
    if value is None or not math.isfinite(value):
        return "–"
    digits = 2 if name == "threshold" else 4
    interval = one.get("interval", {}).get(name)
    bounds = f" ({interval[0]:.{digits}f}–{interval[1]:.{digits}f})" if interval else ""
    return f"{value:.{digits}f}{bounds}"


def _share(share: Share) -> str:
    return f"{share.count:,} of {share.of:,}" + (
        f" ({100 * share.share:.1f}%)" if share.share is not None else ""
    )


def _percent(share: Share) -> float:
    return 100 * share.share if share.share is not None else math.nan


def _aucs(one: Any) -> list[str]:
    return [_auc(getattr(one, name)) for name in AUCS]


def _auc(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "–"


def _number(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _worded(name: str) -> str:
    return name.replace("_", " ")


def _picture(caption: str, file: str) -> str:
    return f"![{caption}]({file})"


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
