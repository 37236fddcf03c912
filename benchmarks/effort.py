"""How much is measured: enough to print, or enough to see that it works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """The sizes of all measurements.

    Attributes
    ----------
    lines
        Messages of the fixed file that are scored.
    turns
        How often the sides take turns.
    draws, batch_draws
        Messages and batches of which the recipe's time is taken in a turn; the rest is scaled.
    lone
        Messages that are scored alone in a turn, by each side.
    seconds
        How long an open loop goes on.
    raid_messages, raid_s, fast_raid_s
        How many messages a raid has, and how long it is where they come less and more quickly.
    starts
        How often a process is started.
    posts
        Messages posted over the wire.
    fill
        Messages that a bot screens, no two alike, to fill its caches before its memory is read.
    points
        How many points a curve of `benchmarks.growth` has, at most.
    """

    lines: int
    turns: int
    draws: int
    batch_draws: int
    lone: int
    seconds: float
    raid_messages: int
    raid_s: float
    fast_raid_s: float
    starts: int
    posts: int
    fill: int
    points: int


FULL = Effort(
    lines=2_400,
    turns=3,
    draws=40,
    batch_draws=3,
    lone=40,
    seconds=20.0,
    raid_messages=20_000,
    raid_s=10.0,
    fast_raid_s=4.0,
    starts=5,
    posts=4_000,
    fill=20_000,
    points=8,
)
QUICK = Effort(
    lines=2_400,
    turns=2,
    draws=12,
    batch_draws=2,
    lone=15,
    seconds=6.0,
    raid_messages=20_000,
    raid_s=10.0,
    fast_raid_s=4.0,
    starts=3,
    posts=1_500,
    fill=2_000,
    points=4,
)
