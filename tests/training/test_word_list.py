"""Which words the normaliser's list gets."""

from __future__ import annotations

from bot.screening.vocabulary import common_words
from training.word_list import HEADER, chosen, counted, written


def test_a_word_counts_once_a_text_and_not_in_links_or_names_of_accounts() -> None:
    counts = counted(["The cat saw the Cat", "the@cat.com /the/cat cat's", "a cat."])
    assert counts == {"the": 1, "cat": 2, "saw": 1, "a": 1}


def test_common_words_come_first_and_rare_ones_not_at_all() -> None:
    counts = {"the": 900, "is": 800, "stupid": 40, "zyzzyva": 4, "ab": 149, "a": 3, "x": 9_999}
    assert chosen(counts) == ["the", "is", "stupid", "a"]


def test_spellings_that_the_normaliser_undoes_are_left_out() -> None:
    counts = {"stupid": 400, "stvpid": 10, "phuck": 10, "fuck": 300, "never": 500, "sooo": 90}
    assert chosen(counts) == ["never", "stupid", "fuck"]


def test_a_rare_word_that_would_be_torn_apart_is_kept_whole() -> None:
    counts = {"the": 9_000, "rapist": 2, "therapist": 2, "rap": 50, "ist": 30, "idoit": 2}
    found = chosen(counts | {"idiot": 500, "do": 900, "it": 3_000})
    assert "therapist" in found  # and not "the rap ist"
    assert "idoit" not in found


def test_the_list_that_ships_is_of_this_form() -> None:
    words = list(common_words())
    assert len(words) > 20_000
    assert written(words[:2]) == HEADER + f"{words[0]}\n{words[1]}\n"
