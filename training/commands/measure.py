"""Measuring: one model, several side by side, where it errs, and what it can tell apart."""

from __future__ import annotations

from pathlib import Path

import click

from bot.screening.artifact import PresetName
from training import runs
from training.commands.options import (
    FILE,
    OUT_FOLDER,
    called,
    check_writable,
    experiment_options,
    model_option,
    preset_option,
    rows_option,
    told,
)
from training.config import Experiment


@click.command()
@experiment_options
@click.option(
    "--model",
    "specs",
    multiple=True,
    required=True,
    metavar="[NAME=]PATH",
    help="A checkpoint, a model directory or a .npy file of logits; repeat it. The first is what "
    "the others are compared with.",
)
@rows_option
@click.option("--out", type=OUT_FOLDER, help="Where to write.  [default: RUN/comparison]")
@click.option(
    "--resamples",
    type=click.IntRange(100, 100_000),
    default=1_000,
    show_default=True,
    help="Of the rows, for the intervals of the differences.",
)
def compare(
    experiment: Experiment,
    run: Path,
    specs: tuple[str, ...],
    file: Path,
    out: Path | None,
    resamples: int,
) -> Path:
    """Measure two or more models on the same rows, and tell differences from noise."""
    from training import compare as comparing
    from training.data import read
    from training.kept import UNFINISHED, until_done
    from training.trained_on import seen_by

    models = comparing.contenders(specs)
    rows, left_out = read(experiment.rows.model_copy(update={"file": file, "hub": None}))
    warnings = []
    for model in models:
        seen = seen_by(model.path, rows.texts, run)
        if seen is not None and seen.warning is not None:
            warnings.append(f"{model.name}: {seen.warning}")
            _warn(warnings[-1])
    folder = out or run / "comparison"
    with until_done(folder / UNFINISHED) as unfinished:
        sides = [comparing.look_at(model, rows, unfinished) for model in models]
        found = comparing.compare(sides, rows, count=resamples, seed=experiment.seed)
        found["warnings"] = warnings
        page = comparing.write(folder, found, rows, file, len(left_out))
    click.echo(page)
    return folder


@click.command()
@experiment_options
@model_option
@rows_option
@click.option(
    "--out",
    type=OUT_FOLDER,
    help="Where to write.  [default: RUN/evaluation/MODEL-on-FILE]",
)
@preset_option
@click.option(
    "--bootstrap",
    type=click.IntRange(0, 10_000),
    default=200,
    show_default=True,
    help="Resamples for the intervals; 0 leaves them out.",
)
@click.option(
    "--robustness",
    type=click.IntRange(0),
    default=300,
    show_default=True,
    help="Rows with and without a label to disguise in every way (slow); 0 leaves it out.",
)
def evaluate(
    experiment: Experiment,
    run: Path,
    model: Path,
    file: Path,
    out: Path | None,
    preset: PresetName,
    bootstrap: int,
    robustness: int,
) -> Path:
    """Measure a model on labelled rows, with the columns that the experiment names.

    Writes evaluation.json, evaluation.md and the pictures that it shows. MODEL is the folder's
    name, or the run's name for the folder "model" of a run.
    """
    from training import report
    from training.data import read
    from training.evaluate import evaluate as measure_model
    from training.kept import UNFINISHED, until_done
    from training.trained_on import seen_by

    rows, left_out = read(experiment.rows.model_copy(update={"file": file, "hub": None}))
    seen = seen_by(model, rows.texts, run)
    warning = None if seen is None else seen.warning
    if warning is not None:
        _warn(warning)
    folder = out or run / "evaluation" / f"{called(model)}-on-{file.stem}"
    with until_done(folder / UNFINISHED) as unfinished:
        found = measure_model(
            model,
            rows,
            preset=preset,
            resamples=bootstrap,
            disguised=robustness,
            seed=experiment.seed,
            unfinished=unfinished,
        )
        about = {
            "model": str(model),
            "rows": {
                "file": str(file),
                "used": len(rows),
                "left_out": len(left_out),
                "trained_on": None if seen is None else seen.count,
            },
            "bootstrap": bootstrap,
            "seed": experiment.seed,
        }
        title = f"{called(model)} on {file.name}"
        page = report.write(folder, title, about, found, warning)
    click.echo(page)
    return folder


@click.command()
@experiment_options
@click.option(
    "--most",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="Rows in each list of the highest and of the lowest loss.",
)
def errors(experiment: Experiment, run: Path, most: int) -> Path:
    """List the validation rows that the model finds hardest and easiest, and likely wrong labels.

    Writes RUN/errors/errors.csv and RUN/errors/errors.html.
    """
    runs.check_same(experiment, run)
    from training import errors as reading
    from training.trained_on import seen_by

    rows = runs.validation(run)
    seen = seen_by(run / runs.CHECKPOINT, rows.texts, run)
    warning = None if seen is None else seen.warning
    if warning is not None:
        _warn(warning)
    logits, _ = reading.read_logits(run, rows)
    judged = reading.judge(logits, rows, reading.read_calibration(run))
    findings, folder = reading.find(judged, rows, most), run / "errors"
    title = experiment.artifact.model_version
    for path in reading.write(folder, title, findings, judged, warning):
        click.echo(path)
    return folder


@click.command()
@model_option
@preset_option
@click.option(
    "--suite",
    "files",
    type=FILE,
    multiple=True,
    help="A suite's TOML file; may be repeated.  [default: all in training/suites]",
)
@click.option("--out", type=OUT_FOLDER, help="Where to write.  [default: runs/suites/MODEL]")
def suite(model: Path, preset: PresetName, files: tuple[Path, ...], out: Path | None) -> None:
    """Measure what a model can tell apart, function by function, on suites of short cases."""
    from training import suites

    folder = out or Path("runs") / "suites" / called(model)
    used = files or suites.DEFAULT_SUITES
    with told():
        check_writable(folder, folder=True)
        pages = suites.run_files(model, preset, used, folder)
    runs.record(folder, "suite", {"model": model, "preset": preset, "suite": used})
    for page in pages:
        click.echo(page.read_text(encoding="utf-8"))


def _warn(warning: str) -> None:
    click.secho(f"Warning: {warning}.", err=True, fg="yellow", bold=True)
