"""The trainer's command line: ``python -m training …``."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from training.config import Experiment, load


@click.group()
def main() -> None:
    """Train, measure and export six-label toxicity models."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")


@main.command()
@click.option("--config", type=click.Path(path_type=Path), required=True)
@click.option("--set", "overrides", multiple=True, metavar="section.key=value")
@click.option("--run", "directory", type=click.Path(path_type=Path))
@click.option("--resume", is_flag=True)
def train(config: Path, overrides: tuple[str, ...], directory: Path | None, resume: bool) -> None:
    from training.train import run

    experiment = load(config, overrides)
    run(experiment, directory or Path("runs") / experiment.name, resume=resume)


if __name__ == "__main__":
    main()
