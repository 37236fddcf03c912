"""The trainer's command line: ``python -m training …``.

Every command takes an experiment's file, with overrides, and works in its run directory.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from bot.screening.artifact import ArtifactError
from training.config import ConfigError, Experiment, Rows, TrainingError, load

# The heavy imports are inside the commands: a wrong setting is told in a blink.

ANY_PATH = click.Path(path_type=Path)
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
LOGITS = "validation_logits.npy"
INT8_LOGITS = "validation_logits.int8.npy"
CALIBRATION = "calibration.json"
QUANTISED = "int8"


@click.group()
def main() -> None:
    """Train, measure and export six-label toxicity models."""
    # The quantiser tells the root logger about every tensor.
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("training").setLevel(logging.INFO)


def experiment_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command ``--config``, ``--set`` and ``--run``; hand it the experiment and folder."""

    @click.option("--config", type=FILE, required=True, help="The experiment's TOML file.")
    @click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="SECTION.KEY=VALUE",
        help="Override a setting; may be repeated.",
    )
    @click.option("--run", type=ANY_PATH, help="The run directory.  [default: runs/NAME]")
    @functools.wraps(command)
    def wrapped(config: Path, overrides: tuple[str, ...], run: Path | None, **options: Any) -> None:
        try:
            experiment = load(config, overrides)
            command(experiment, run or Path("runs") / experiment.name, **options)
        except (TrainingError, ArtifactError) as error:
            raise click.ClickException(str(error)) from None

    return wrapped


@main.command()
@experiment_options
@click.option("--resume", is_flag=True, help="Go on from the run's newest checkpoint.")
def train(experiment: Experiment, run: Path, resume: bool) -> None:
    """Fine-tune the base checkpoint into RUN/model."""
    from training import train as trainer

    click.echo(trainer.run(experiment, run, resume=resume))


@main.command()
@experiment_options
def calibrate(experiment: Experiment, run: Path) -> None:
    """Quantise RUN/model, fit its probabilities and choose the presets on RUN/validation.parquet.

    The int8 graph is what ships, so its logits are what is calibrated.
    """
    from bot.screening.model import load_model
    from training import calibrate as calibration
    from training.quantise import quantise_checkpoint

    rows, trained, quantised = _validation(run), _made(run / "model"), run / QUANTISED
    quantise_checkpoint(experiment, trained, quantised)
    logits = load_model(str(quantised.resolve())).logits(rows.texts)
    np.save(run / INT8_LOGITS, logits)
    found = calibration.calibrate(logits, rows, experiment.presets)
    calibration.write(run / CALIBRATION, found)
    for name, rules in found.presets.items():
        for label, chosen in rules.items():
            rule = chosen.rule
            note = "" if chosen.reached else "  (not reached: the threshold is the target)"
            click.echo(
                f"{name:9} {label:14} {rule.threshold:.2f}  precision {rule.precision} "
                f"recall {rule.recall}  aimed at {chosen.target}{note}"
            )


@main.command()
@experiment_options
@click.option("--to", "destination", type=ANY_PATH, required=True, help="The model directory.")
def export(experiment: Experiment, run: Path, destination: Path) -> None:
    """Write the model directory from what `train` and `calibrate` left in RUN."""
    from training import calibrate as calibration
    from training import export as exporter

    rows = _validation(run)
    found = calibration.load(_made(run / CALIBRATION))
    scored = exporter.Scored(
        fp32=np.load(_made(run / LOGITS)), int8=np.load(_made(run / INT8_LOGITS))
    )
    quantised = _made(run / QUANTISED)
    exporter.export(experiment.artifact, quantised, rows, scored, found, destination)
    click.echo(destination)


@main.command()
@experiment_options
@click.option("--model", type=FOLDER, required=True, help="A checkpoint or a model directory.")
@click.option("--rows", "file", type=FILE, required=True, help="A labelled CSV or Parquet file.")
@click.option("--out", type=ANY_PATH, help="Where to write.  [default: RUN/evaluation]")
def evaluate(experiment: Experiment, run: Path, model: Path, file: Path, out: Path | None) -> None:
    """Measure a model on labelled rows, with the columns that the experiment names."""
    from training.data import read
    from training.evaluate import evaluate as measure_model
    from training.evaluate import markdown

    rows, left_out = read(experiment.rows.model_copy(update={"file": file}))
    figures, tables = measure_model(model, rows)
    out = out or run / "evaluation"
    out.mkdir(parents=True, exist_ok=True)
    report = {
        "model": str(model),
        "rows": {"file": str(file), "used": len(rows), "left_out": len(left_out)},
        "figures": figures,
        "thresholds": tables,
    }
    (out / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    page = markdown(f"{model.name} on {file.name}", figures, tables)
    (out / "evaluation.md").write_text(page, encoding="utf-8")
    click.echo(page)


def _validation(run: Path) -> Any:
    from training.data import read

    kept = Rows(file=_made(run / "validation.parquet"), weight_column="weight")
    return read(kept)[0]


def _made(path: Path) -> Path:
    if not path.exists():
        raise ConfigError(f"{path} is missing; run the step before this one first")
    return path


if __name__ == "__main__":
    main(prog_name="python -m training")
