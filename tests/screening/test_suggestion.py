from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.labels import LABELS, Label, Scores, Thresholds
from bot.screening.suggestion import Precision, Suggestion, needed, suggest

NOW = Thresholds(0.7, 0.7, 0.7, 0.7, 0.7, 0.7)


@dataclass(frozen=True)
class Flag:
    scores: Scores
    thresholds: Thresholds
    labels_over: tuple[Label, ...]
    upheld: bool


def flag(upheld: bool, toxic: float, insult: float = 0.0, held: float = 0.7) -> Flag:
    scores = Scores(toxic, 0.0, 0.0, 0.0, insult, 0.0)
    over = tuple(label for label in LABELS if scores[label] >= held)
    return Flag(scores, Thresholds(*[held] * 6), over, upheld)


def toxic(flags: Sequence[Flag], wanted: float = 0.8, now: float = 0.7) -> Suggestion:
    (found,) = suggest(flags, NOW.replace({Label.TOXIC: now}), wanted, [Label.TOXIC])
    return found


hundredths = st.integers(0, 100).map(lambda n: n / 100)
flags = st.builds(
    lambda upheld, held, score, other: flag(upheld, max(held, score), other, held),
    st.booleans(),
    hundredths,
    hundredths,
    st.sampled_from([0.0, 0.9]),
)
many = st.lists(flags, max_size=60)
wanted = st.sampled_from([0.5, 0.6, 0.7, 0.8, 0.9])


@given(verdicts=st.integers(0, 500), part=st.floats(0, 1))
def test_an_interval_holds_the_share(verdicts: int, part: float) -> None:
    precision = Precision(verdicts, round(part * verdicts))
    assert 0 <= precision.low <= precision.share + 1e-12
    assert precision.share <= precision.high + 1e-12 or not verdicts
    assert precision.high <= 1


def test_the_interval_is_wilsons() -> None:
    # 81 of 263 at 95 % is 0.2553 to 0.3662 (Newcombe 1998, table I); here with 90 %.
    precision = Precision(263, 81)
    assert precision.low == pytest.approx(0.2635, abs=5e-4)
    assert precision.high == pytest.approx(0.3567, abs=5e-4)


@given(share=st.floats(0.5, 0.99))
def test_as_many_verdicts_are_needed_as_it_takes(share: float) -> None:
    number = needed(share)
    assert Precision(number, number).low >= share - 1e-12
    assert Precision(number - 1, number - 1).low < share


@settings(max_examples=50)
@given(judged=many, share=wanted, now=hundredths)
def test_what_is_suggested_keeps_its_promise(judged: list[Flag], share: float, now: float) -> None:
    found = toxic(judged, share, now)
    if found.threshold is None:
        assert found.expected is None
        return
    assert found.expected is not None
    assert found.expected.low >= share
    assert found.expected.verdicts >= found.needed
    speaking = [
        one
        for one in judged
        if Label.TOXIC in one.labels_over
        and one.thresholds.toxic <= found.threshold <= one.scores.toxic
    ]
    assert found.expected.verdicts == len(speaking)
    assert found.expected.upheld == sum(one.upheld for one in speaking)


@settings(max_examples=50)
@given(judged=many, now=hundredths)
def test_more_precision_never_lowers_a_threshold(judged: list[Flag], now: float) -> None:
    found = [toxic(judged, share, now).threshold for share in (0.5, 0.6, 0.7, 0.8, 0.9)]
    # Once there is none, there is none for more.
    reached = [value for value in found if value is not None]
    assert found[: len(reached)] == reached == sorted(reached)


@settings(max_examples=50)
@given(judged=many, share=wanted, now=hundredths, at=st.integers(0, 59))
def test_a_flag_upheld_instead_of_dismissed_never_raises_a_threshold(
    judged: list[Flag], share: float, now: float, at: int
) -> None:
    worse = [replace(one, upheld=one.upheld and n != at) for n, one in enumerate(judged)]
    better = [replace(one, upheld=one.upheld or n == at) for n, one in enumerate(judged)]
    least, most = toxic(better, share, now).threshold, toxic(worse, share, now).threshold
    assert most is None or (least is not None and least <= most)


def test_false_alarms_at_low_scores_raise_the_threshold() -> None:
    found = toxic([flag(False, 0.72)] * 20 + [flag(True, 0.9)] * 20)
    assert found.threshold == 0.73
    assert found.expected == Precision(20, 20)
    assert found.at_now == Precision(40, 20)
    assert found.changes
    assert found.enough


def test_few_verdicts_are_not_enough() -> None:
    found = toxic([flag(True, 0.9)] * 10)
    assert found.needed == 11
    assert not found.enough
    assert found.threshold is None
    assert found.elsewhere == 0
    assert toxic([flag(True, 0.9)] * 11).threshold == 0.7


def test_verdicts_that_say_nothing_of_the_threshold_are_counted_apart() -> None:
    lowered = toxic([flag(True, 0.9)] * 40 + [flag(False, 0.9, held=0.4)] * 3, now=0.5)
    assert (lowered.at_now.verdicts, lowered.elsewhere) == (3, 40)
    assert lowered.threshold is None
    raised = toxic([flag(True, 0.9)] * 40, now=0.95)
    assert (raised.at_now.verdicts, raised.elsewhere) == (0, 40)


def test_nothing_is_known_below_what_has_held() -> None:
    found = toxic([flag(True, 0.9)] * 50)
    assert found.threshold == 0.7
    assert not found.changes
    # But verdicts from a time of lower thresholds tell.
    assert toxic([flag(True, 0.9, held=0.55)] * 50).threshold == 0.55


def test_flags_from_where_the_threshold_was_higher_say_nothing_of_lower_ones() -> None:
    strict_channel = [flag(True, 0.97, held=0.95)] * 50
    assert toxic(strict_channel).at_now == Precision(0, 0)
    assert toxic(strict_channel).threshold is None
    assert toxic([*strict_channel, *[flag(True, 0.8)] * 4]).threshold is None
    assert toxic([*strict_channel, *[flag(False, 0.8)] * 50]).threshold == 0.95


def test_other_labels_do_not_hide_false_alarms() -> None:
    """What insult raises alone is dismissed; together with toxic it is upheld."""
    together = [flag(True, 0.95, insult=0.95)] * 100
    alone = [flag(False, 0.1, insult=0.75)] * 15
    (found,) = suggest([*together, *alone], NOW, 0.8, [Label.INSULT])
    assert found.at_now.low >= 0.8
    assert found.threshold == 0.76


def test_no_threshold_may_be_enough() -> None:
    found = toxic([flag(False, 0.99)] * 40)
    assert found.enough
    assert found.threshold is None
    assert found.at_now == Precision(40, 0)


@pytest.mark.parametrize("share", [0.49, 1.0, float("nan")])
def test_refuses_what_cannot_be_wanted(share: float) -> None:
    with pytest.raises(ValueError, match="precision"):
        suggest([], NOW, share)


def test_the_wanted_precision_is_kept_about_as_often_as_the_interval_says() -> None:
    """Of calibrated scores from 0.5 to 1, flags from t on are right (1 + t) / 2 of the time."""
    chance, trials, broken = random.Random(4), 150, 0
    for _ in range(trials):
        judged = [
            flag(chance.random() < score, score, held=0.5)
            for score in (chance.uniform(0.5, 1) for _ in range(100))
        ]
        value = toxic(judged, 0.8, 0.5).threshold
        broken += value is not None and (1 + value) / 2 < 0.8 - 1e-9
    assert broken / trials < 0.12
