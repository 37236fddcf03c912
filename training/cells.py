"""What stands in the cells of an evaluation's tables, and the pictures between them."""

from __future__ import annotations

import math

from training.bootstrap import Interval, Share


def figure(value: float | None, interval: Interval | None = None, *, digits: int = 4) -> str:
    """A figure, with its interval in brackets where there is one; a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    bounds = f" ({interval[0]:.{digits}f}–{interval[1]:.{digits}f})" if interval else ""
    return f"{value:.{digits}f}{bounds}"


def share(one: Share) -> str:
    """How many of how many, and in percent."""
    return f"{one.count:,} of {one.of:,}" + (
        f" ({100 * one.share:.1f}%)" if one.share is not None else ""
    )


def number(count: int | None) -> str:
    """A count; nothing for none."""
    return "" if count is None else f"{count:,}"


def worded(name: str) -> str:
    """A name of the code in words."""
    return name.replace("_", " ")


def picture(caption: str, file: str) -> str:
    """A picture that lies beside the page."""
    return f"![{caption}]({file})"
