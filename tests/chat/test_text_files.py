"""What is made of the bytes of a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.text_files import decode


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_utf_8_comes_back_as_it_was(text: str) -> None:
    assert decode(text.encode()) == text.removeprefix("\ufeff")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_mark_at_the_beginning_tells_the_encoding(encoding: str) -> None:
    assert decode("Grüße, idiot".encode(encoding)) == "Grüße, idiot"


def test_what_is_not_utf_8_is_read_as_old_editors_write_it() -> None:
    assert decode("Grüße, idiot".encode("cp1252")) == "Grüße, idiot"


def test_a_text_that_was_cut_within_a_character_keeps_the_rest() -> None:
    assert decode("idiot ü".encode()[:-1]) == "idiot "


def test_what_is_no_text_is_nothing() -> None:
    assert decode(b"\x89PNG\r\n\0\0idiot") is None


@given(st.binary())
def test_no_bytes_are_too_odd(content: bytes) -> None:
    decode(content)
