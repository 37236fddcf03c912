"""Scores and rules in, decision out. Pure: no clock, no storage, no Discord.

Rules come in layers, each over the one before: the preset, what the server chose, what it chose for
the category, for the channel or forum, and for the thread itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from bot.labels import LABELS, Label, Scores, Thresholds
from bot.rules import DEFAULT_MEASURE, Action, Measure, Mode

__all__ = ("Action", "Decision", "Layer", "Mode", "Rule", "Rules", "decide", "resolve")

_NOTHING_OWN: Mapping[Label, Measure] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to one label: from which score on it flags, and what is done then."""

    threshold: float
    measure: Measure


@dataclass(frozen=True, slots=True)
class Rules:
    """What a server wants in one place.

    Attributes
    ----------
    thresholds
        From which score on a label flags.
    measures
        What is done then, for the labels with a choice of their own; the others alert.
    """

    thresholds: Thresholds
    measures: Mapping[Label, Measure] = field(default_factory=lambda: _NOTHING_OWN)

    def __getitem__(self, label: Label) -> Rule:
        return Rule(self.thresholds[label], self.measures.get(label, DEFAULT_MEASURE))


@dataclass(frozen=True, slots=True)
class Layer:
    """What was chosen for one scope; a label that is in neither keeps what lies below."""

    thresholds: Mapping[Label, float]
    measures: Mapping[Label, Measure]


def resolve(preset: Thresholds, layers: Iterable[Layer]) -> Rules:
    """Lay one scope over the other, the widest first.

    A label's threshold and its measure are overridden each by itself.
    """
    thresholds: dict[Label, float] = {}
    measures: dict[Label, Measure] = {}
    for layer in layers:
        thresholds.update(layer.thresholds)
        measures.update(layer.measures)
    return Rules(preset.replace(thresholds), MappingProxyType(measures))


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy concluded about one text.

    Attributes
    ----------
    scores, thresholds
        What was compared.
    labels_over
        The labels whose score reached their threshold, in the order of `LABELS`.
    action
        The strongest that a label over its threshold asks for; `Action.NONE` exactly when there is
        none. What the rules ask for, whatever the mode.
    mode
        In `Mode.OBSERVE` nothing of it is done to members: it is only told.
    timeout
        How long the author is to be kept quiet, the longest that a label asks for; None unless
        `action` is `Action.TIMEOUT`.
    """

    scores: Scores
    thresholds: Thresholds
    labels_over: tuple[Label, ...]
    action: Action
    mode: Mode = Mode.OBSERVE
    timeout: timedelta | None = None

    @property
    def flagged(self) -> bool:
        """Whether at least one label is over its threshold."""
        return bool(self.labels_over)

    @property
    def enforced(self) -> bool:
        """Whether something is to be done to the message or its author."""
        return self.mode is Mode.ENFORCE and self.action.acts


def decide(scores: Scores, rules: Rules, mode: Mode = Mode.OBSERVE) -> Decision:
    """Compare each score with its threshold; a score equal to the threshold flags."""
    thresholds = rules.thresholds
    over = tuple(label for label in LABELS if scores[label] >= thresholds[label])
    if not over:
        return Decision(scores, thresholds, over, Action.NONE, mode)
    measures = [rules[label].measure for label in over]
    action = max((measure.action for measure in measures), key=lambda action: action.strength)
    timeouts = [measure.timeout for measure in measures if measure.timeout is not None]
    return Decision(scores, thresholds, over, action, mode, max(timeouts, default=None))
