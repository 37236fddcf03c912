from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.screening.normalize import views
from bot.screening.together import parted, run_together


@given(st.text("abcdeilnostuwxyz", max_size=200))
def test_no_letter_is_lost(letters: str) -> None:
    assert "".join(run_together(letters) or [letters]) == letters


@pytest.mark.parametrize(
    "letters",
    ["cockburn", "stupidpeople", "donaudampfschifffahrt", "iaiaiaiaiaiai", "hahahahahaha"],
)
def test_what_may_be_one_word_stays_one(letters: str) -> None:
    assert run_together(letters) is None


def test_words_run_together_are_parted() -> None:
    assert run_together("whatabouttheothers") == ["what", "about", "the", "others"]


def test_a_few_words_again_and_again_are_parted_though_they_are_rare() -> None:
    assert run_together("fatclown" * 4) == ["fat", "clown"] * 4


def test_two_words_are_parted_in_a_text_that_is_written_so_throughout() -> None:
    text = "Youare nothing, goawayandnevertalktousagain. You'reall pathetic"
    assert (
        views(text)[-1]
        == "you are nothing, go away and never talk to us again. You're all pathetic"
    )
    text = "Youare nothing, goaway. You'reall here"
    assert views(text) == (text,)


def test_words_of_which_too_little_is_known_stay_in_such_a_text() -> None:
    written = ["goawayandneverevercomeback", "Xqvztplk", "wouldn't", "d'souza", "O'malley", "abc"]
    assert parted(written, ["go away and never ever come back", *written[1:]])[1:] == written[1:]


@given(st.lists(st.text("abcdeilnostuwxyz'.", min_size=1, max_size=40), max_size=6))
def test_parting_loses_no_letter(words: list[str]) -> None:
    written = ["goawayandneverevercomeback", *words]
    read = ["go away and never ever come back", *words]
    now = parted(written, read)
    assert [word.replace(" ", "") for word in now] == written
