"""From moderators' verdicts on flags to thresholds that keep false alarms rare. Pure.

A verdict is about a message, not a label. One that dismisses says that no label was right, so it
counts against every label that was over its threshold. One that upholds says that some label was;
it counts for each of them. What only one label raised speaks of that label alone, and where there
is enough of it, it has to be right as often by itself: otherwise flags that others would have
raised anyway could hide its false alarms.

Only what was flagged has a verdict. What a threshold would flag is known if it was flagged, that is
for values at or above the threshold that held then; verdicts from a time of lower thresholds tell
what lowering them would do, and without such nobody knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Protocol

from bot.labels import LABELS, Label, Scores, Thresholds

DEFAULT_PRECISION = 0.8
LOWEST_PRECISION, HIGHEST_PRECISION = 0.5, 0.99

# Thresholds are suggested in hundredths, as people type them.
_STEPS = 100
# Scores and thresholds such as 0.29 are not moved across a hundredth by binary fractions.
_CLOSE = 1e-9
# The normal distribution's 95th percentile: both ends of an interval are missed 5 times of 100.
_NORMAL_90 = 1.6449


class Judged(Protocol):
    """A flag with a verdict: scores, the thresholds that held when it was raised, the judgement."""

    @property
    def scores(self) -> Scores: ...

    @property
    def thresholds(self) -> Thresholds: ...

    @property
    def labels_over(self) -> tuple[Label, ...]: ...

    @property
    def upheld(self) -> bool:
        """Whether a moderator upheld it; if not, it was dismissed."""


@dataclass(frozen=True, slots=True)
class Precision:
    """How often flags were right, as far as verdicts tell.

    Attributes
    ----------
    verdicts, upheld
        How many there are, and how many of them upheld the flag.
    """

    verdicts: int
    upheld: int

    def __post_init__(self) -> None:
        if not 0 <= self.upheld <= self.verdicts:
            raise ValueError(f"{self.upheld} of {self.verdicts} verdicts cannot be upheld")

    @property
    def share(self) -> float:
        """The part that was right; 0 without verdicts."""
        return self.upheld / self.verdicts if self.verdicts else 0.0

    @property
    def low(self) -> float:
        """Lower end of the 90 % interval."""
        return self._interval()[0]

    @property
    def high(self) -> float:
        """Upper end of the 90 % interval."""
        return self._interval()[1]

    def _interval(self) -> tuple[float, float]:
        """Wilson's score interval.

        E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA
        22 (1927); recommended for few observations by Brown, Cai and DasGupta, "Interval estimation
        for a binomial proportion", Statistical Science 16 (2001).
        """
        n, z2 = self.verdicts, _NORMAL_90**2
        if not n:
            return 0.0, 1.0
        middle = (self.upheld + z2 / 2) / (n + z2)
        half = math.sqrt(n * z2 * self.share * (1 - self.share) + z2 * z2 / 4) / (n + z2)
        return max(middle - half, 0.0), min(middle + half, 1.0)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What verdicts say of one label's threshold.

    Attributes
    ----------
    now
        The threshold as it is, and `at_now`, how right it is.
    needed
        How many verdicts it takes at least, all of them upheld, to be sure enough.
    threshold
        The lowest that is right often enough as far as is known, and `expected`, how right it is.
        None if there is none, or too few verdicts on what is flagged now.
    elsewhere
        How many verdicts on flags of this label say nothing of `now`: a higher threshold held when
        they were raised, or their score is below it.
    """

    label: Label
    now: float
    at_now: Precision
    needed: int
    threshold: float | None = None
    expected: Precision | None = None
    elsewhere: int = 0

    @property
    def enough(self) -> bool:
        """Whether there are verdicts enough on what is flagged now to say anything."""
        return self.at_now.verdicts >= self.needed

    @property
    def changes(self) -> bool:
        """Whether another threshold than now's is suggested."""
        return self.threshold is not None and self.threshold != self.now


def needed(wanted: float) -> int:
    """How many upheld verdicts, and none dismissed, it takes to be sure of a precision.

    Wilson's lower end for n of n is ``n / (n + z²)``.
    """
    return math.ceil(_NORMAL_90**2 * wanted / (1 - wanted))


def suggest(
    judged: Sequence[Judged], now: Thresholds, wanted: float, labels: Iterable[Label] = LABELS
) -> list[Suggestion]:
    """The lowest threshold of each label whose flags are right often enough.

    Often enough: the lower end of the interval reaches what is wanted. A higher wanted precision
    never gives a lower threshold.

    Parameters
    ----------
    wanted
        The part of flags that is to be right, from 0.5 to 0.99.

    Raises
    ------
    ValueError
        If `wanted` is out of range.
    """
    if not LOWEST_PRECISION <= wanted <= HIGHEST_PRECISION:
        raise ValueError(
            f"precision {wanted:g}: from {LOWEST_PRECISION} to {HIGHEST_PRECISION} can be wanted"
        )
    return [_suggest(label, judged, now[label], wanted) for label in labels]


def _suggest(label: Label, judged: Sequence[Judged], now: float, wanted: float) -> Suggestion:
    over = [one for one in judged if label in one.labels_over]
    together = _by_threshold(label, over, now)
    alone = _by_threshold(label, [one for one in over if len(one.labels_over) == 1], now)
    least = needed(wanted)
    at_now = together[now]
    found = Suggestion(label, now, at_now, least, elsewhere=len(over) - at_now.verdicts)
    if not found.enough:
        # Those of places with higher thresholds say nothing of what holds elsewhere.
        return found
    for value in sorted(together):
        precision, by_itself = together[value], alone[value]
        if precision.verdicts < least or precision.low < wanted:
            continue
        if by_itself.verdicts >= least and by_itself.low < wanted:
            continue
        return replace(found, threshold=value, expected=precision)
    return found


def _by_threshold(label: Label, judged: Iterable[Judged], now: float) -> dict[float, Precision]:
    """How right each threshold would be, in hundredths and as it is now.

    A verdict speaks of thresholds from the one that held then up to the score.
    """
    counted = [0] * (_STEPS + 2)
    upheld = [0] * (_STEPS + 2)
    at_now = upheld_now = 0
    for one in judged:
        held, score = one.thresholds[label], one.scores[label]
        if held <= now <= score:
            at_now += 1
            upheld_now += one.upheld
        first = math.ceil(held * _STEPS - _CLOSE)
        last = math.floor(score * _STEPS + _CLOSE)
        if first <= last:
            counted[first] += 1
            counted[last + 1] -= 1
            upheld[first] += one.upheld
            upheld[last + 1] -= one.upheld
    sums = zip(accumulate(counted), accumulate(upheld), strict=True)
    found = {
        step / _STEPS: Precision(verdicts, right) for step, (verdicts, right) in enumerate(sums)
    }
    del found[(_STEPS + 1) / _STEPS]
    found.setdefault(now, Precision(at_now, upheld_now))
    return found
