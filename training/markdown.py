"""Pieces of Markdown that the reports share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_TICKS = re.compile("`+")


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str]], *, figures: bool = True) -> str:
    """A table; with ``figures`` all columns but the first are flush right."""
    ruler = "|---" + ("|---:" if figures else "|---") * (len(columns) - 1) + "|"
    head, *body = (f"| {' | '.join(line)} |" for line in (columns, *rows))
    return "\n".join([head, ruler, *body])


def in_cell(text: str) -> str:
    """A text without the sign that would end its cell of a table."""
    return text.replace("|", "¦")


def warned(warning: str) -> str:
    """A warning as a paragraph that nobody overlooks."""
    return f"> **Warning: {warning}.**"


def code(text: str) -> str:
    """A text as code on one line, whatever is in it; a line break shows as ⏎."""
    shown = "⏎".join(text.splitlines())
    if not shown:
        return "(empty)"
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(shown)), default=0))
    return f"{fence} {shown} {fence}" if len(fence) > 1 else f"`{shown}`"
