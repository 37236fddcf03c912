"""Functional suites: short cases, grouped by the ability that they ask of a model.

A mean over a test set hides what a model cannot do. A suite names the abilities ("a group is
denied something good", "gaming talk that sounds violent") and says for each how often the model is
right; after Röttger et al. 2021, "HateCheck: Functional Tests for Hate Speech Detection Models".
The cases in `training/suites/` are the project's own, and no model may be trained on them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bot.labels import LABELS, Label, Scores
from bot.screening.artifact import PresetName
from bot.screening.model import Model, load_model
from training.kept import UNFINISHED, Kept, until_done
from training.markdown import code, table_of
from training.scoring import kept_of, scores_of
from training.suite_files import (
    Suite,
    SuiteError,
    Templates,
    load_either,
    load_suite,
    load_templates,
)

__all__ = [
    "DEFAULT_SUITES",
    "Suite",
    "SuiteError",
    "Templates",
    "load_either",
    "load_suite",
    "load_templates",
    "markdown",
    "measure_suite",
    "run_files",
    "run_suite",
    "run_templates",
]

FOLDER = Path(__file__).parent / "suites"
DEFAULT_SUITES = tuple(
    FOLDER / f"{name}.toml"
    for name in ("chat", "controls", "identity", "blind_groups", "blind_chat")
)
FAILURES_SHOWN = 3


def measure_suite(flagged: Sequence[bool], suite: Suite) -> dict[str, Any]:
    """The share of right answers: abusive cases flagged, harmless ones not.

    Parameters
    ----------
    flagged
        For each of ``suite.texts``, whether the model flags it.
    suite
        The cases.

    Returns
    -------
    dict
        ``{"suite", "cases", "overall", "harmless", "abusive", "mean_over_functions", "functions":
        {name: {"about", "abusive", "cases", "right"}}}``; shares from 0 to 1, None where there is
        no case.

    Raises
    ------
    SuiteError
        There are more or fewer flags than cases.
    """
    abusive = np.array(suite.abusive)
    if len(flagged) != len(abusive):
        raise SuiteError(
            f"{suite.name}: {len(flagged)} flags for {len(abusive)} cases; one for each is needed"
        )
    right = np.asarray(flagged, dtype=np.bool_) == abusive
    functions: dict[str, Any] = {}
    start = 0
    for function in suite.functions:
        end = start + len(function.texts)
        functions[function.name] = {
            "about": function.about,
            "abusive": function.abusive,
            "cases": end - start,
            "right": float(right[start:end].mean()),
        }
        start = end
    return {
        "suite": suite.name,
        "cases": len(right),
        "overall": float(right.mean()),
        "harmless": float(right[~abusive].mean()) if not abusive.all() else None,
        "abusive": float(right[abusive].mean()) if abusive.any() else None,
        "mean_over_functions": float(np.mean([one["right"] for one in functions.values()])),
        "functions": functions,
    }


def run_suite(
    model: Model, suite: Suite, thresholds: Mapping[str, float], kept: Kept | None = None
) -> dict[str, Any]:
    """Score the cases as the bot would, flag them, and measure.

    Parameters
    ----------
    model
        Loaded by `bot.screening.model.load_model`.
    suite
        The cases.
    thresholds
        By label; a case is flagged if the score of any label reaches that label's threshold.
    kept
        Of `training.scoring.kept_of`, for the same model.

    Returns
    -------
    dict
        As from `measure_suite`, with ``model``, ``thresholds``, and in each function its
        ``failures``, the most wrong first: ``{"text", "labels_over", "scores"}``; none of a suite
        that is blind.

    Raises
    ------
    SuiteError
        A label has no threshold.
    """
    scores = scores_of(model, suite.texts, suite.name, kept)
    return _report(model.version, scores, suite, thresholds)


def run_templates(
    model: Model, templates: Templates, thresholds: Mapping[str, float], kept: Kept | None = None
) -> dict[str, Any]:
    """Score every template with every term; the bias AUCs come on top of what `run_suite` gives.

    Returns
    -------
    dict
        As from `run_suite`, with ``bias``: the generalised means of the three AUCs over the terms
        (``overall``) and the AUCs by term (``terms``), of the score for `Label.TOXIC`; see
        `training.bias`. None where the other terms needed for an AUC are missing.
    """
    from training.bias import measure_bias  # loads scikit-learn

    suite = templates.suite()
    scores = scores_of(model, suite.texts, suite.name, kept)
    bias = measure_bias(
        suite.texts,
        np.array([each[Label.TOXIC] for each in scores]),
        np.array(suite.abusive, dtype=np.float32),
        np.ones(len(scores), dtype=np.float32),
        templates.bare_terms,
        at_least=1,
    )
    return _report(model.version, scores, suite, thresholds) | {
        "bias": {
            "overall": _numbers(bias.overall or {}),
            "terms": {term: _numbers(asdict(one)) for term, one in bias.terms.items()},
        }
    }


def markdown(report: Mapping[str, Any]) -> str:
    """A report of `run_suite` or `run_templates` as a Markdown page.

    Each function with its share of right answers, and up to three of its failures.
    """
    functions: Mapping[str, Mapping[str, Any]] = report["functions"]
    kinds = ("overall", "harmless", "abusive", "mean_over_functions")
    parts = [
        f"# {report['suite']}: {report['model']}",
        table_of(
            ["cases", "share right"],
            [[name.replace("_", " "), _share(report[name])] for name in kinds],
        ),
        table_of(
            ["function", "flag it?", "cases", "share right"],
            [
                [name, "yes" if one["abusive"] else "no", str(one["cases"]), _share(one["right"])]
                for name, one in functions.items()
            ],
        ),
    ]
    if "bias" in report:
        parts.append(_bias_table(report["bias"]))
    lines = ["\n\n".join(parts)]
    for name, one in functions.items():
        failures = one["failures"]
        if failures:
            missed = "not flagged" if one["abusive"] else "flagged"
            lines += ["", f"## {name}", "", f"{one['about']} {len(failures)} {missed}:", ""]
        for failure in failures[:FAILURES_SHOWN]:
            why = f" ({', '.join(failure['labels_over'])})" if failure["labels_over"] else ""
            lines.append(f"- {code(failure['text'])}{why}")
    return "\n".join(lines) + "\n"


def run_files(directory: Path, preset: PresetName, files: Sequence[Path], out: Path) -> list[Path]:
    """Run suites on one model and write ``NAME.json`` and ``NAME.md`` for each into a directory.

    Parameters
    ----------
    directory
        A Hugging Face checkpoint or a model directory.
    preset
        Whose thresholds decide.
    files
        Suites of either kind, each with a name of its own.
    out
        Made if it is not there.

    Returns
    -------
    list of Path
        The Markdown pages.

    Raises
    ------
    SuiteError
        A file is impossible, or two files have one name; nothing is scored then.
    """
    loaded = [load_either(file) for file in files]
    names = [one.name for one in loaded]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SuiteError(f"two suites are called {twice!r}; rename one of the files")
    model = load_model(str(directory.resolve()))
    thresholds = model.presets[preset].as_dict()
    out.mkdir(parents=True, exist_ok=True)
    pages = []
    with until_done(out / UNFINISHED) as unfinished:
        kept = kept_of(unfinished, directory)
        for one in loaded:
            if isinstance(one, Templates):
                report = run_templates(model, one, thresholds, kept)
            else:
                report = run_suite(model, one, thresholds, kept)
            report = {"preset": preset} | report
            content = json.dumps(report, indent=2, ensure_ascii=False)
            (out / f"{one.name}.json").write_text(content + "\n", encoding="utf-8")
            page = out / f"{one.name}.md"
            page.write_text(markdown(report), encoding="utf-8")
            pages.append(page)
    return pages


def _report(
    version: str, scores: Sequence[Scores], suite: Suite, thresholds: Mapping[str, float]
) -> dict[str, Any]:
    missing = [label.value for label in LABELS if label.value not in thresholds]
    if missing:
        raise SuiteError(f"thresholds: none for {', '.join(missing)}; each label needs one")
    # How far the label that is nearest to flagging lies over its threshold.
    margins = [max(score - thresholds[label.value] for label, score in s.items()) for s in scores]
    report = measure_suite([margin >= 0 for margin in margins], suite)
    start = 0
    for function in suite.functions:
        end = start + len(function.texts)
        shown = () if suite.blind else range(start, end)
        wrong = [at for at in shown if (margins[at] >= 0) != function.abusive]
        report["functions"][function.name]["failures"] = [
            {
                "text": function.texts[at - start],
                "labels_over": [
                    label.value for label, s in scores[at].items() if s >= thresholds[label.value]
                ],
                "scores": {label.value: round(s, 4) for label, s in scores[at].items()},
            }
            for at in sorted(wrong, key=lambda at: abs(margins[at]), reverse=True)
        ]
        start = end
    return {"model": version, "thresholds": dict(thresholds)} | report


def _numbers(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(one) else one for name, one in figures.items()}


def _bias_table(bias: Mapping[str, Any]) -> str:
    names = ("subgroup_auc", "bpsn_auc", "bnsp_auc")
    rows = {"overall": bias["overall"], **bias["terms"]}
    return table_of(
        ["term", "subgroup AUC", "BPSN AUC", "BNSP AUC"],
        [[term, *(_share(row.get(name)) for name in names)] for term, row in rows.items()],
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
