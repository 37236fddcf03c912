"""The suites of the project: enough of both kinds, and nothing that training could have seen."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

import training
from training.suites import DEFAULT_SUITES, Suite, Templates, load_either
from training.written import _INTERJECTIONS, load


def test_the_shipped_suites_load_and_hold_both_kinds_of_cases() -> None:
    chat, controls, identity, groups, persons = map(load_either, DEFAULT_SUITES)
    assert isinstance(chat, Suite)
    assert isinstance(controls, Suite)
    assert isinstance(identity, Templates)
    assert len(chat.texts) >= 600
    assert min(len(function.texts) for function in chat.functions) >= 15
    assert 200 < sum(chat.abusive) < 400
    assert len(controls.texts) >= 150
    assert not any(controls.abusive)
    assert len(identity.bare_terms) >= 50
    for suite in (groups, persons):
        assert isinstance(suite, Suite)
        assert suite.blind
        assert len(suite.texts) >= 300
        assert 100 < sum(suite.abusive) < 200


def test_no_case_is_in_two_shipped_suites() -> None:
    counts = Counter(text.casefold() for text in _cases())
    assert [text for text, count in counts.items() if count > 1] == []


def test_no_case_can_come_from_the_chat_lines_of_training() -> None:
    """A case that a template can be filled to would measure what was learnt by heart."""
    written = _written_lines(Path(training.__file__).parent / "chat_lines")
    assert [text for text in _cases() if written.fullmatch(_letters_and_digits(text))] == []


def test_no_case_shares_seven_words_in_a_row_with_a_chat_line() -> None:
    """A case that is a chat line but for a word or two would tell little of other people's."""
    lines = load(Path(training.__file__).parent / "chat_lines", most_per_template=8, seed=17)
    written = {row for line in lines for row in _rows_of_words(line.text)}
    assert [text for text in _cases() if written & set(_rows_of_words(text))] == []


@pytest.mark.parametrize(
    ("text", "can_be_written"),
    [
        ("Lol, W E  saw a_wasp here", True),
        ("we saw 2 bees here, bro", True),
        ("we saw a horse here", False),
        ("sadly we saw a wasp here", False),
    ],
)
def test_what_a_template_can_be_filled_to_is_known(
    tmp_path: Path, text: str, can_be_written: bool
) -> None:
    line = '[[lines]]\nlabels = []\ntexts = ["we saw {pest} here!"]\n'
    (tmp_path / "slots.toml").write_text('[slots]\npest = ["a wasp", "a horse"]\n')
    (tmp_path / "own.toml").write_text(f'{line}\n[slots]\npest = ["a wasp", "2 bees"]\n')
    found = _written_lines(tmp_path).fullmatch(_letters_and_digits(text))
    assert (found is not None) == can_be_written


def _cases() -> list[str]:
    suites = [load_either(path) for path in DEFAULT_SUITES]
    return [
        text
        for suite in suites
        for text in (suite.suite() if isinstance(suite, Templates) else suite).texts
    ]


def _rows_of_words(text: str, length: int = 7) -> list[tuple[str, ...]]:
    words = re.findall(r"[\w']+", text.casefold())
    return [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]


def _letters_and_digits(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _written_lines(directory: Path) -> re.Pattern[str]:
    """The pattern of all that the templates of a directory can be filled and styled to.

    It is made of letters and digits only, so that neither emoji nor spaces tell two texts apart.
    """
    themes = [tomllib.loads(path.read_text("utf-8")) for path in directory.glob("*.toml")]
    shared = tomllib.loads((directory / "slots.toml").read_text("utf-8"))["slots"]
    filled = set()
    for theme in themes:
        slots = {
            name: f"(?:{'|'.join(map(_letters_and_digits, fillings))})"
            for name, fillings in {**shared, **theme.get("slots", {})}.items()
        }
        for template in (text for entry in theme.get("lines", []) for text in entry["texts"]):
            between, names = re.split(r"\{[a-z_]+\}", template), re.findall(r"\{(.+?)\}", template)
            parts = [_letters_and_digits(between[0])]
            for name, after in zip(names, between[1:], strict=True):
                parts += [slots[name], _letters_and_digits(after)]
            filled.add("".join(parts))
    styled = f"(?:{'|'.join(_INTERJECTIONS)})?"
    return re.compile(f"{styled}(?:{'|'.join(sorted(filled))}){styled}")
