"""Ready-made choices of actions, and the words in which a menu offers them."""

from __future__ import annotations

import pytest

from bot.chat.ready_made import ReadyMade, chosen, in_menu, measures_of
from bot.labels import LABELS, Label
from bot.language import languages, speaking
from bot.rules import Action, Measure

# What Discord takes for a menu's option, and for what is said about it.
MOST_CHARACTERS = 100


@pytest.mark.parametrize("choice", ReadyMade)
def test_a_choice_is_recognised_by_what_it_does(choice: ReadyMade) -> None:
    measures = measures_of(choice)
    assert set(measures) == set(LABELS)
    assert chosen(measures) is choice


def test_each_choice_is_at_least_as_strong_as_the_one_before() -> None:
    milder = measures_of(ReadyMade.ALERT)
    for choice in ReadyMade:
        measures = measures_of(choice)
        assert all(
            measures[label].action.strength >= milder[label].action.strength for label in LABELS
        )
        milder = measures


def test_what_was_chosen_by_hand_is_none_of_them() -> None:
    assert chosen({}) is ReadyMade.ALERT
    assert chosen({Label.OBSCENE: Measure(Action.LOG)}) is None


@pytest.mark.parametrize("language", languages())
def test_a_menu_takes_the_words(language: str) -> None:
    with speaking(language):
        for choice in ReadyMade:
            words = in_menu(choice)
            assert 0 < len(words.name) <= MOST_CHARACTERS
            assert 0 < len(words.description) <= MOST_CHARACTERS
