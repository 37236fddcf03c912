from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.screening.normalize import views
from training.augment import PADDING, SPELLING, UNDOABLE, Kind, disguised, evade

_SENTENCES = (
    "you stupid faggot, nobody likes you",
    "go kill yourself you fucking bitch",
    "this vile coward should suck it up",
    "shut your mouth or I will murder your family",
    "what a disgusting fat pig",
)
# What the normaliser leaves of each kind, on the sentences above with one word disguised. A kind
# that is not named here is undone every time.
_UNDONE_AT_LEAST = {
    Kind.DIGITS_FOR_LETTERS: 0.6,
    Kind.SYMBOLS_FOR_LETTERS: 0.6,
    Kind.BRACKETS_AS_LETTERS: 0.45,
    Kind.U_FOR_V: 0.3,
    Kind.LOOKALIKES: 0.8,
    Kind.SPACES_BETWEEN: 0.6,  # "a f u c k" has no beginning
    Kind.REPEATED_LETTERS: 0.6,
    Kind.EMOJI_FOR_LETTER: 0.3,
}
_PIECES = st.sampled_from(
    [
        *"aBfsuvéж1 .,'’`*_|~<>@:\n\ud800\u0301",
        *(" fuck", " faggot ", "shit", " you", "don't", "``` ", "`a b`", "https://a.b/fuck"),
        *("<@123>", "<:shit:1>", "example.com/fuck ", "a@b.org", "www.", "ÄÖ", "ſK"),
    ]
)
_TEXTS = st.one_of(
    st.lists(_PIECES, max_size=25).map("".join),
    st.text(st.characters(exclude_categories=()), max_size=40),
)
_SEEDS = st.integers(0, 2**32)


def test_every_kind_is_in_one_group() -> None:
    assert set(Kind) == SPELLING | UNDOABLE | PADDING
    assert len(SPELLING) + len(UNDOABLE) + len(PADDING) == len(Kind)


@given(_TEXTS, st.sampled_from(Kind), _SEEDS, st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_evaded_and_the_seed_decides_how(
    text: str, kind: Kind, seed: int, share: float
) -> None:
    once = evade(text, kind, Random(seed), share=share)
    assert once == evade(text, kind, Random(seed), share=share)
    assert disguised(text, Random(seed)) == disguised(text, Random(seed))
    if kind in PADDING:
        assert text in once


_LETTERS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=4, max_size=12)
# Every word of four letters can be changed by these; the others need certain letters or words.
_FOR_ANY_WORD = sorted(
    set(Kind)
    - {
        *(Kind.DIGITS_FOR_LETTERS, Kind.SYMBOLS_FOR_LETTERS, Kind.BRACKETS_AS_LETTERS),
        *(Kind.PH_FOR_F, Kind.U_FOR_V, Kind.LOOKALIKES, Kind.ACCENTS, Kind.WORDS_RUN_TOGETHER),
        *(Kind.DROPPED_VOWELS, Kind.LETTERS_SWAPPED, Kind.PHONETIC_RESPELLING),
        Kind.EMOJI_FOR_WORD,
    }
)


@given(_LETTERS, st.sampled_from(_FOR_ANY_WORD), _SEEDS)
@settings(max_examples=100, deadline=None)
def test_an_eligible_word_is_always_changed(word: str, kind: Kind, seed: int) -> None:
    assert evade(word, kind, Random(seed), share=0) != word


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_every_kind_changes_a_sentence(kind: Kind, share: float) -> None:
    text = "you fucking bitch, kill yourself and suck the vile coward"
    for seed in range(20):
        assert evade(text, kind, Random(seed), share=share) != text


def _letters(text: str) -> str:
    return "".join(c for c in text if c.isalpha())


@pytest.mark.parametrize("kind", sorted(SPELLING))
@pytest.mark.parametrize("sentence", _SENTENCES)
def test_a_change_of_spelling_changes_the_letters(kind: Kind, sentence: str) -> None:
    respelled = [evade(sentence, kind, Random(seed)) for seed in range(20)]
    if kind in {Kind.ONE_SPACE_INSIDE, Kind.WORDS_RUN_TOGETHER}:
        # only white space moves, and the words are other ones
        assert {_letters(text) for text in respelled} == {_letters(sentence)}
        assert all(text.split() != sentence.split() for text in respelled)
    else:
        changed = [text for text in respelled if text != sentence]
        assert changed or kind in {Kind.PH_FOR_F, Kind.EMOJI_FOR_WORD}
        assert all(_letters(text) != _letters(sentence) for text in changed)


@pytest.mark.parametrize("kind", sorted(UNDOABLE))
def test_the_normaliser_undoes_what_it_is_meant_to(kind: Kind) -> None:
    evaded = undone = 0
    for sentence in _SENTENCES:
        clean = views(sentence)[-1].casefold()
        for seed in range(20):
            text = evade(sentence, kind, Random(seed), share=0)
            evaded += text != sentence
            undone += text != sentence and any(v.casefold() == clean for v in views(text))
    assert evaded >= 60
    assert undone >= _UNDONE_AT_LEAST.get(kind, 1) * evaded


