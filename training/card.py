"""The model card: prose that lives beside the recipe, and figures measured when it is exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.labels import LABELS, Label
from bot.screening.artifact import PRESET_NAMES, Manifest, PresetName
from training.calibrate import Chosen
from training.config import ConfigError
from training.data import Floats

PLACE = "<!-- figures -->"


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


def render(prose: Path | None, figures: Figures, licence: str | None = None) -> str:
    """The card's text: the prose with the figures where it says ``<!-- figures -->``.

    Parameters
    ----------
    prose
        A Markdown file; without one the card is a title over the figures.
    figures
        What was measured.
    licence
        Begins the card, as the hub's YAML block, where there is no prose.

    Raises
    ------
    ConfigError
        The prose cannot be read or has no place for the figures.
    """
    if prose is None:
        block = "" if licence is None else f"---\nlicense: {licence}\n---\n"
        text = f"{block}# {figures.manifest.model_version}\n\n{PLACE}\n"
    else:
        try:
            text = prose.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{prose}: cannot be read: {error.strerror}") from None
        if PLACE not in text:
            raise ConfigError(f"{prose}: the line {PLACE} is missing")
    return text.replace(PLACE, "\n\n".join([_metrics(figures), _presets(figures)]))


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
