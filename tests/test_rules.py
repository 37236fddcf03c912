from datetime import timedelta

import pytest

from bot.rules import Action, Measure, Step

HOUR = timedelta(hours=1)


def test_actions_are_ordered_by_strength() -> None:
    order = [Action.NONE, Action.LOG, Action.ALERT, Action.DELETE, Action.TIMEOUT]
    assert sorted(Action, key=lambda action: action.strength) == order
    assert [action for action in order if action.acts] == [Action.DELETE, Action.TIMEOUT]


@pytest.mark.parametrize(
    ("action", "timeout"),
    [
        (Action.NONE, None),
        (Action.TIMEOUT, None),
        (Action.DELETE, HOUR),
        (Action.TIMEOUT, timedelta(seconds=59)),
        (Action.TIMEOUT, timedelta(days=28, seconds=1)),
    ],
)
def test_a_measure_that_cannot_be_carried_out_is_refused(
    action: Action, timeout: timedelta | None
) -> None:
    with pytest.raises(ValueError, match=r"timeout|action"):
        Measure(action, timeout)


@pytest.mark.parametrize(
    ("flags", "window", "timeout"),
    [
        (0, HOUR, HOUR),
        (101, HOUR, HOUR),
        (1, timedelta(seconds=1), HOUR),
        (1, timedelta(days=366), HOUR),
        (1, HOUR, timedelta(days=29)),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(
    flags: int, window: timedelta, timeout: timedelta
) -> None:
    with pytest.raises(ValueError, match="possible"):
        Step(flags, window, timeout)
