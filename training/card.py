"""The model card: prose (see `training.prose`), and figures measured when it is exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.labels import LABELS, Label
from bot.screening.artifact import PRESET_NAMES, Manifest, PresetName
from training import prose
from training.calibrate import Chosen
from training.data import Floats


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured at export."""

    manifest: Manifest
    chosen: Mapping[PresetName, Mapping[Label, Chosen]]
    positives: Mapping[str, int]
    rows: int
    megabytes: float
    auc_fp32: float
    auc_whole: float
    """In int8, without the early exit."""
    leaving: float | None
    """Share of the rows whose scores are those of the early exit, in part at least."""
    differences: Floats
    """[rows, 6]: how far the int8 scores are from the fp32 ones."""
    neighbours: Floats
    """[texts, 6], of the first rows: how far a text's scores move among others."""


def render(own: Path | None, figures: Figures, licence: str | None = None) -> str:
    """The card's text: the prose with the figures where it says ``<!-- figures -->``.

    Parameters
    ----------
    own
        The recipe's prose, a Markdown file; without one it is `training.prose.generic`.
    figures
        What was measured.
    licence
        Begins the card, as the hub's YAML block, where the recipe has no prose of its own.

    Raises
    ------
    ConfigError
        As in `training.prose.read`.
    """
    if own is None:
        block = "" if licence is None else f"---\nlicense: {licence}\n---\n"
        text = block + prose.generic(figures.manifest, licence)
    else:
        text = prose.read(own)
    return text.replace(prose.PLACE, "\n\n".join([_metrics(figures), _presets(figures)]))


def _metrics(figures: Figures) -> str:
    measured = figures.manifest.metrics
    columns = [measured[name] for name in ("roc_auc", "average_precision", "calibration_error")]
    lines = [
        f"Measured on {figures.rows:,} held-out rows, as shipped ({figures.manifest.precision}, "
        f"{figures.megabytes:.1f} MB, with all views and windows of a text).",
        "",
        "| label | labelled rows | ROC AUC | average precision | calibration error |",
        "|---|---:|---:|---:|---:|",
    ]
    for label in (*LABELS, "mean"):
        cells = [
            f"{column[label]:.4f}" if isinstance(column, dict) and label in column else "–"
            for column in columns
        ]
        count = figures.positives.get(label)
        lines.append(f"| {label} | {'' if count is None else count} | {' | '.join(cells)} |")
    lines += [
        "",
        f"Before quantisation the mean ROC AUC is {figures.auc_fp32:.4f}{_early(figures)}. A score "
        f"is moved by {_spread(figures.differences)}. The ranges of the activations are fixed, so "
        "a text's scores do not depend on what else is in its batch: scored alone and in batches, "
        f"the first {len(figures.neighbours)} rows differ by "
        f"{figures.neighbours.max():.4f} at most.",
    ]
    return "\n".join(lines)


def _early(figures: Figures) -> str:
    if figures.leaving is None:
        return ""
    return (
        f", after it {figures.auc_whole:.4f}, and with the early exit, which scores "
        f"{figures.leaving:.0%} of these rows in part at least, what the table says"
    )


def _presets(figures: Figures) -> str:
    lines = [
        "| preset | label | precision aimed at | threshold | precision | recall |",
        "|---|---|---:|---:|---:|---:|",
    ]
    missed = False
    for name in PRESET_NAMES:
        for label in LABELS:
            rule, chosen = figures.manifest.presets[name][label], figures.chosen[name][label]
            mark = "" if chosen.reached else " *"
            missed |= not chosen.reached
            lines.append(
                f"| {name} | {label} | {chosen.target:.2f}{mark} | {rule.threshold:.2f} | "
                f"{_share(rule.precision)} | {_share(rule.recall)} |"
            )
    if missed:
        lines += [
            "",
            "\\* No threshold was measured to reach this precision on enough rows; the threshold "
            "is the precision itself, read as a calibrated probability.",
        ]
    return "\n".join(lines)


def _spread(differences: Floats) -> str:
    # of a text's six scores the one that moved most
    worst = differences.max(axis=1)
    return (
        f"{np.median(worst):.4f} in the median text, {np.quantile(worst, 0.99):.3f} at the 99th "
        f"percentile and {worst.max():.3f} at most (the most moved of the six scores)"
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
