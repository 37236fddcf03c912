"""Which texts are new, as far as is remembered."""

from __future__ import annotations

from bot.chat.seen import Seen


def test_the_same_text_is_new_once() -> None:
    seen = Seen(10)
    assert seen.note((1, 2), "a")
    assert not seen.note((1, 2), "a")
    assert seen.note((1, 3), "a")
    assert seen.note((1, 2), "b")
    assert seen.note((1, 2), "a")


def test_what_is_forgotten_is_new_again() -> None:
    seen = Seen(2)
    for thing in ((1, 1), (1, 2), (1, 3)):
        seen.note(thing, "a")
    assert not seen.note((1, 3), "a")
    assert seen.note((1, 1), "a")
    seen.forget((1, 3))
    assert seen.note((1, 3), "a")
