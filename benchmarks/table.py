"""Rows of figures beside their targets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from training.markdown import in_cell, table_of


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes
    ----------
    met
        Whether the target was reached; None where there is none.
    """

    what: str
    found: str
    target: str = ""
    met: bool | None = None


_VERDICTS = {True: "yes", False: "**no**", None: ""}


def rows_of(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    return table_of(
        ("what", "measured", "target", "met"),
        [
            [in_cell(cell) for cell in (row.what, row.found, row.target)] + [_VERDICTS[row.met]]
            for row in rows
        ],
    )


def at_least(what: str, value: float, found: str, least: float, unit: str = "×") -> Row:
    """A figure that should be high."""
    return Row(what, found, f"≥ {least:g} {unit}", value >= least)


def at_most(what: str, value: float, found: str, most: float, unit: str) -> Row:
    """A figure that should be low."""
    return Row(what, found, f"≤ {most:g} {unit}", value <= most)
