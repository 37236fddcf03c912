"""Ranking figures of several models in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.labels import LABELS
from training.markdown import in_cell, table_of

METRICS = {"roc_auc": "ROC AUC", "average_precision": "average precision"}
COLUMNS = ("mean", *(label.value for label in LABELS))


def tables(models: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: a table for ROC AUC and one for average precision, a line for each model.

    Parameters
    ----------
    models
        Name → the figures of `training.evaluate.summarise`. The best of several is bold.
    """
    parts = []
    leading = len(models) > 1
    for metric, caption in METRICS.items():
        best = {
            column: max((f"{value:.4f}" for value in values), default="")
            for column in COLUMNS
            for values in [
                [one[column][metric] for one in models.values() if metric in one[column]]
            ]
        }
        rows = []
        for name, one in models.items():
            cells = [in_cell(name)]
            for column in COLUMNS:
                cell = f"{one[column][metric]:.4f}" if metric in one[column] else "–"
                cells.append(f"**{cell}**" if leading and cell == best[column] else cell)
            rows.append(cells)
        parts.append(table_of([caption, *COLUMNS], rows))
    return "\n\n".join(parts) + "\n"
