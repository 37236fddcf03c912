"""Looking at the rows before anything is learnt from them."""

from __future__ import annotations

from pathlib import Path

import click

from training.commands.options import OUT_FOLDER, experiment_options
from training.config import Experiment


@click.command()
@experiment_options
@click.option("--out", type=OUT_FOLDER, help="Where to write.  [default: RUN/inspection]")
def inspect(experiment: Experiment, run: Path, out: Path | None) -> Path:
    """Look at the rows before training: labels, lengths, repeated and contradicting texts."""
    from training import inspect as inspection
    from training import inspect_report

    folder = out or run / "inspection"
    click.echo(inspect_report.write(inspection.inspect(experiment), experiment, folder))
    return folder
