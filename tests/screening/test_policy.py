from hypothesis import given
from hypothesis import strategies as st

from bot.labels import LABELS, Label, Scores, Thresholds
from bot.screening.policy import Action, Rules, decide

numbers = st.lists(st.floats(0, 1), min_size=6, max_size=6)


@given(numbers, numbers)
def test_a_label_is_over_exactly_from_its_threshold_on(
    scores: list[float], thresholds: list[float]
) -> None:
    decision = decide(Scores.from_sequence(scores), Rules(Thresholds.from_sequence(thresholds)))
    expected = [
        label
        for label, score, limit in zip(LABELS, scores, thresholds, strict=True)
        if score >= limit
    ]
    assert list(decision.labels_over) == expected
    assert decision.flagged == bool(expected)
    assert (decision.action is Action.ALERT) == decision.flagged


@given(numbers, numbers, st.sampled_from(LABELS), st.floats(0, 1))
def test_a_lower_threshold_never_unflags(
    scores: list[float], thresholds: list[float], label: Label, lower: float
) -> None:
    before = Thresholds.from_sequence(thresholds)
    after = before.replace({label: min(lower, before[label])})
    marks = Scores.from_sequence(scores)
    assert set(decide(marks, Rules(before)).labels_over) <= set(
        decide(marks, Rules(after)).labels_over
    )
