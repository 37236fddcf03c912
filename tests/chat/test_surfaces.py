"""Which texts a message has, and what they are called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.surfaces import AttachedFile, Surface, parts, words
from bot.chat.text_files import LARGEST_BYTES, MOST_FILES
from bot.storage.decisions import _SURFACE
from tests.chat.payloads import attachment, message, poll, snapshot

CAPTURES = Path(__file__).parents[2].parent / "shared" / "discord" / "captures"


def texts(**fields: Any) -> dict[str, str]:
    """The texts of such a message by their names."""
    found = (part for part in parts(message(**fields)) if isinstance(part, Surface))
    return {surface.name: surface.text for surface in found}


def files(**fields: Any) -> list[str]:
    """The names of the files that are read."""
    return [part.name for part in parts(message(**fields)) if isinstance(part, AttachedFile)]


def test_a_plain_message_has_one_text() -> None:
    assert texts(content="hello") == {"content": "hello"}
    assert texts(content=" \n ") == {}


def test_a_poll_is_its_question_and_answers() -> None:
    assert texts(poll=poll("Who?", "Ada", "Ben")) == {"poll": "Who?\nAda\nBen"}


def test_everything_readable_in_an_embed_is_one_text() -> None:
    embed = {
        "type": "rich",
        "title": "a title",
        "description": "a description",
        "author": {"name": "an author"},
        "fields": [{"name": "a field", "value": "its value"}, {"name": "\u200b", "value": "x"}],
        "footer": {"text": "a footer"},
    }
    found = texts(
        content="https://example.com", embeds=[embed, {"title": "two"}, {"type": "image"}]
    )
    shown = "an author\na title\na description\na field\nits value\n\u200b\nx\na footer"
    assert found == {"content": "https://example.com", "embed": shown, "embed-2": "two"}


def test_the_texts_of_an_apps_layout_are_one_text() -> None:
    layout = {
        "type": 17,
        "components": [
            {"type": 10, "content": "above"},
            {
                "type": 9,
                "components": [{"type": 10, "content": "beside"}],
                "accessory": {"type": 2, "style": 1, "label": "press", "custom_id": "x"},
            },
            {"type": 12, "items": [{"media": {"url": "https://x.test"}, "description": "seen"}]},
            {
                "type": 1,
                "components": [
                    {
                        "type": 3,
                        "custom_id": "y",
                        "placeholder": "choose",
                        "options": [{"label": "one", "value": "1", "description": "the first"}],
                    }
                ],
            },
        ],
    }
    shown = "above\nbeside\npress\nseen\nchoose\none\nthe first"
    assert texts(components=[layout]) == {"components": shown}


def test_a_forward_has_the_same_texts_under_its_own_name() -> None:
    found = parts(
        message(
            message_snapshots=[
                snapshot(
                    content="said before",
                    embeds=[{"title": "unfolded"}],
                    attachments=[attachment(1, "a.txt", description="seen")],
                ),
                snapshot(content="and that"),
            ]
        )
    )
    assert [part.name for part in found] == [
        "forward",
        "forward/embed",
        "forward/description",
        "forward/attachment",
        "forward-2",
    ]


def test_descriptions_of_pictures_are_read() -> None:
    pictures = [attachment(1, "a.png"), attachment(2, "b.png", description="what it shows")]
    assert texts(attachments=pictures) == {"description-2": "what it shows"}


@pytest.mark.parametrize(
    ("filename", "kind"),
    [
        ("message.txt", None),
        ("NOTES.MD", "application/octet-stream"),
        ("anything", "text/plain; charset=utf-8"),
        ("page", "Text/HTML"),
        ("x", "application/json"),
    ],
)
def test_what_seems_text_is_read(filename: str, kind: str | None) -> None:
    assert files(attachments=[attachment(1, filename, content_type=kind)]) == ["attachment"]


@pytest.mark.parametrize(
    "shape",
    [
        attachment(1, "a.png", content_type="image/png"),
        attachment(1, "a.pdf", content_type="application/pdf"),
        attachment(1, "txt"),
        attachment(1, "a.txt", size=LARGEST_BYTES + 1),
        attachment(1, "a.txt", size=0),
    ],
)
def test_what_is_no_text_or_too_large_is_not(shape: dict[str, Any]) -> None:
    assert files(attachments=[shape]) == []


def test_a_message_has_a_few_files_read_and_they_keep_their_places() -> None:
    several = [attachment(1, "a.png"), *(attachment(n, f"{n}.txt") for n in range(2, 9))]
    names = files(attachments=several)
    assert names == ["attachment-2", "attachment-3", "attachment-4"]
    assert len(names) == MOST_FILES


@given(st.integers(1, 10), st.integers(1, 10), st.booleans())
def test_names_are_unique_and_fit_the_log(embeds: int, attached: int, forwarded: bool) -> None:
    shape: dict[str, Any] = {
        "content": "x",
        "embeds": [{"title": str(n)} for n in range(embeds)],
        "attachments": [attachment(n, "you idiot.txt", description="y") for n in range(attached)],
    }
    found = parts(message(message_snapshots=[snapshot(**shape)]) if forwarded else message(**shape))
    names = [part.name for part in found]
    assert len(set(names)) == len(names) >= 1 + embeds + attached
    assert all(_SURFACE.fullmatch(name) and "idiot" not in name for name in names)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("content", "Message"),
        ("poll", "Poll"),
        ("embed-2", "Embed 2"),
        ("attachment", "Text file"),
        ("forward", "Forwarded text"),
        ("forward-2", "Forwarded text"),
        ("forward-2/attachment-3", "Forwarded text: text file 3"),
        ("from-a-later-version", "From a-later-version"),
    ],
)
def test_what_a_card_calls_it(name: str, shown: str) -> None:
    assert words(name) == shown


@pytest.mark.skipif(not CAPTURES.exists(), reason="needs recorded payloads beside the project")
def test_recorded_messages_have_their_content_and_nothing_else() -> None:
    events = [
        event["d"]
        for name in ("gateway_message_create", "gateway_message_update")
        for event in json.loads((CAPTURES / f"{name}.json").read_text())
    ]
    assert events
    for event in events:
        own = {key: value for key, value in event.items() if key not in ("guild_id", "member")}
        own.pop("referenced_message", None)
        assert texts(**own) == {"content": event["content"]}
