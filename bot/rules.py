"""What a server may want done about a label: actions, modes, and how long a timeout lasts.

Known to the policy, to storage and to Discord's side alike, hence beside the labels and free of
all three.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

# Discord's own limit on a member's timeout.
LONGEST_TIMEOUT = timedelta(days=28)
SHORTEST_TIMEOUT = timedelta(seconds=60)
LONGEST_WINDOW = timedelta(days=365)
SHORTEST_WINDOW = timedelta(minutes=1)
MOST_FLAGS = 100


class Action(StrEnum):
    """What is to be done about a message, weakest first. Each includes the weaker ones.

    `LOG` writes the decision down and shows nobody; `ALERT` shows moderators a card; `DELETE` takes
    the message away as well; `TIMEOUT` also keeps its author quiet for a while.
    """

    NONE = "none"
    LOG = "log"
    ALERT = "alert"
    DELETE = "delete"
    TIMEOUT = "timeout"

    @property
    def strength(self) -> int:
        """Its place in the order from `NONE` (0) upwards."""
        return _ORDER[self]

    @property
    def acts(self) -> bool:
        """Whether it changes something for members, beyond telling moderators."""
        return self.strength > Action.ALERT.strength


_ORDER = {action: place for place, action in enumerate(Action)}


class Mode(StrEnum):
    """Whether a server wants actions carried out, or only told what they would have been."""

    OBSERVE = "observe"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class Measure:
    """An action with what it needs to be carried out.

    Attributes
    ----------
    action
        Not `Action.NONE`: a label that is to be left alone gets a threshold of 1, not no action.
    timeout
        How long the author is kept quiet: with `Action.TIMEOUT`, and only with it. From one minute
        to 28 days.

    Raises
    ------
    ValueError
        If the two do not fit each other.
    """

    action: Action
    timeout: timedelta | None = None

    def __post_init__(self) -> None:
        if self.action is Action.NONE:
            raise ValueError("a measure needs an action: log, alert, delete or timeout")
        if (self.timeout is not None) != (self.action is Action.TIMEOUT):
            raise ValueError("a timeout has a duration, and nothing else has one")
        if self.timeout is not None:
            check_timeout(self.timeout)


def check_timeout(duration: timedelta) -> None:
    """Refuse a duration that Discord would refuse.

    Raises
    ------
    ValueError
        If it is shorter than a minute or longer than 28 days.
    """
    if not SHORTEST_TIMEOUT <= duration <= LONGEST_TIMEOUT:
        raise ValueError(f"a timeout of {duration}: from one minute to 28 days is possible")


DEFAULT_MEASURE = Measure(Action.ALERT)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the escalation.

    Attributes
    ----------
    flags
        After so many earlier flags of the author: 1 to 100.
    window
        Earlier flags count for so long: a minute to a year.
    timeout
        The author is then kept quiet for at least so long.

    Raises
    ------
    ValueError
        If one of them is out of its range.
    """

    flags: int
    window: timedelta
    timeout: timedelta

    def __post_init__(self) -> None:
        if not 1 <= self.flags <= MOST_FLAGS:
            raise ValueError(f"{self.flags} flags: from 1 to {MOST_FLAGS} are possible")
        if not SHORTEST_WINDOW <= self.window <= LONGEST_WINDOW:
            raise ValueError(f"a window of {self.window}: from one minute to a year is possible")
        check_timeout(self.timeout)
