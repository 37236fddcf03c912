"""How far work on the texts of a file is, shown on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tqdm import tqdm

FEW = 1_000
"""Texts from which on there is a bar: fewer are done before it could be read."""


def each(texts: Sequence[str], what: str) -> Iterable[str]:
    """The texts one by one; on a terminal a bar named ``what`` shows how far they are."""
    # disable=None: no bar where standard error is a file
    hidden = True if len(texts) < FEW else None
    bar: Iterable[str] = tqdm(texts, desc=what, unit="text", disable=hidden, leave=False)
    return bar
