"""What became of a message, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from bot.cogs.screening import Screened
from bot.labels import LABELS


def transcript(author: str, channel: str, text: str, screened: Sequence[Screened]) -> str:
    """A posted message and, below it, the decision on each text in it.

    Scores stand against thresholds: ``toxic 0.97≥0.80`` flags, ``threat 0.01<0.50`` does not.
    """
    lines = [f"#{channel}  {author}: {_printable(text)}"]
    for one in screened:
        decision = one.decision
        verdict = "FLAGGED" if decision.flagged else "passed "
        figures = "  ".join(
            f"{label} {decision.scores[label]:.2f}"
            f"{'≥' if label in decision.labels_over else '<'}{decision.thresholds[label]:.2f}"
            for label in LABELS
        )
        outcome = f"  → {one.result.outcome.replace('_', ' ')}" if one.result else ""
        lines.append(f"    {verdict}  {figures}{outcome}")
    if not screened:
        lines.append("    not screened")
    return "\n".join(lines)


def _printable(text: str) -> str:
    """The text without what a terminal would obey rather than show."""
    return "".join(character if character.isprintable() else "�" for character in text)
