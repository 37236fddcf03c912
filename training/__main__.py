"""The trainer's command line: ``python -m training …``.

Every command but `restore` and `suite` takes an experiment's file, with overrides, and works in
its run directory.
"""

from __future__ import annotations

import logging
from typing import Any

import click

from training.commands import fit, measure, rows, ship


class InOrder(click.Group):
    """Lists its commands as they were added: in the order in which they are used. What they need
    and is not installed is told in a sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package in ("", "bot", "training"):
                raise
            # The bot does without most of what the trainer needs.
            raise click.ClickException(
                f"the package {package} is not installed; the trainer needs what `pip install -c "
                "constraints.txt -e '.[training]'` installs"
            ) from None


@click.group(cls=InOrder)
def main() -> None:
    """Train, measure and export six-label toxicity models."""
    # The quantiser tells the root logger about every tensor.
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("training").setLevel(logging.INFO)


for command in (
    rows.inspect,
    fit.baseline,
    fit.pretrain,
    fit.train,
    fit.teach,
    ship.calibrate,
    measure.evaluate,
    measure.compare,
    measure.errors,
    measure.suite,
    ship.export,
    ship.restore,
    ship.push,
    rows.words,
    rows.strong_words,
):
    main.add_command(command)


if __name__ == "__main__":
    main(prog_name="python -m training")
