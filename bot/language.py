"""The language in which people are spoken to.

English sentences stand in the code, inside `tr` and `trn`; the catalogues in ``bot/locales`` give
their translations. The language belongs to the task at hand (a context variable), so that no
function needs to hand it on: it is set once where an interaction or an event comes in, and again
where one task speaks to several people or servers. How to add one: ``docs/extending.md``.
"""

from __future__ import annotations

import contextlib
import functools
import gettext
import io
import string
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

ENGLISH = "en"
CATALOGUES = Path(__file__).parent / "locales"

_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


@functools.cache
def languages() -> tuple[str, ...]:
    """The languages there are, as Discord writes them: English and one for each catalogue."""
    return (ENGLISH, *sorted(path.stem for path in CATALOGUES.glob("*.po")))


@functools.lru_cache(maxsize=64)  # asked for each text of each command in each of Discord's locales
def language_of(locale: str | None) -> str:
    """The language to speak to somebody whose Discord has this locale: English if in doubt."""
    if locale in languages():
        return str(locale)
    plain = str(locale).partition("-")[0]
    return plain if plain in languages() else ENGLISH


@functools.cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The translations into a language; for English, and for one there is not, none.

    Read from the file once, which takes some hundredths of a second.
    """
    path = CATALOGUES / f"{language}.po"
    if language == ENGLISH or language not in languages():
        return gettext.NullTranslations()
    # Only here: nothing else of the running bot needs Babel.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@functools.cache
def language_name(language: str) -> str:
    """What those who speak a language call it: ``Deutsch``."""
    from babel import Locale, UnknownLocaleError

    try:
        name = Locale.parse(language, sep="-").get_display_name(language.replace("-", "_"))
    except UnknownLocaleError:
        name = None
    return language if name is None else name[:1].upper() + name[1:]


@contextlib.contextmanager
def speaking(locale: str | None) -> Iterator[None]:
    """Speak the language of this locale until the block ends, and in tasks begun inside of it."""
    token = _language.set(language_of(locale))
    try:
        yield
    finally:
        _language.reset(token)


def spoken() -> str:
    """The language at hand."""
    return _language.get()


def is_english() -> bool:
    """Whether the language of the moment is the one that the code is written in."""
    return _language.get() == ENGLISH


def tr(sentence: str, /, **values: object) -> str:
    """A sentence in the language at hand.

    Parameters
    ----------
    sentence
        English, as a literal (the catalogue is gathered from the source), with ``{names}`` where
        values belong.
    values
        What the names stand for. Without any, the sentence is taken as it is, braces included.
    """
    language = _language.get()
    found = catalogue(language).gettext(sentence)
    return _format(language, found, values) if values else found


def trn(one: str, many: str, count: int, /, **values: object) -> str:
    """A sentence whose form depends on a number, which it may name as ``{count}``."""
    language = _language.get()
    found = catalogue(language).ngettext(one, many, count)
    return _format(language, found, {"count": count, **values})


def number(value: float, form: str = ",") -> str:
    """A number as the language at hand writes it: ``12,345.6`` in English, ``12.345,6`` in German.

    Parameters
    ----------
    form
        As `format` takes it.
    """
    return str(_FORMATS.get(_language.get(), _PLAIN).format_field(value, form))


def thousands() -> str:
    """What keeps thousands apart in the language at hand."""
    return number(1_000).removeprefix("1").removesuffix("000")


class _CommaDecimals(string.Formatter):
    """Writes numbers whose thousands are kept apart as most of Europe does.

    Scores and thresholds keep their point, since that is how they are typed.
    """

    def format_field(self, value: object, format_spec: str) -> str:
        written = str(super().format_field(value, format_spec))
        if "," in format_spec:
            return written.translate(_SWAPPED)
        return written


_SWAPPED = str.maketrans(",.", ".,")
_PLAIN = string.Formatter()
_FORMATS: dict[str, string.Formatter] = {"de": _CommaDecimals()}


def _format(language: str, sentence: str, values: dict[str, object]) -> str:
    return _FORMATS.get(language, _PLAIN).vformat(sentence, (), values)
