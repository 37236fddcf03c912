"""Which library runs the network best: ``python -m benchmarks.backends``.

The network that ships, in all forms and settings that a bot could use, on one machine in one run.
The sides take turns, each in a process of its own. Nothing else should run meanwhile.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import click

from benchmarks import backend_turns as turns
from benchmarks.backend_sides import Network
from benchmarks.figures import BenchmarkError
from benchmarks.machine import Machine, each_alone, this_machine
from benchmarks.report import Found, page, renewed

MARKS = ("<!-- backends: begin -->", "<!-- backends: end -->")

MEASUREMENTS: dict[str, Callable[[turns.Stage], Found]] = {
    "speed": turns.measure_speed,
    "memory": turns.measure_memory,
    "threads": turns.measure_threads,
    "switches": turns.measure_switches,
    "instructions": turns.measure_instructions,
    "scores": turns.measure_scores,
}


def measure(
    names: list[str],
    effort: turns.Effort,
    network: Network,
    tell: Callable[[str], None] = lambda line: None,
) -> tuple[dict[str, Found], dict[str, float]]:
    """Make some of `MEASUREMENTS`; see `each_alone`.

    Raises
    ------
    BenchmarkError
        One of them cannot be made here.
    """
    # Here and not above: every measured process imports this program too.
    from benchmarks.backend_graphs import make_forms

    with tempfile.TemporaryDirectory() as folder:
        forms = make_forms(network, Path(folder))
        not_compiled = turns.why_not_compiled(forms, network, effort)
        if not_compiled:
            tell(not_compiled)
        stage = turns.Stage(forms, network, effort, not_compiled)
        return each_alone(names, lambda name: MEASUREMENTS[name](stage), tell)


def as_json(
    found: Mapping[str, Found], machine: Machine, effort: turns.Effort, shares: Mapping[str, float]
) -> str:
    """Every measured value."""
    values = {
        "machine": asdict(machine),
        "effort": asdict(effort),
        "measured": {name: _plain(asdict(cast(Any, one))) for name, one in found.items()},
        "taken_by_others": dict(shares),
    }
    return json.dumps(values, indent=1) + "\n"


def _plain(value: Any) -> Any:
    """Without the folder of the moment, which says nothing to anybody."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if key != "path"}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


@click.command()
@click.option("--quick", is_flag=True, help="Fewer turns, to see that it works.")
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
    help="Renew the figures of this page.",
)
@click.option("--json", "record", type=click.Path(path_type=Path), help="Also write this file.")
def main(quick: bool, only: tuple[str, ...], target: Path | None, record: Path | None) -> None:
    """Run the network in ONNX Runtime, OpenVINO and PyTorch, side by side."""
    if target is not None and only:
        raise click.UsageError("--write needs all measurements; leave --only out.")
    effort = turns.QUICK if quick else turns.FULL
    command = "python -m benchmarks.backends" + (" --quick" if quick else "")
    names = [name for name in MEASUREMENTS if not only or name in only]
    machine = this_machine()
    try:
        if target is not None:
            renewed(target.read_text(encoding="utf-8"), "", str(target), MARKS)  # before the work
        found, shares = measure(
            names, effort, turns.NETWORK, lambda line: click.echo(line, err=True)
        )
        text = page(found, machine, command, max(shares.values()))
        click.echo(text, nl=False)
        if record is not None:
            record.write_text(as_json(found, machine, effort, shares), encoding="utf-8")
        if target is not None:
            before = target.read_text(encoding="utf-8")
            target.write_text(renewed(before, text, str(target), MARKS), encoding="utf-8")
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.backends")
