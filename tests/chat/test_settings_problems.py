"""What is said of a file of settings that cannot be taken: it has to arrive in any case."""

from __future__ import annotations

import json
from typing import Any

import discord
import pytest

from bot.chat.settings_problems import in_sentences
from bot.language import speaking
from bot.storage.settings_document import BadFile
from bot.storage.settings_file import read


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
    ("raw", "words"),
    [
        (
            b'{"hexward_settings": 1, "actions": {"toxic": {"action": "log", "duration": "1d"}}}',
            "“actions.toxic.duration” is not a setting",
        ),
        (
            b'{"hexward_settings": 1, "channels": {"zzz": {}}}',
            "“channels.zzz” does not end with an id",
        ),
        (b'{"hexward_settings": 1, "actions": {"toxic": "ban"}}', "log, alert, delete, timeout"),
        (b'{"hexward_settings": true}', "reads only 1"),
        (
            b'{"hexward_settings": 1, "thresholds": {"toxic": NaN}}',
            "“thresholds.toxic” cannot be NaN",
        ),
        (
            b'{"hexward_settings": 1, "thresholds": {"toxic": ' + b"9" * 5_000 + b"}}",
            "“thresholds.toxic” cannot be",
        ),
        (b'{"hexward_settings": 1,\n"thresholds": ' + b"[" * 5_000, "look at line 2"),
        ("{}".encode("utf-16"), "UTF-16"),
        (b"{\n\xff}", "not UTF-8: look at line 2"),
        (b"[]", "It holds [] and not"),
        (b"null", "It holds null and not"),
        (b"{}", "is missing; it must be 1"),
        (b'{"hexward_settings": 2}', "is 2, and this Hexward reads only 1"),
        (
            b'{"hexward_settings": 1, "thresholds": {"toxic": 1, "toxic": 0}}',
            "“thresholds.toxic” stands there twice",
        ),
        (
            b'{"hexward_settings": 1, "notice": {"way": 1, "way": 2}, "mode": 1, "mode": 2}',
            "“mode” stands there twice",
        ),
    ],
)
def test_it_is_named_what_is_wrong_and_where(raw: bytes, words: str) -> None:
    with pytest.raises(BadFile) as caught:
        read(raw)
    assert words in discord.utils.remove_markdown(in_sentences(caught.value))


@pytest.mark.parametrize(
    "changes", [{"notice": {"way": "dm", "text": "\ud800"}}, {"thresholds": {"\udfff": 0.5}}]
)
def test_halves_of_characters_can_be_told_of(changes: dict[str, Any]) -> None:
    assert told(changes).encode()


WHOLE: dict[str, Any] = {
    "server": "1",
    "preset": "strict",
    "thresholds": {"toxic": 0.5},
    "actions": {"toxic": {"action": "timeout", "timeout_s": 600}},
    "channels": {"7": {"thresholds": {"insult": 0.5}, "actions": {"threat": {"action": "log"}}}},
    "mode": "observe",
    "escalation": [{"flags": 3, "window_s": 3600, "timeout_s": 3600}],
    "notice": {"way": "dm", "text": "Please be kind."},
    "exempt": {"moderators": True, "bots": True, "roles": ["1"], "channels": ["2"]},
    "log_channel": "3",
    "screening": {"titles": True, "names": False},
    "privacy": {"retention_days": 30, "excerpt_days": None},
    "language": "de",
}


def places(inside: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to everything that stands in a file."""
    steps = inside.items() if isinstance(inside, dict) else enumerate(inside)
    found = []
    for step, value in steps:
        found.append((*way, step))
        if isinstance(value, dict | list):
            found += places(value, (*way, step))
    return found


def with_wrong(way: tuple[str | int, ...], wrong: object) -> dict[str, Any]:
    document = json.loads(json.dumps(WHOLE))
    inside: Any = document
    for step in way[:-1]:
        inside = inside[step]
    inside[way[-1]] = wrong
    return document


@pytest.mark.parametrize("way", places(WHOLE), ids=lambda way: ".".join(map(str, way)))
def test_a_value_of_a_wrong_kind_is_told_with_what_belongs_there(
    way: tuple[str | int, ...],
) -> None:
    place, tried = ".".join(map(str, way)), 0
    for wrong in ("zzz", 0.5, -7, True, ["zzz"], {"zzz": 1}):
        try:
            read(json.dumps({"hexward_settings": 1} | with_wrong(way, wrong)).encode())
        except BadFile as bad:
            tried += 1
            for line in in_sentences(bad).replace("\\", "").splitlines()[1:]:
                assert line.startswith(f"- “{place}")
                assert "/settings export" not in line
                # An object in the place of another one is told of by what is in it.
                inside = "zzz" if isinstance(wrong, list) else 1
                assert any(
                    words in line
                    for words in (
                        f"cannot be {json.dumps(wrong)}. Possible: ",
                        f"cannot be {json.dumps(inside)}. Possible: ",
                        "zzz” is not a setting",
                        "zzz” is no label",
                        "zzz” does not end with an id",
                        "is missing",
                    )
                )
    assert tried >= 3


def test_channels_that_are_none() -> None:
    assert told({"channels": "zzz"}).splitlines()[1] == (
        '- “channels” cannot be "zzz". Possible: curly brackets with the ids of at most 100 '
        "channels, each with “thresholds” and “actions” between curly brackets."
    )
