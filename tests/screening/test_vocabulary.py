from __future__ import annotations

from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.screening import vocabulary
from bot.screening.vocabulary import (
    common_words,
    is_common,
    most_common,
    segmented,
)


def test_the_list_is_small_letters_and_holds_what_people_write() -> None:
    words = common_words()
    assert all(word.isascii() and word.isalpha() and word.islower() for word in words)
    assert {"the", "you", "idiot", "fuck", "wikipedia", "thanks"} <= words.keys()
    assert not {"fvck", "phuck", "b"} & words.keys()
    assert len(resources.files("bot.screening").joinpath("words.txt").read_bytes()) < 200_000


def test_words_cost_more_the_rarer_they_are() -> None:
    costs = list(common_words().values())
    assert costs == sorted(costs)
    assert costs[0] > 0


def test_the_most_common_of_some_words() -> None:
    assert most_common(["kiil", "kill", "klil"]) == "kill"
    assert most_common(["peat", "people"]) == "people"
    assert most_common(["qqq"]) is None
    assert is_common("people")
    assert not is_common("People")


@pytest.mark.parametrize(
    ("letters", "words"),
    [
        ("", []),
        ("youarestupid", ["you", "are", "stupid"]),
        ("iamnotthere", ["i", "am", "not", "there"]),
        ("abcdefg", ["abcdefg"]),
        ("scunthorpe", ["scunthorpe"]),
        ("together", ["together"]),
        ("hellomynameisxqvzt", ["hello", "my", "name", "is", "xqvzt"]),
    ],
)
def test_letters_fall_into_words(letters: str, words: list[str]) -> None:
    assert segmented(letters) == words


@given(st.text("abcdeilnostuwxyz", max_size=200))
def test_no_letter_is_lost(letters: str) -> None:
    assert "".join(segmented(letters)) == letters


def test_each_letter_costs_a_bounded_number_of_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(dict[str, float]):
        looks = 0

        def get(self, *arguments: object) -> float | None:  # type: ignore[override]
            Counting.looks += 1
            return super().get(*arguments)  # type: ignore[call-overload,no-any-return]

    words = Counting(common_words())
    monkeypatch.setattr(vocabulary, "common_words", lambda: words)
    segmented("anda" * 1000)
    assert Counting.looks <= 20 * 4000
