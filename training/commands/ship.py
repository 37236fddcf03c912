"""Shipping: from a trained run to the directory that the bot loads, and to the hub."""

from __future__ import annotations

from pathlib import Path

import click

from training.commands.options import FOLDER, OUT_FOLDER, experiment_options, told
from training.config import Experiment


@click.command()
@experiment_options
def calibrate(experiment: Experiment, run: Path) -> Path:
    """Quantise RUN/model, fit its probabilities and choose the presets on RUN/validation.parquet.

    The int8 graph is what ships, so its logits are what is calibrated.
    """
    from training.calibrate_run import calibrate_run

    found = calibrate_run(experiment, run)
    for label, before in found.error_before.items():
        after = found.error_after[label]
        click.echo(f"calibration error {label:14} {before:.4f} before, {after:.4f} after")
    for name, rules in found.presets.items():
        for label, chosen in rules.items():
            rule = chosen.rule
            note = (
                ""
                if chosen.reached
                else "  (not measured on enough rows: the threshold is the target)"
            )
            click.echo(
                f"{name:9} {label:14} {rule.threshold:.2f}  precision {rule.precision} "
                f"recall {rule.recall}  aimed at {chosen.target}{note}"
            )
    return run


@click.command()
@experiment_options
@click.option("--to", "destination", type=OUT_FOLDER, required=True, help="The model directory.")
@click.option("--replace", is_flag=True, help="Also over another model, which is then lost.")
def export(experiment: Experiment, run: Path, destination: Path, replace: bool) -> Path:
    """Write the model directory from what `train` and `calibrate` left in RUN."""
    from training.export import export_run

    export_run(experiment, run, destination, replace_other=replace)
    click.echo(destination)
    return run  # the model directory holds what the bot needs, and nothing else


@click.command()
@click.option("--model", type=FOLDER, required=True, help="The model directory.")
@click.option("--to", "checkpoint", type=OUT_FOLDER, required=True, help="The checkpoint's folder.")
def restore(model: Path, checkpoint: Path) -> None:
    """Make a checkpoint of a model directory, to train on from it: see base.checkpoint."""
    from training import restored

    with told():
        restored.restore(model, checkpoint)
    click.echo(checkpoint)


@click.command()
@experiment_options
@click.option("--repo", required=True, metavar="USER/NAME", help="The repository on the hub.")
@click.option(
    "--model",
    type=FOLDER,
    required=True,
    help="The model directory that `export` wrote from this run.",
)
@click.option("--private", is_flag=True, help="Only you and those you name may see it.")
@click.option("--license", "licence", help="The licence, where the card's YAML block names none.")
@click.option("--revision", metavar="BRANCH", help="Made if it is missing.  [default: main]")
@click.option("--dry-run", is_flag=True, help="List what would be sent; contact nobody.")
def push(
    experiment: Experiment,
    run: Path,
    repo: str,
    model: Path,
    private: bool,
    licence: str | None,
    revision: str | None,
    dry_run: bool,
) -> Path | None:
    """Send the checkpoint, the model directory and the card to the Hugging Face hub in one commit.

    The token is read from HF_TOKEN; HF_ENDPOINT names another hub.
    """
    from training import push as pushing

    pushing.check_repo(repo)
    sendings = pushing.plan(experiment, run, model, licence)
    if dry_run:
        click.echo(pushing.listing(sendings))
        return None
    message = f"{experiment.artifact.model_version}: checkpoint, ONNX and model card"
    click.echo(pushing.push(sendings, repo, message, private=private, revision=revision))
    return run
