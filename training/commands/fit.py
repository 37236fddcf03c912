"""Learning: the fine-tuned model, what it has to beat, and what it teaches others."""

from __future__ import annotations

import math
from pathlib import Path

import click

from training import runs
from training.commands.options import FOLDER, OUT_FILE, experiment_options
from training.config import Experiment


@click.command()
@experiment_options
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint.")
def pretrain(experiment: Experiment, run: Path, resume: bool) -> None:
    """Let the base checkpoint guess masked words of the training texts, into RUN/pretrained/model.

    The section [pretraining] says how. To go on from there: train --set
    base.checkpoint=RUN/pretrained/model
    """
    from training import first_look

    first_look.look_at_texts(experiment)  # before what takes seconds to import
    from training import pretrain as pretraining

    # It writes the settings itself, before it begins.
    click.echo(pretraining.run(experiment, run, resume=resume))


@click.command()
@experiment_options
@click.option("--resume", is_flag=True, help="Go on from the run's newest checkpoint.")
@click.option(
    "--max-train-samples",
    "count",
    type=click.IntRange(min=20),
    metavar="N",
    help="Train on about N rows; the validation rows come on top. Sets rows.max_samples, so the "
    "commands that follow take --config RUN/experiment.json.",
)
def train(experiment: Experiment, run: Path, resume: bool, count: int | None) -> None:
    """Fine-tune the base checkpoint into RUN/model."""
    from training import first_look

    first_look.look(experiment)  # before what takes seconds to import
    from training import train as trainer

    if count is not None:
        both = math.ceil(count / (1 - experiment.rows.validation_share))
        rows = experiment.rows.model_copy(update={"max_samples": both})
        experiment = experiment.model_copy(update={"rows": rows})
    # It writes RUN/experiment.json itself, before it begins.
    click.echo(trainer.run(experiment, run, resume=resume))


@click.command()
@experiment_options
@click.option(
    "--model",
    type=FOLDER,
    help="Let this checkpoint or model directory answer instead of RUN/model; then there need be "
    "no run. Of a model directory, `restore` makes a checkpoint, which answers without an early "
    "exit.",
)
@click.option("--to", type=OUT_FILE, help="The file to write.  [default: RUN/teacher.npz]")
def teach(experiment: Experiment, run: Path, model: Path | None, to: Path | None) -> Path:
    """Let a trained model answer for all rows, for a student's distillation.teachers."""
    from training import teachers

    path = to or run / runs.TEACHER
    path.parent.mkdir(parents=True, exist_ok=True)
    teachers.teach(experiment, run, path, model)
    click.echo(path)
    return path.parent


@click.command()
@experiment_options
@click.option(
    "--only",
    metavar="NAME[,NAME]",
    help="Of majority, tfidf and frozen, measure these.  [default: all three]",
)
@click.option(
    "--out-of-fold",
    "folds",
    type=click.IntRange(2, 100),
    metavar="FOLDS",
    help="Also predict each training row by the TF-IDF model of the other folds, to distil from.",
)
@click.option(
    "--features",
    type=click.IntRange(100, 10_000_000),
    default=60_000,
    show_default=True,
    help="TF-IDF: the most words that are counted, and as many pieces of words.",
)
@click.option(
    "--strength",
    type=click.FloatRange(0.0, min_open=True),
    default=2.0,
    show_default=True,
    help="TF-IDF: the inverse of the regularisation (C).",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Labels that are fitted at the same time; each takes memory.",
)
def baseline(
    experiment: Experiment,
    run: Path,
    only: str | None,
    folds: int | None,
    features: int,
    strength: float,
    jobs: int,
) -> Path:
    """Measure what needs no fine-tuning on the run's rows, beside the fine-tuned model.

    Writes RUN/baselines: one table, as Markdown and JSON, and each baseline's logits. What lies
    there already from the same rows and settings is not computed again.
    """
    from training import baseline as baselines
    from training.linear import Linear

    kinds = baselines.named(only.split(",")) if only is not None else baselines.KINDS
    recipe = Linear(features=features, strength=strength)
    click.echo(baselines.run(experiment, run, only=kinds, folds=folds, recipe=recipe, jobs=jobs))
    return run / baselines.FOLDER