@pytest.mark.parametrize(
    ("kind", "word", "found"),
    [
        (Kind.DIGITS_FOR_LETTERS, "shot", "5h07"),
        (Kind.SYMBOLS_FOR_LETTERS, "bass", "b@$$"),
        (Kind.BRACKETS_AS_LETTERS, "nock", "noc|<"),
        (Kind.PH_FOR_F, "fuck", "phuck"),
        (Kind.U_FOR_V, "fuck", "fvck"),
        (Kind.MASKING, "fuck", "f*ck"),
        (Kind.ALTERNATING_CASE, "fuck", "fUcK"),
        (Kind.LOOKALIKES, "cop", "сор"),
        (Kind.FULL_WIDTH, "Fuck", "Ｆｕｃｋ"),
        (Kind.CIRCLED, "fuck", "ⓕⓤⓒⓚ"),
        (Kind.SQUARED, "fuck", "🅵🆄🅲🅺"),
        (Kind.MATHEMATICAL, "fuck", "𝖋𝖚𝖈𝖐"),
        (Kind.ZERO_WIDTH, "xyz", "x\u200by\u200bz"),
        (Kind.SOFT_HYPHENS, "fuck", "f\u00aduck"),
        (Kind.HANGUL_FILLER, "fuck", "fu\u3164ck"),
        (Kind.SPACES_BETWEEN, "fuck", "f u c k"),
        (Kind.DOTS_BETWEEN, "fuck", "f.u.c.k"),
        (Kind.UNDERSCORES_BETWEEN, "fuck", "f_u_c_k"),
        (Kind.HYPHENS_BETWEEN, "fuck", "f-u-c-k"),
        (Kind.ONE_SPACE_INSIDE, "fuck", "fu ck"),
        (Kind.WORDS_RUN_TOGETHER, "fuck you", "fuckyou"),
        (Kind.REPEATED_LETTERS, "fuck", "fuuuck"),
        (Kind.DROPPED_VOWELS, "bitches", "btchs"),
        (Kind.LETTER_DELETED, "bitch", "bich"),
        (Kind.LETTERS_SWAPPED, "bitch", "bicth"),
        (Kind.LETTER_INSERTED, "bitch", "bittch"),
        (Kind.LETTER_REPLACED, "shit", "shut"),
        (Kind.PHONETIC_RESPELLING, "fucker", "fuka"),
        (Kind.PHONETIC_RESPELLING, "DICKS", "DIKZ"),
        (Kind.EMOJI_FOR_LETTER, "fuck", "🇫 🇺 🇨 🇰"),
        (Kind.EMOJI_FOR_LETTER, "bitch", "🅱itch"),
        (Kind.EMOJI_FOR_WORD, "snakes", "🐍s"),
        (Kind.EMOJI_FOR_WORD, "Ass", "🍑"),
        (Kind.SPOILER_BARS, "fuck", "fu||ck||"),
        (Kind.MARKDOWN, "fuck", "**fu**ck"),
    ],
)
def test_the_disguises_that_people_use_are_among_them(kind: Kind, word: str, found: str) -> None:
    assert found in {evade(word, kind, Random(seed)) for seed in range(3000)}


@pytest.mark.parametrize("kind", sorted(set(Kind) - PADDING))
@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b I 12",
        "привет как дела, いい天気ですね",
        "https://fuck.example/shit?bitch=1 <@123> <#12> <:stupid:12> <@&5> :snake:",
        "```py\nkill(fucking_bitch)\n``` `stupid snake`",
        "```\nkill fuck",
        "fuck.com shitty.org/fuck fuck@shit.org @stupid snake_case_fuck",
        "can't won't don't",
    ],
)
def test_without_an_eligible_word_the_text_stays(kind: Kind, text: str) -> None:
    assert evade(text, kind, Random(1)) == text


def test_a_link_is_not_joined_to_a_word() -> None:
    text = "see https://a.b or www.c.d or me@e.f, kill snake.com"
    assert evade(text, Kind.WORDS_RUN_TOGETHER, Random(1)) == text


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_the_share_counts_eligible_words(share: float) -> None:
    text = " ".join(["snake"] * 20)
    changed = evade(text, Kind.EMOJI_FOR_WORD, Random(3), share=share).split().count("🐍")
    assert changed == 20 * share


def test_only_the_given_words_are_disguised() -> None:
    text = "The Snake ate the pig, the dog and the snake"
    assert (
        evade(text, Kind.EMOJI_FOR_WORD, Random(1), words={"snake"})
        == "The 🐍 ate the pig, the dog and the 🐍"
    )
    assert evade(text, Kind.PADDING_AFTER, Random(1), words={"bird"}) == text
    joined = evade(text, Kind.WORDS_RUN_TOGETHER, Random(1), words={"snake"})
    assert joined == "TheSnakeate the pig, the dog and thesnake"


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_an_impossible_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=f"share is {share}"):
        evade("some words", Kind.MASKING, Random(1), share=share)


def test_padding_is_harmless_and_on_its_side() -> None:
    text = "you fucking bitch"
    for seed in range(30):
        assert evade(text, Kind.PADDING_BEFORE, Random(seed)).endswith(text)
        assert evade(text, Kind.PADDING_AFTER, Random(seed)).startswith(text)


def test_training_texts_are_disguised_in_every_way_and_by_degrees() -> None:
    text = "you fucking bitch, kill yourself and suck the vile coward off with a rope"
    random = Random(7)
    texts = [disguised(text, random) for _ in range(2000)]
    assert len(set(texts)) > 1000
    assert sum(found == text for found in texts) < 20
    undone = sum(text in {view.casefold() for view in views(found)} for found in texts)
    assert undone < 0.5 * len(texts)  # most are for the model to learn
    one_word = sum(len(set(text.split()) - set(found.split())) == 1 for found in texts)
    assert 0.15 * len(texts) < one_word < 0.6 * len(texts)


def test_disguising_keeps_up_with_training() -> None:
    text = ("you fucking bitch, kill yourself and suck the vile coward off with a gun. " * 6)[:400]
    random = Random(5)
    seconds = []
    for _ in range(5):
        start = time.thread_time()
        for _ in range(100):
            disguised(text, random)
        seconds.append((time.thread_time() - start) / 100)
    assert min(seconds) < 0.001  # measured at 0.00014
