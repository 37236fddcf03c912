"""Which words carry abuse, and which are not taken for them."""

from __future__ import annotations

from itertools import product

import numpy as np

from bot.labels import LABELS
from bot.screening.misspelt import Meanings, read_list, strong_words
from training.data import Labelled
from training.strong_words import (
    FOREIGN_HEADER,
    SPARED_HEADER,
    STRONG_HEADER,
    mostly_labelled,
    spared,
    strong,
    written,
)


def test_a_word_is_strong_for_the_model_and_for_the_labels() -> None:
    texts = ("an idiot", "idiot again", "the muslim here", "muslim there", "a wug", "the wug")
    labels = np.zeros((len(texts), len(LABELS)), dtype=np.float32)
    labels[[0, 1, 4, 5], 0] = 1
    rows = Labelled(tuple(map(str, range(6))), texts, labels, np.ones(6, dtype=np.float32))
    scores = np.zeros((3, len(LABELS)))
    scores[:2, 0] = 0.9  # idiot and muslim; not wug
    thresholds = {label.value: 0.8 for label in LABELS}
    assert strong(["idiot", "muslim", "wug"], scores, thresholds, rows) == ["idiot"]


def test_what_other_languages_write_often_is_spared() -> None:
    common = {"you": 2.0, "fucks": 7.0, "shit": 7.5}
    meanings = Meanings(common, frozenset({"fucks", "shit"}), frozenset())
    frequencies = {
        "de": {"fuchs": 4.2, "fucks": 2.5, "shti": 1.0, "shjt": 4.2, "fcks": 3.2, "fuks": 3.2},
        "en": {"fucks": 4.0, "fukcs": 1.0, "you": 7.0, "youshit": 2.1, "fuks": 2.2},
    }
    found = spared(frequencies, common, meanings, {"shjt"})
    assert found == (["fuchs", "fuks", "youshit"], ["fcks", "shjt"])
    assert meanings.strong_meant_by("fuchs") == "fucks"
    sparing = Meanings(common, frozenset({"fucks"}), frozenset({"fuchs"}))
    assert sparing.known("fuchs")
    assert not sparing.known("fukcs")


def test_a_compound_is_spared_sooner_than_what_is_of_plain_words() -> None:
    small = ["you", *("".join(letters) for letters in product("bcdf", repeat=5))]
    common = dict.fromkeys(small, 5.0) | {"listen": 9.0, "shit": 9.5}
    meanings = Meanings(common, frozenset({"shit"}), frozenset())
    frequencies = {
        "de": {"listenshit": 2.4},
        "en": {"shitlisten": 1.2, "listenshit": 0.9, "youshit": 1.2},
    }
    assert spared(frequencies, common, meanings) == (["shitlisten"], [])


def test_a_word_of_a_few_comments_is_mostly_labelled_or_not() -> None:
    labels = np.zeros((8, len(LABELS)), dtype=np.float32)
    labels[:4, 0] = 1
    texts = ("you fck", "go fck", "what fck", "you wug", "the wug", "the you", "a wug", "wug")
    rows = Labelled(tuple(map(str, range(8))), texts, labels, np.ones(8, dtype=np.float32))
    assert mostly_labelled(rows) == {"fck"}


def test_the_lists_that_ship_are_of_this_form() -> None:
    assert written(STRONG_HEADER, ["a"]).endswith("\na\n")
    assert all(
        line.startswith("#")
        for line in (STRONG_HEADER + SPARED_HEADER + FOREIGN_HEADER).splitlines()
    )
    assert {"idiot", "bitch"} <= strong_words()
    assert "dickson" in read_list("spared_words.txt")
    assert "fck" in read_list("foreign_words.txt")
