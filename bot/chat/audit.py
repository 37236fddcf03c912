"""What is written into a server's audit log beside everything that is done there.

The audit log is Discord's and in the host's language, English, like the rest of the bot's record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import discord

from bot.labels import LABELS, Label, Scores

REASON_LENGTH = 512
"""Characters that Discord takes for a reason."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The decision for which something is done.

    Attributes
    ----------
    by
        The moderator who had it done, since in the audit log it is the bot that did; None: nobody.
    """

    decision_id: int
    labels_over: tuple[Label, ...]
    scores: Scores
    by: str | None = None

    @property
    def reason(self) -> str:
        """The number of the decision, its labels and their scores."""
        over = ", ".join(f"{label.value} {self.scores[label]:.2f}" for label in self.labels_over)
        return f"Hexward decision {self.decision_id}: {over}{_by([self])}"


def joint_reason(grounds: Sequence[Ground]) -> str:
    """One reason for what is done for several decisions at once: their numbers and their labels.

    Numbers that follow each other stand as ``12–48``; what is one ground has its scores too.
    """
    if len({ground.decision_id for ground in grounds}) == 1:
        return grounds[0].reason
    found = {label for ground in grounds for label in ground.labels_over}
    labels = ", ".join(label.value for label in LABELS if label in found)
    numbers = _in_ranges({one.decision_id for one in grounds})
    return f"Hexward decisions {numbers}: {labels}{_by(grounds)}"


def named(user: discord.abc.User) -> str:
    """A moderator as the audit log names them."""
    return f"{user.name} ({user.id})"


def fitting(reason: str) -> str:
    """A reason as Discord takes it; it refuses longer ones, and shows an empty one as none."""
    text = " ".join(reason.split()) or "Hexward"
    return text if len(text) <= REASON_LENGTH else text[: REASON_LENGTH - 1] + "…"


def _by(grounds: Sequence[Ground]) -> str:
    found = sorted({ground.by for ground in grounds if ground.by is not None})
    return f"; by {', '.join(found)}" if found else ""


def _in_ranges(numbers: Iterable[int]) -> str:
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(f"{a}" if a == b else f"{a}–{b}" for a, b in ranges)
