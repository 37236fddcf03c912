"""The words that drove a score, found with a scorer that knows which words count."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.labels import Label, Scores
from bot.screening.apart import joined_letters, spelled_apart
from bot.screening.explain import MOST_SCORED, Phrase, driving_phrase

HARMLESS = ("the", "cat", "sat", "on", "a", "mat", "today", "again", "and", "slept")


class Scorer:
    """Scores a text by the strongest phrase of its own that is in it, and counts."""

    def __init__(self, phrases: dict[str, float]) -> None:
        self.phrases = phrases
        self.texts: list[str] = []

    def value(self, text: str) -> float:
        words = f" {' '.join(text.split())} "
        return max([0.02, *(v for phrase, v in self.phrases.items() if f" {phrase} " in words)])

    async def __call__(self, text: str) -> Scores:
        self.texts.append(text)
        return scores(self.value(text))


def scores(insult: float) -> Scores:
    return Scores(0.0, 0.0, 0.0, 0.0, insult, 0.0)


def find(text: str, scorer: Scorer, threshold: float = 0.5) -> Phrase | None:
    whole = scores(scorer.value(text))
    return asyncio.run(driving_phrase(text, whole, Label.INSULT, threshold, scorer))


def test_one_word_among_many() -> None:
    scorer = Scorer({"idiot": 0.97})
    text = "well you are such an idiot and nobody wants you on the team"
    phrase = find(text, scorer)
    assert phrase is not None
    assert text[phrase.start : phrase.end] == "idiot"
    assert phrase == Phrase(phrase.start, phrase.end, Label.INSULT, alone=0.97, without=0.02)


def test_the_punctuation_around_the_words_is_not_marked() -> None:
    text = "well now (idiot!), nobody wants you"
    phrase = find(text, Scorer({"(idiot!),": 0.9}))
    assert phrase is not None
    assert text[phrase.start : phrase.end] == "idiot"
    apart = find("well now ( idiot ...", Scorer({"( idiot ...": 0.9}))
    assert apart is not None
    assert (apart.start, apart.end) == (11, 16)
    only_marks = find("so then ?!? go on", Scorer({"?!?": 0.9}))
    assert only_marks is not None
    assert (only_marks.start, only_marks.end) == (8, 11)


def test_words_that_count_only_together() -> None:
    scorer = Scorer({"find you and hurt you": 0.9})
    text = "log off now or I will find you and hurt you tomorrow at school"
    phrase = find(text, scorer)
    assert phrase is not None
    assert text[phrase.start : phrase.end] == "find you and hurt you"


def test_the_stronger_of_two() -> None:
    scorer = Scorer({"rude": 0.6, "scum": 0.99})
    text = "they are scum all of them and so are you and also you are rude"
    phrase = find(text, scorer)
    assert phrase is not None
    assert text[phrase.start : phrase.end] == "scum"
    assert phrase.without == 0.6


def test_what_is_said_twice_is_found_once_and_still_counts_without() -> None:
    text = "idiot " + "la " * 20 + "idiot"
    phrase = find(text, Scorer({"idiot": 0.97}))
    assert phrase is not None
    assert text[phrase.start : phrase.end] == "idiot"
    assert phrase.without == 0.97


def test_nothing_is_marked_where_only_the_whole_counts() -> None:
    assert find("idiot", Scorer({"idiot": 0.9})) is None
    assert find("   idiot\n", Scorer({"idiot": 0.9})) is None
    assert find("you and you", Scorer({"you and you": 0.9})) is None


def test_a_text_without_spaces_is_cut_into_pieces() -> None:
    class Sums(Scorer):
        def value(self, text: str) -> float:
            return 0.9 if "呆子" in text else 0.02

    text = "猫" * 60 + "呆子" + "猫" * 60
    phrase = find(text, Sums({}))
    assert phrase is not None
    assert "呆子" in text[phrase.start : phrase.end]
    assert phrase.end - phrase.start <= 24


@pytest.mark.parametrize(
    ("text", "enough", "marked"),
    [
        ("you are a s t u p i d 1d1ot", "p i d 1d1ot", "s t u p i d 1d1ot"),
        ("you are so s t u p i d, go", "i d,", "s t u p i d"),
        ("y o u s u c k and nobody else", "c k", "s u c k"),
        ("so here is s-t-u-p-i-d stuff", "s-t-u-p-i-d", "s-t-u-p-i-d"),
        ("ask J. R. R. Tolkien about it", "R. Tolkien", "R. Tolkien"),
    ],
)
def test_a_word_that_is_spelled_apart_is_marked_whole(text: str, enough: str, marked: str) -> None:
    phrase = find(text, Scorer({enough: 0.9}))
    assert phrase is not None
    assert text[phrase.start : phrase.end] == marked


def test_what_the_scorer_raises_ends_the_search() -> None:
    class Broken(Scorer):
        async def __call__(self, text: str) -> Scores:
            raise RuntimeError("busy")

    with pytest.raises(RuntimeError, match="busy"):
        find("you are an idiot", Broken({"idiot": 0.9}))


words = st.lists(st.sampled_from(HARMLESS), max_size=400)


@given(before=words, behind=words, bad=st.sampled_from(["idiot", "utter scum", "go and die now"]))
def test_a_phrase_is_found_wherever_it_stands(
    before: list[str], behind: list[str], bad: str
) -> None:
    text = " ".join([*before, bad, *behind])
    scorer = Scorer({bad: 0.95})
    phrase = find(text, scorer)
    assert len(scorer.texts) <= MOST_SCORED
    if phrase is None:
        assert not before
        assert not behind
    else:
        marked = text[phrase.start : phrase.end]
        assert bad in marked
        assert phrase.alone == 0.95
        # Exact as long as the budget lets it be: up to some 250 words.
        assert marked == bad or len(text.split()) > 250


spelled = st.text(alphabet="abs. -_1 ", max_size=120)


@given(st.text(max_size=300) | spelled, st.floats(0, 1), st.floats(0, 1))
def test_any_text_any_scorer(text: str, score: float, threshold: float) -> None:
    class Hashed(Scorer):
        def value(self, text: str) -> float:
            return (hash(text) % 1000) / 1000

    scorer = Hashed({})
    whole = scores(score)
    phrase = asyncio.run(driving_phrase(text, whole, Label.INSULT, threshold, scorer))
    assert len(scorer.texts) <= MOST_SCORED
    if phrase is not None:
        assert 0 <= phrase.start < phrase.end <= len(text)
        assert not text[phrase.start].isspace()
        assert not text[phrase.end - 1].isspace()
        assert phrase.alone >= max(threshold, 0.8 * score)


@given(spelled)
def test_words_that_are_spelled_apart_begin_and_end_with_letters(text: str) -> None:
    spans = list(spelled_apart(text))
    assert all(text[start].isalpha() and text[end - 1].isalpha() for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert bool(spans) == (joined_letters(text) != text)
