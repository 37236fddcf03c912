"""Unintended bias as people read it: on the rows and on template sentences."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.bias import AUCS, Bias, TemplateBias
from training.bootstrap import Interval
from training.cells import figure, number, picture, share
from training.markdown import table_of
from training.plots import heatmap

CAPTIONS = {"subgroup_auc": "subgroup AUC", "bpsn_auc": "BPSN AUC", "bnsp_auc": "BNSP AUC"}
TERMS_SHOWN = 15  # in a picture; the tables have all of them
_NO_INTERVALS: Mapping[str, Interval] = {}


def on_rows(bias: Bias) -> str:
    """The section of `training.bias.measure_bias`."""
    rows = [
        [
            term,
            number(one.toxic),
            number(one.harmless),
            *_of_term(one, bias.intervals.get(term, {})),
        ]
        for term, one in bias.terms.items()
    ]
    if bias.overall is not None:
        rows.append(["power mean", "", "", *_aucs(bias.overall, bias.overall_interval)])
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
            picture("Bias by term", "bias.png"),
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


def on_templates(templates: TemplateBias, preset: str) -> str:
    """The section of `training.bias.measure_templates`."""
    rows = [
        [term, share(one.flagged), share(one.caught), *_of_term(one)]
        for term, one in templates.terms.items()
    ]
    rows.append(
        ["all", share(templates.flagged), share(templates.caught), *_aucs(templates.overall or {})]
    )
    columns = ["term", "harmless, flagged", "toxic, caught", *CAPTIONS.values()]
    return (
        "## Unintended bias on template sentences\n\nThe same sentences for every term, at "
        f"{preset}; the AUCs are of `toxic`.\n\n"
        f"{table_of(columns, rows)}\n\n{picture('Bias on templates', 'templates.png')}"
    )


def aucs_picture(path: Path, title: str, terms: Mapping[str, Any]) -> None:
    """Draw what the AUCs of the worst terms lack, each with attributes as `AUCS`."""
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


def _of_term(one: Any, intervals: Mapping[str, Interval] = _NO_INTERVALS) -> list[str]:
    return _aucs({name: getattr(one, name) for name in AUCS}, intervals)


def _aucs(
    values: Mapping[str, float], intervals: Mapping[str, Interval] = _NO_INTERVALS
) -> list[str]:
    return [figure(values.get(name), intervals.get(name)) for name in AUCS]
