"""The language in which people are spoken to.

English sentences stand in the code, inside `tr` and `trn`; a catalogue gives their translations.
The language belongs to the task at hand (a context variable), so that no function needs to hand it
on: it is set once where an interaction or an event comes in.
"""

from __future__ import annotations

import contextlib
import gettext
from collections.abc import Iterator
from contextvars import ContextVar

ENGLISH = "en"

_catalogue: ContextVar[gettext.NullTranslations | None] = ContextVar("catalogue", default=None)


def tr(sentence: str, /, **values: object) -> str:
    """A sentence in the language at hand.

    Parameters
    ----------
    sentence
        English, as a literal (the catalogue is gathered from the source), with ``{names}`` where
        values belong.
    values
        What the names stand for.
    """
    catalogue = _catalogue.get()
    found = sentence if catalogue is None else catalogue.gettext(sentence)
    return found.format(**values) if values else found


def trn(one: str, many: str, count: int, /, **values: object) -> str:
    """A sentence whose form depends on a number, which it may name as ``{count}``."""
    catalogue = _catalogue.get()
    if catalogue is None:
        found = one if count == 1 else many
    else:
        found = catalogue.ngettext(one, many, count)
    return found.format(count=count, **values)


@contextlib.contextmanager
def speaking(catalogue: gettext.NullTranslations | None) -> Iterator[None]:
    """Use this catalogue, or English, until the block ends."""
    token = _catalogue.set(catalogue)
    try:
        yield
    finally:
        _catalogue.reset(token)
