"""The six labels, their order and their words.

Everything that holds "one number for each label" uses the two value types here, so that a score
can never be mistaken for a threshold and the order of the labels is written down once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Self

from bot.language import tr


class Label(StrEnum):
    """A kind of harmful message. The order of the members is the order of the model's outputs."""

    TOXIC = "toxic"
    SEVERE_TOXIC = "severe_toxic"
    OBSCENE = "obscene"
    THREAT = "threat"
    INSULT = "insult"
    IDENTITY_HATE = "identity_hate"

    @property
    def caption(self) -> str:
        """The label as people read it: ``severe_toxic`` → ``Severe toxic``."""
        match self:
            case Label.TOXIC:
                return tr("Toxic")
            case Label.SEVERE_TOXIC:
                return tr("Severe toxic")
            case Label.OBSCENE:
                return tr("Obscene")
            case Label.THREAT:
                return tr("Threat")
            case Label.INSULT:
                return tr("Insult")
            case Label.IDENTITY_HATE:
                return tr("Identity hate")

    @classmethod
    def parse(cls, text: str) -> Label | None:
        """Read a label as a person may type it (``Severe toxic``, ``identity-hate``).

        Returns
        -------
        Label or None
            ``None`` if the text names none of the six.
        """
        folded = text.strip().lower().replace(" ", "_").replace("-", "_")
        return next((label for label in cls if label.value == folded), None)


LABELS: tuple[Label, ...] = tuple(Label)
_NAMES = tuple(label.value for label in Label)
# Every window of every message comes by here: much quicker than to ask the class for its fields.
_numbers: Callable[[object], tuple[float, ...]] = attrgetter(*_NAMES)


@dataclass(frozen=True, slots=True)
class _PerLabel:
    """One number in [0, 1] for each label; immutable, checked when it is made."""

    toxic: float
    severe_toxic: float
    obscene: float
    threat: float
    insult: float
    identity_hate: float

    def __post_init__(self) -> None:
        for name, value in zip(_NAMES, _numbers(self), strict=True):
            # "not (… <= …)" also refuses NaN, which every comparison calls false.
            if not 0.0 <= value <= 1.0:
                kind = type(self).__name__
                raise ValueError(f"{kind}.{name} is {value!r}; a number from 0 to 1 is needed")

    @classmethod
    def from_sequence(cls, values: Sequence[float]) -> Self:
        """Build from six numbers in the order of `LABELS`."""
        if len(values) != len(LABELS):
            raise ValueError(f"{cls.__name__} takes {len(LABELS)} numbers, not {len(values)}")
        return cls(*(float(value) for value in values))

    @classmethod
    def from_mapping(cls, values: Mapping[str, float]) -> Self:
        """Build from a mapping that names each of the six labels (and nothing else)."""
        if set(values) != set(LABELS):
            raise ValueError(f"{cls.__name__} takes the labels {', '.join(LABELS)}")
        return cls.from_sequence([values[label] for label in LABELS])

    def __getitem__(self, label: Label) -> float:
        value: float = getattr(self, label.value)
        return value

    def items(self) -> Iterator[tuple[Label, float]]:
        """Label and number, in the order of `LABELS`."""
        return zip(LABELS, _numbers(self), strict=True)

    def as_dict(self) -> dict[str, float]:
        """The six numbers under the labels' plain names, for JSON and SQL."""
        return dict(zip(_NAMES, _numbers(self), strict=True))


@dataclass(frozen=True, slots=True)
class Scores(_PerLabel):
    """Calibrated probabilities that a reader would give a text each label."""

    def highest(self, other: Scores) -> Scores:
        """The higher score per label: how the views and windows of one text are joined."""
        return Scores(*map(max, _numbers(self), _numbers(other)))


@dataclass(frozen=True, slots=True)
class Thresholds(_PerLabel):
    """The score from which on each label flags a message."""

    def replace(self, values: Mapping[Label, float]) -> Thresholds:
        """The same thresholds with some labels' values exchanged."""
        return Thresholds(*(values.get(label, self[label]) for label in LABELS))
