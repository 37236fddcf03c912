"""Scores and rules in, decision out. Pure: no clock, no storage, no Discord."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.labels import LABELS, Label, Scores, Thresholds


class Action(StrEnum):
    """What is to be done about a message, weakest first."""

    NONE = "none"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a server wants: from which score on a label flags."""

    thresholds: Thresholds


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
        What is to be done; `Action.NONE` exactly when no label is over its threshold.
    """

    scores: Scores
    thresholds: Thresholds
    labels_over: tuple[Label, ...]
    action: Action

    @property
    def flagged(self) -> bool:
        """Whether at least one label is over its threshold."""
        return bool(self.labels_over)


def decide(scores: Scores, rules: Rules) -> Decision:
    """Compare each score with its threshold; a score equal to the threshold flags."""
    thresholds = rules.thresholds
    over = tuple(label for label in LABELS if scores[label] >= thresholds[label])
    return Decision(scores, thresholds, over, Action.ALERT if over else Action.NONE)
