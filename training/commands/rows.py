"""Looking at the rows before anything is learnt from them."""

from __future__ import annotations

from pathlib import Path

import click

from training.commands.options import OUT_FILE, OUT_FOLDER, experiment_options
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


@click.command()
@experiment_options
@click.option("--to", "destination", type=OUT_FILE, required=True, help="The file to write.")
def words(experiment: Experiment, run: Path, destination: Path) -> None:
    """Count the normaliser's list of common words in the rows that are trained on.

    What ships in bot/screening/words.txt was made from the rows of minilm-chat.toml.
    """
    from training import origins, word_list
    from training.data import divided

    training_rows, _, _ = divided(experiment, origins.split_of(run))
    chosen = word_list.chosen(word_list.counted(training_rows.texts))
    destination.write_text(word_list.written(chosen), encoding="ascii")
    click.echo(f"{destination}: {len(chosen):,} words")
