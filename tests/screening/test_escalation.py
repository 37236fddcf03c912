from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.labels import Label, Scores, Thresholds
from bot.rules import Action, Step
from bot.screening.escalation import escalate
from bot.screening.policy import Decision

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

spans = st.integers(60, 28 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
steps = st.lists(st.builds(Step, st.integers(1, 10), spans, spans), max_size=5)
times = st.lists(spans.map(lambda ago: NOW - ago), max_size=12)


def decided(action: Action, timeout: timedelta | None = None) -> Decision:
    labels = () if action is Action.NONE else (Label.INSULT,)
    scores, limits = Scores(*[0.9] * 6), Thresholds(*[0.7] * 6)
    return Decision(scores, limits, labels, action, timeout=timeout)


def test_the_longest_timeout_that_was_earned_applies() -> None:
    ladder = [Step(1, DAY, HOUR), Step(3, DAY, DAY), Step(2, HOUR, 7 * DAY)]
    earlier = [NOW - 2 * HOUR, NOW - 3 * HOUR, NOW - 4 * HOUR]
    raised = escalate(decided(Action.DELETE), ladder, earlier, NOW)
    assert (raised.decision.action, raised.decision.timeout) == (Action.TIMEOUT, DAY)
    assert raised.before == decided(Action.DELETE)
    assert raised.earlier == 3


def test_a_flag_counts_for_as_long_as_the_window() -> None:
    ladder = [Step(1, HOUR, DAY)]
    just, late = [NOW - HOUR], [NOW - HOUR - timedelta(microseconds=1)]
    assert escalate(decided(Action.DELETE), ladder, just, NOW).decision.timeout == DAY
    assert escalate(decided(Action.DELETE), ladder, late, NOW).before is None


@given(steps, times, st.sampled_from([Action.NONE, Action.LOG, Action.ALERT]))
def test_what_leaves_the_author_alone_stays_so(
    ladder: list[Step], earlier: list[datetime], action: Action
) -> None:
    assert escalate(decided(action), ladder, earlier, NOW).decision == decided(action)


@given(steps, times, spans)
def test_a_timeout_never_gets_shorter(
    ladder: list[Step], earlier: list[datetime], timeout: timedelta
) -> None:
    found = escalate(decided(Action.TIMEOUT, timeout), ladder, earlier, NOW)
    assert found.decision.timeout is not None
    assert found.decision.timeout >= timeout
    assert (found.before is None) == (found.decision.timeout == timeout)


@given(steps, times, spans.map(lambda ago: NOW - ago))
def test_one_more_flag_never_makes_it_milder(
    ladder: list[Step], earlier: list[datetime], another: datetime
) -> None:
    fewer = escalate(decided(Action.DELETE), ladder, earlier, NOW).decision
    more = escalate(decided(Action.DELETE), ladder, [*earlier, another], NOW).decision
    assert (more.timeout or timedelta()) >= (fewer.timeout or timedelta())
    assert more.mode is fewer.mode
