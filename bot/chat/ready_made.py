"""Ready-made choices of what is done about each label, for those who do not want to choose six."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot.labels import LABELS, Label
from bot.language import tr
from bot.rules import DEFAULT_MEASURE, Action, Measure

WORST = (Label.SEVERE_TOXIC, Label.THREAT, Label.IDENTITY_HATE)
"""The labels that few servers want to see stand."""

_DELETE = Measure(Action.DELETE)
_TIMEOUT = Measure(Action.TIMEOUT, timedelta(minutes=10))


class ReadyMade(StrEnum):
    """A choice of actions, from the mildest on."""

    ALERT = "alert"
    DELETE_WORST = "delete-worst"
    DELETE = "delete"
    TIMEOUT_WORST = "timeout-worst"


@dataclass(frozen=True, slots=True)
class Told:
    """A choice as a menu offers it: a name, and what it does."""

    name: str
    description: str


def measures_of(choice: ReadyMade) -> dict[Label, Measure]:
    """What is done about each of the six labels."""
    usual, worst = {
        ReadyMade.ALERT: (DEFAULT_MEASURE, DEFAULT_MEASURE),
        ReadyMade.DELETE_WORST: (DEFAULT_MEASURE, _DELETE),
        ReadyMade.DELETE: (_DELETE, _DELETE),
        ReadyMade.TIMEOUT_WORST: (_DELETE, _TIMEOUT),
    }[choice]
    return {label: worst if label in WORST else usual for label in LABELS}


def chosen(measures: Mapping[Label, Measure]) -> ReadyMade | None:
    """Which choice a server's measures amount to; None if they are a choice of its own.

    Parameters
    ----------
    measures
        As stored: a label that is missing alerts.
    """
    whole = {label: measures.get(label, DEFAULT_MEASURE) for label in LABELS}
    return next((choice for choice in ReadyMade if measures_of(choice) == whole), None)


def in_menu(choice: ReadyMade) -> Told:
    """A choice in words; a menu takes a hundred characters for each of the two."""
    match choice:
        case ReadyMade.ALERT:
            return Told(tr("Alert only"), tr("Moderators see a card; nothing else is done."))
        case ReadyMade.DELETE_WORST:
            return Told(
                tr("Delete the worst"),
                tr("Severe toxicity, threats and identity hate are deleted; the rest alerts."),
            )
        case ReadyMade.DELETE:
            return Told(
                tr("Delete everything flagged"), tr("And moderators see a card, as always.")
            )
        case ReadyMade.TIMEOUT_WORST:
            return Told(
                tr("Delete, and time out for the worst"),
                tr("All flags are deleted; the worst also time the author out for 10 minutes."),
            )
