"""What is said of a file of settings that cannot be taken: it has to arrive in any case."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.chat.settings_problems import in_sentences
from bot.language import speaking
from bot.storage.settings_file import BadFile, read


def told(changes: dict[str, Any]) -> str:
    with pytest.raises(BadFile) as caught:
        read(json.dumps({"hexward_settings": 1} | changes).encode())
    return in_sentences(caught.value)


@pytest.mark.parametrize("locale", ["en-US", "de"])
def test_however_much_is_wrong_it_fits_into_a_message(locale: str) -> None:
    names = ["x_" * 60 + str(number) for number in range(12)]
    with speaking(locale):
        text = told({"thresholds": dict.fromkeys(names, 0.5)})
    assert len(text) <= 2_000
    named = text.count("\n") - 1
    assert 3 <= named < 10
    assert str(12 - named) in text.splitlines()[-1]


def test_a_single_problem_is_all_that_is_said() -> None:
    assert len(told({"mode": "panic"}).splitlines()) == 2


@pytest.mark.parametrize(
    "changes", [{"notice": {"way": "dm", "text": "\ud800"}}, {"thresholds": {"\udfff": 0.5}}]
)
def test_halves_of_characters_can_be_told_of(changes: dict[str, Any]) -> None:
    assert told(changes).encode()
