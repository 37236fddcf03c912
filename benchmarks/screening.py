"""How fast screening is, beside the usual recipe: ``python -m benchmarks.screening``.

One run measures everything that the bot promises, on one machine, with the same messages. Nothing
else should run meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import click

from benchmarks import chat, crowd, growth, peak, processes, sides, wire
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.figures import BenchmarkError
from benchmarks.machine import Machine, each_alone, this_machine
from benchmarks.report import Drawn, Found, page, renewed

PICTURES = "pictures"  # the folder beside a page

Measurement = Callable[[Sequence[str], Effort], Found]

MEASUREMENTS: dict[str, Measurement] = {
    "sides": sides.measure,
    "tail": crowd.measure_tail,
    "raid": lambda texts, effort: crowd.measure_raid(texts, effort, effort.raid_s),
    "fast-raid": lambda texts, effort: crowd.measure_raid(texts, effort, effort.fast_raid_s),
    "memory": processes.measure_memory,
    "start": lambda texts, effort: processes.measure_starts(effort),
    "peak": lambda texts, effort: peak.measure(texts, effort.turns),
    "growth": growth.measure,
    "wire": lambda texts, effort: wire.measure(effort),
}


def measure(
    names: Sequence[str], effort: Effort, tell: Callable[[str], None] = lambda line: None
) -> tuple[dict[str, Found], dict[str, float]]:
    """Make some of `MEASUREMENTS`; see `each_alone`.

    Raises
    ------
    BenchmarkError
        One of them cannot be made here.
    """
    texts = chat.messages(effort.lines)
    return each_alone(names, lambda name: MEASUREMENTS[name](texts, effort), tell)


def as_json(found: dict[str, Found], machine: Machine, effort: Effort) -> dict[str, Any]:
    """Every measured value, as plain values."""
    return {
        "machine": asdict(machine),
        "effort": asdict(effort),
        "rows": [asdict(row) for one in found.values() for row in one.rows()],
        "measured": {name: asdict(cast(Any, one)) for name, one in found.items()},
    }


@click.command()
@click.option("--quick", is_flag=True, help="Fewer turns and draws, to see that it works.")
@click.option(
    "--only",
    type=click.Choice(tuple(MEASUREMENTS)),
    multiple=True,
    help="Measure only this; may be repeated.",
)
@click.option(
    "--write",
    "target",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=f"Renew the figures of this page, and its pictures in {PICTURES}/ beside it.",
)
@click.option("--json", "record", type=click.Path(path_type=Path), help="Also write this file.")
def main(quick: bool, only: tuple[str, ...], target: Path | None, record: Path | None) -> None:
    """Measure the engine beside the recipe, and compare with what it must reach."""
    if target is not None and only:
        raise click.UsageError("--write needs all measurements; leave --only out.")
    effort = QUICK if quick else FULL
    command = "python -m benchmarks.screening" + (" --quick" if quick else "")
    names = [name for name in MEASUREMENTS if not only or name in only]
    machine = this_machine()
    try:
        if target is not None:
            renewed(target.read_text(encoding="utf-8"), "", str(target))  # before the long part
        found, shares = measure(names, effort, lambda line: click.echo(line, err=True))
        text = page(found, machine, command, max(shares.values()))
        click.echo(text, nl=False)
        if record is not None:
            values = as_json(found, machine, effort) | {"taken_by_others": shares}
            record.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
        if target is not None:
            write(target, found, text)
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from None


def write(target: Path, found: dict[str, Found], text: str) -> None:
    """Renew a page's figures, and the pictures beside it."""
    folder = target.parent / PICTURES
    folder.mkdir(exist_ok=True)
    for one in found.values():
        if isinstance(one, Drawn):
            one.draw(folder)
    before = target.read_text(encoding="utf-8")
    target.write_text(renewed(before, text, str(target)), encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.screening")
