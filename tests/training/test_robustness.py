"""A model that flags on one word: what hides the word loses it, what does not keeps it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bot.labels import LABELS
from bot.screening.normalize import views
from training.augment import Kind
from training.data import Labelled
from training.robustness import Robustness, measure_controls, measure_robustness

THRESHOLDS = {label.value: 0.5 for label in LABELS}
WORD = "dunderhead"  # none of the strong words, whose misspellings are mended
HARMFUL = [f"the other team has one {WORD} with number {at} today" for at in range(12)]
HARMLESS = [f"the other team has seven players with number {at} today" for at in range(12)]


def score(texts: Sequence[str], what: str) -> np.ndarray:
    """``insult`` where a view of the text has the word; ``toxic`` where it shouts a Ⓜ."""
    scores = np.full((len(texts), len(LABELS)), 0.1)
    for at, text in enumerate(texts):
        if any(WORD in view.lower().split() for view in views(text)):
            scores[at, LABELS.index("insult")] = 0.9
    return scores


def rows(*groups: tuple[Sequence[str], int]) -> Labelled:
    texts = tuple(text for group, _ in groups for text in group)
    labels = np.zeros((len(texts), len(LABELS)), dtype=np.float32)
    labels[:, LABELS.index("insult")] = [flag for group, flag in groups for _ in group]
    ones = np.ones(len(texts), dtype=np.float32)
    return Labelled(tuple(str(at) for at in range(len(texts))), texts, labels, ones, ones)


def measured(labelled: Labelled, count: int = 100, seed: int = 3) -> Robustness:
    scores = score(labelled.texts, "rows")
    return measure_robustness(labelled, scores, THRESHOLDS, score, count=count, seed=seed)


@pytest.fixture(scope="module")
def found() -> Robustness:
    missed = ["you are rotten", "quite a nasty piece of work"]
    wrongly_flagged = [f"the word {WORD} is in the dictionary"]
    return measured(rows((HARMFUL, 1), (missed, 1), (HARMLESS, 0), (wrongly_flagged, 0)))


def test_only_what_was_right_in_the_clear_is_asked_about(found: Robustness) -> None:
    assert (found.harmful.count, found.harmful.of) == (12, 14)
    assert (found.harmless.count, found.harmless.of) == (12, 13)
    assert found.asked == (12, 12)
    assert max(one.caught.of for one in found.kinds.values()) == 12


def test_every_kind_is_measured(found: Robustness) -> None:
    assert set(found.kinds) == set(Kind)


@pytest.mark.parametrize("kind", [Kind.LETTER_DELETED, Kind.LETTERS_SWAPPED, Kind.LETTER_REPLACED])
def test_a_kind_that_hides_the_word_loses_it(found: Robustness, kind: Kind) -> None:
    one = found.kinds[kind]
    assert (one.caught.count, one.caught.of) == (0, 12)
    # The one word that is disguised is the telling one.
    assert (one.caught_one.count, one.caught_one.of) == (0, 12)


@pytest.mark.parametrize("kind", [Kind.PADDING_BEFORE, Kind.PADDING_AFTER, Kind.ALTERNATING_CASE])
def test_a_kind_that_shows_the_word_keeps_it(found: Robustness, kind: Kind) -> None:
    one = found.kinds[kind]
    assert (one.caught.count, one.caught.of) == (12, 12)


def test_harmless_texts_that_a_disguise_makes_look_harmful_are_counted() -> None:
    def shouting(texts: Sequence[str], what: str) -> np.ndarray:
        scores = np.full((len(texts), len(LABELS)), 0.1)
        scores[:, 0] = [0.9 if "TeAm" in text or "tEaM" in text else 0.1 for text in texts]
        return scores

    labelled = rows((HARMLESS, 0))
    found = measure_robustness(
        labelled, shouting(labelled.texts, ""), THRESHOLDS, shouting, count=5, seed=1
    )
    assert found.asked == (0, 5)
    one = found.kinds[Kind.ALTERNATING_CASE]
    assert (one.flagged.count, one.flagged.of) == (5, 5)
    assert one.caught.of == 0
    assert one.caught.share is None
    assert found.kinds[Kind.MASKING].flagged.count == 0


def test_a_text_that_a_kind_cannot_change_does_not_count() -> None:
    found = measured(rows(([f"{WORD} 1", f"{WORD} 2"], 1)))
    assert found.kinds[Kind.U_FOR_V].caught.of == 2
    assert found.kinds[Kind.EMOJI_FOR_WORD].caught.of == 0
    assert found.kinds[Kind.WORDS_RUN_TOGETHER].caught.of == 0


def test_the_seed_decides_and_the_count_limits() -> None:
    labelled = rows((HARMFUL, 1), (HARMLESS, 0))
    assert measured(labelled, count=4) == measured(labelled, count=4)
    assert measured(labelled, count=4).asked == (4, 4)


def test_no_rows_to_ask_about_is_no_error() -> None:
    found = measured(rows((["you are rotten"], 1)))
    assert found.asked == (0, 0)
    assert found.harmless.of == 0


def test_controls_that_are_flagged_are_listed() -> None:
    groups = {"games": ["nice round", f"the clan {WORD} lost"], "sums": ["1 + 1"]}
    found = measure_controls(groups, THRESHOLDS, score)
    assert {name: (one.count, one.of) for name, one in found.groups.items()} == {
        "games": (1, 2),
        "sums": (0, 1),
    }
    assert [one.text for one in found.alarms["games"]] == [f"the clan {WORD} lost"]
    assert found.alarms["games"][0].label == "insult"
    assert found.alarms["games"][0].score == pytest.approx(0.9)
    assert "sums" not in found.alarms
