from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.labels import LABELS, Label, Scores, Thresholds
from bot.rules import DEFAULT_MEASURE, Action, Measure, Mode
from bot.screening.policy import Layer, Rules, decide, resolve

numbers = st.lists(st.floats(0, 1), min_size=6, max_size=6)
timeouts = st.integers(60, 28 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
measures = st.one_of(
    st.sampled_from([Action.LOG, Action.ALERT, Action.DELETE]).map(Measure),
    timeouts.map(lambda timeout: Measure(Action.TIMEOUT, timeout)),
)
choices = st.dictionaries(st.sampled_from(LABELS), measures)
values = st.dictionaries(st.sampled_from(LABELS), st.floats(0, 1))
layers = st.builds(Layer, values, choices)
modes = st.sampled_from(Mode)


@given(numbers, numbers, choices, modes)
def test_a_label_is_over_exactly_from_its_threshold_on(
    scores: list[float], thresholds: list[float], chosen: dict[Label, Measure], mode: Mode
) -> None:
    rules = Rules(Thresholds.from_sequence(thresholds), chosen)
    decision = decide(Scores.from_sequence(scores), rules, mode)
    expected = [
        label
        for label, score, limit in zip(LABELS, scores, thresholds, strict=True)
        if score >= limit
    ]
    assert list(decision.labels_over) == expected
    assert decision.flagged == bool(expected)
    assert (decision.action is Action.NONE) == (not decision.flagged)


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


@given(numbers, numbers, choices)
def test_the_strongest_of_the_labels_over_applies(
    scores: list[float], thresholds: list[float], chosen: dict[Label, Measure]
) -> None:
    rules = Rules(Thresholds.from_sequence(thresholds), chosen)
    decision = decide(Scores.from_sequence(scores), rules)
    asked = [chosen.get(label, DEFAULT_MEASURE) for label in decision.labels_over]
    order = [Action.NONE, Action.LOG, Action.ALERT, Action.DELETE, Action.TIMEOUT]
    strongest = max([0, *(order.index(measure.action) for measure in asked)])
    assert decision.action is order[strongest]
    longest = max((measure.timeout for measure in asked if measure.timeout), default=None)
    assert decision.timeout == longest


@given(numbers, numbers, choices, modes)
def test_observing_decides_the_same_and_never_acts(
    scores: list[float], thresholds: list[float], chosen: dict[Label, Measure], mode: Mode
) -> None:
    rules = Rules(Thresholds.from_sequence(thresholds), chosen)
    marks = Scores.from_sequence(scores)
    observed, decision = decide(marks, rules, Mode.OBSERVE), decide(marks, rules, mode)
    assert not observed.enforced
    assert observed.action is decision.action
    assert observed.timeout == decision.timeout
    assert decision.enforced == (
        mode is Mode.ENFORCE and decision.action in (Action.DELETE, Action.TIMEOUT)
    )


@given(numbers, st.lists(layers, max_size=4), st.sampled_from(LABELS))
def test_the_narrowest_scope_that_says_something_holds(
    preset: list[float], scopes: list[Layer], label: Label
) -> None:
    rule = resolve(Thresholds.from_sequence(preset), scopes)[label]
    expected_threshold = preset[LABELS.index(label)]
    expected_measure = DEFAULT_MEASURE
    for scope in scopes:
        expected_threshold = scope.thresholds.get(label, expected_threshold)
        expected_measure = scope.measures.get(label, expected_measure)
    assert rule.threshold == expected_threshold
    assert rule.measure == expected_measure
