"""Misspelt strong words, and what must not be taken for them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.screening.misspelt import LONGEST, mended, read_list, strong_words
from bot.screening.normalize import views
from bot.screening.slips import one_slip_away, slip_cost
from bot.screening.sound import sound_of
from bot.screening.vocabulary import common_words


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("you are an idiiot", "you are an idiot"),
        ("so stupdi", "so stupid"),
        ("what a btch", "what a bitch"),
        ("you moran", "you moran"),  # a name
        ("such a stupeed thing", "such a stupid thing"),
        ("you f***ing b**ch!", "you fucking bitch!"),
        ("eat sh-t, N-ggers", "eat shit, niggers"),
        ("get thefuck out", "get the fuck out"),
        ("yousuck", "you suck"),
        ("go home and listenasshole today", "go home and listen asshole today"),
        ("what will youassholes say", "what will you assholes say"),  # nearer than a slip
        ("alexfuckyou", "alex fuck you"),
        ("they are all fuckas here", "they are all fuckers here"),
        ("a cun t and s uck", "a cunt and suck"),
        ("tehm aer stupdi", "them are stupid"),  # where one is found, the rest is mended too
        ("f|_|ck yo|_|", "fuck you"),
        ("go and fck it", "go and fuck it"),  # Danish elsewhere
        ("what a fucceeng idyot", "what a fucking idiot"),
        ("f$ck this sh@t", "fuck this shit"),
    ],
)
def test_a_misspelt_strong_word_is_read(text: str, read: str) -> None:
    assert views(text)[-1] == read


@pytest.mark.parametrize(
    "text",
    [
        "teh train is heer",
        "ich liebe dich, Fuchs",
        "we met Dickson and Mitch Fulk at Scunthorpe",
        "t-shirt, e-mail, x-ray and rock-n-roll",
        "the *star* of c# and f# at 5*3",
        "my hancock and dickinson books",
        "did we lose r u there",
        "the lamp S hit",
        "holdet fck vandt i dag",
        "me@you.com has ca$h",
        "hay que informarse y no fabricarse excusas",
        "the screwdrivers and firecrackers of a woodpecker",
    ],
)
def test_honest_words_stay(text: str) -> None:
    view = views(text)[0]
    assert mended(view.split()) == view.split()


def test_the_lists_are_of_small_letters_and_small() -> None:
    spared = read_list("spared_words.txt")
    foreign = read_list("foreign_words.txt")
    assert strong_words() <= common_words().keys()
    assert not (spared | foreign) & common_words().keys()
    assert not spared & foreign
    assert all(word.isalpha() and word.islower() for word in spared | foreign)
    assert len(strong_words()) < 1_000
    assert len(spared) < 5_000


@given(st.lists(st.sampled_from(sorted(common_words())), max_size=12))
@settings(deadline=None)
def test_common_words_are_never_changed(words: list[str]) -> None:
    assert mended(words) == words


_LETTERS = st.text("fuckshitdbenom*-.", min_size=1, max_size=2 * LONGEST)


@given(st.lists(st.one_of(_LETTERS, st.sampled_from(["stupdi", "btch", "f**k"])), max_size=8))
@settings(deadline=None)
def test_mending_is_settled_and_bounded(words: list[str]) -> None:
    new = mended(words)
    assert len(new) == len(words)
    assert len(" ".join(new)) <= 3 * len(" ".join(words)) + 8
    again = " ".join(new).split(" ")
    assert mended(again) == again


@given(st.sampled_from(sorted(common_words())))
@settings(deadline=None)
def test_every_slip_of_a_word_leads_back_to_it(word: str) -> None:
    for slip in {word + word[-1], *(word[:at] + word[at + 1 :] for at in range(1, len(word)))}:
        if slip != word and slip:
            assert word in one_slip_away(slip, {word})
            assert slip_cost(slip, word) > 0


def test_words_that_sound_alike_have_one_key() -> None:
    for first, second in [("bitch", "beetch"), ("fuck", "phuk"), ("stupid", "stoopid")]:
        assert sound_of(first) == sound_of(second)
    assert sound_of("bitch") != sound_of("batch")
