"""What was measured, as Markdown, and its place between the hand-written parts of a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from benchmarks.figures import BenchmarkError
from benchmarks.machine import Machine
from benchmarks.table import Row, rows_of

MOST_BY_OTHERS = 0.05  # of the processor; more spoils a measurement
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


class Found(Protocol):
    """What a measurement gives."""

    def rows(self) -> Iterator[Row]:
        """Its lines of the table of targets."""
        ...


@runtime_checkable
class Explained(Protocol):
    """A measurement with more to say than rows."""

    def sections(self) -> Iterator[str]:
        """Pieces of Markdown."""
        ...


@runtime_checkable
class Drawn(Protocol):
    """A measurement with pictures."""

    def draw(self, folder: Path) -> None:
        """Write them."""
        ...


def page(found: Mapping[str, Found], machine: Machine, command: str, by_others: float = 0.0) -> str:
    """Everything that was measured.

    Parameters
    ----------
    found
        By the measurement's name, in the order of the page.
    command
        What to type to measure it again.
    by_others
        Share of the processor that other programs took at the worst; not a number if not known.
    """
    rows = [row for one in found.values() for row in one.rows()]
    parts = [
        f"Measured with `{command}` on: {machine.text()}",
        *([rows_of(rows), verdict(rows)] if rows else []),
    ]
    if by_others > MOST_BY_OTHERS:
        parts.append(
            f"**Other programs took up to {by_others:.0%} of the processor meanwhile. Measure "
            "again when nothing else runs.**"
        )
    for one in found.values():
        if isinstance(one, Explained):
            parts += one.sections()
    return "\n\n".join(parts) + "\n"


def verdict(rows: Iterable[Row]) -> str:
    """How many targets were reached."""
    judged = [row.met for row in rows if row.met is not None]
    if not judged:
        return "No targets are set for these."
    return f"{sum(judged)} of {len(judged)} targets are met."


def renewed(
    text: str, measured: str, name: str = "the page", marks: tuple[str, str] = (BEGIN, END)
) -> str:
    """A page with new figures between its marks; everything else stays.

    Raises
    ------
    BenchmarkError
        The page does not have both marks, once each and in order.
    """
    before, after = marks
    begin, end = text.find(before), text.find(after)
    if text.count(before) != 1 or text.count(after) != 1 or begin > end:
        raise BenchmarkError(
            f"{name}: the figures go between the lines {before} and {after}; "
            "write both into it, once each"
        )
    return f"{text[: begin + len(before)]}\n\n{measured.strip()}\n\n{text[end:]}"
