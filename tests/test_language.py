"""The language at hand: chosen by locale, kept by tasks, and forgotten with its block."""

import asyncio

import pytest

from bot.labels import Label
from bot.language import catalogue, language_of, languages, number, speaking, thousands, tr, trn


def test_english_stands_in_the_source() -> None:
    assert languages() == ("en", "de")
    assert tr("Nobody has translated this.") == "Nobody has translated this."
    assert tr("{name} has {braces}.", name="Ada", braces="{}") == "Ada has {}."
    assert tr("Without values {braces} stay.") == "Without values {braces} stay."
    assert trn("one flag", "{count:,} flags", 1) == "one flag"
    assert trn("one flag", "{count:,} flags", 1234) == "1,234 flags"
    assert number(1234.5, ",.1f") == "1,234.5"
    assert thousands() == ","


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de", "de"), ("de-AT", "de"), ("en-GB", "en"), ("fr", "en"), ("", "en"), (None, "en")],
)
def test_a_locale_without_a_catalogue_is_spoken_to_in_english(
    locale: str | None, language: str
) -> None:
    assert language_of(locale) == language


def test_only_catalogues_are_read_as_languages() -> None:
    assert catalogue("../../etc/passwd").gettext("This stays.") == "This stays."


def test_german_numbers_have_a_comma_and_scores_a_point() -> None:
    with speaking("de"):
        assert number(1234.5, ",.1f") == "1.234,5"
        assert thousands() == "."
        assert trn("{count:,} thing", "{count:,} things", 5678) == "5.678 things"
        assert tr("from {score:.2f} on", score=0.5) == "from 0.50 on"


async def test_a_task_keeps_the_language_it_was_begun_in() -> None:
    async def label() -> str:
        await asyncio.sleep(0)
        return Label.THREAT.caption

    with speaking("de"):
        german = asyncio.create_task(label())
    english = asyncio.create_task(label())
    assert await german == "Drohung"
    assert await english == "Threat"
