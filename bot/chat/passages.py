"""A long text in pieces, so that nobody waits long behind it and a card can quote it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.labels import Scores
from bot.screening.policy import Decision

# A message has at most so many characters; what is not longer is read as a whole.
WHOLE = 4_000
# What is longer is cut into pieces that a card can quote.
PIECE = 2_000


def passages(text: str, whole: int = WHOLE, longest: int = PIECE) -> list[str]:
    """Cut a text where it has its last line break or space before it gets too long.

    Parameters
    ----------
    whole
        Up to so many characters a text stays in one piece.
    longest
        How many characters a piece of a longer text may have.

    Returns
    -------
    list of str
        Never blank pieces that make up the text but for the white space between them; a text that
        is short enough is the only piece, as it is.
    """
    if len(text) <= whole:
        return [text] if text and not text.isspace() else []
    pieces = []
    rest = text.strip()
    while len(rest) > longest:
        cut = _cut(rest, longest)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*pieces, rest] if rest else pieces


def _cut(text: str, longest: int) -> int:
    """Where to cut: at a line's end in the second half, else at a space there, else hard."""
    for gap in ("\n", " "):
        place = text.rfind(gap, longest // 2, longest + 1)
        if place > 0:
            return place
    return longest


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it was scored: piece by piece.

    Attributes
    ----------
    pieces
        Each with its scores; one for all texts but long ones.
    scores
        The highest per label.
    """

    pieces: tuple[tuple[str, Scores], ...]
    scores: Scores

    def quote(self, decision: Decision) -> str:
        """The piece that is furthest over the thresholds, to be shown to moderators."""

        def furthest(piece: tuple[str, Scores]) -> float:
            margins = (
                piece[1][label] - decision.thresholds[label] for label in decision.labels_over
            )
            return max(margins, default=0.0)

        return max(self.pieces, key=furthest)[0]


async def read_through(text: str, score: Callable[[str], Awaitable[Scores]]) -> Reading:
    """Score a text that is not blank, one piece after the other.

    Raises
    ------
    ScoringError
        As `score` does.
    """
    pieces = [(piece, await score(piece)) for piece in passages(text)]
    scores = pieces[0][1]
    for _, others in pieces[1:]:
        scores = scores.highest(others)
    return Reading(tuple(pieces), scores)
