"""Prepared texts that wait for the network, and which windows of them make the next batch.

The queue decides who comes in here; here it is decided who is read next, each time anew when a lane
is free. So a text that comes now may go before those that came in earlier, and its batch is filled
up with whatever of its length is at hand: the wider the choice, the fewer tokens are padding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bot.labels import Scores
from bot.screening.batching import batches
from bot.screening.model import WORTH_A_LANE, Model, Window
from bot.screening.waiting import Job, Priority

# How many of a text's windows may be in one batch.
_SHOWN = 4
# None is passed over for ever. One batch in so many is for the first comer of those that wait for a
# higher class, one in so many for the first comer of the class whose turn it is.
_LOWER_CLASS_EVERY = 8
_FIRST_COMER_EVERY = 16
# A server of which more texts are here is flooded. Where others are not, one batch in so many is
# for the flooded ones, and each of theirs is of a part of the budget: whoever comes meanwhile waits
# for the rest of it.
_FLOOD = 6
_FLOODED_EVERY = 4
_FLOODS_TURN, _OTHERS_TURN = 1, 15  # which of those batches it is; a lower class has number 0
_FLOODED_PART = 1 / 3
# For so many batches after one of these others was here, more of them are expected.
_CALM_BATCHES = 32


@dataclass(slots=True, eq=False)
class Group:
    """Jobs that are one and the same to the network: they differ in case, or in what is unseen.

    Attributes
    ----------
    windows
        All of them.
    key
        What its scores are remembered under.
    unread, tokens
        The windows that no batch has taken yet, and their tokens.
    long
        It is more than a batch: short texts of its server go first.
    left
        How many windows have no scores yet.
    scores
        The highest over those that have.
    ended
        It was answered or given up: what a lane still finds out about it is of no use.
    """

    windows: tuple[Window, ...]
    key: bytes
    jobs: list[Job]
    long: bool
    unread: list[Window] = field(init=False)
    left: int = field(init=False)
    tokens: int = field(init=False)
    scores: Scores | None = None
    ended: bool = False

    def __post_init__(self) -> None:
        self.unread = list(self.windows)
        self.left = len(self.windows)
        self.tokens = sum(map(len, self.windows))

    @property
    def places(self) -> Iterable[tuple[int, Priority]]:
        """The servers that wait for it, each with its class."""
        # copies in one step each, because the event loop lets callers in and out meanwhile
        if len(self.jobs) == 1:
            return tuple(self.jobs[0].tickets)
        return {place for job in self.jobs for place in tuple(job.tickets)}


Piece = tuple[Group, Window]
"""A window to be read, and whose it is."""

_Place = tuple[int, Priority]
# Whose turn it is: class, turn, batch in which its server was read last, whether it is long. The
# lowest goes first, and of equals the first comer.
_Claim = tuple[Priority, int, int, bool]


class Pool:
    """Groups with windows to be read, in the order in which they came.

    Checks before live messages before bulk work, and inside a class the servers take turns, a text
    a turn; of two whose turn it is, the one that was read less lately goes first. A long text's
    windows take a turn each, after the short ones that came with it. But where it is the turn of a
    long text whose server has no other, it is that of the one of these with least left: so the
    fewest wait (Schrage 1968, "A proof of the optimality of the shortest remaining processing time
    discipline").

    A flood in one server takes nothing from the others but what they leave: as long as any comes in
    servers that are not flooded, these are read first and by themselves, and the flooded ones in
    short batches between.

    Parameters
    ----------
    model
        Tells how batches are best cut.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._groups: dict[Group, None] = {}
        self._taken = 0
        self._texts: dict[_Place, int] = {}  # how many of each server are here
        # by class: a server that was not flooded, and the batch before which it was here last
        self._calm: dict[Priority, tuple[_Place, int]] = {}
        # the batch in which a server was read last, of those that have something here
        self._served: dict[_Place, int] = {}

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def groups(self) -> list[Group]:
        """All of them, in the order in which they came."""
        return list(self._groups)

    def tokens(self, most: int) -> int:
        """Tokens that wait, of each text so many at most."""
        return sum(min(group.tokens, most) for group in self._groups)

    def add(self, group: Group) -> None:
        """Let a group wait for its turn."""
        self._groups[group] = None

    def remove(self, group: Group) -> None:
        """Forget a group, if it is here."""
        self._groups.pop(group, None)

    def take(self, budget: int, idle: int) -> tuple[list[Piece], list[Group]]:
        """The next batch, and the groups that were dropped because nobody waits for them any more.

        Parameters
        ----------
        budget
            What it may cost, see `batching.Cost.work`; one piece is taken whatever it has.
        idle
            Lanes that could do with a batch just now, this one included: it leaves them their part.
        """
        claims, pieces, dropped = self._turns()
        for group in dropped:
            self.remove(group)
        if not pieces:
            return [], dropped
        self._taken += 1
        # A batch takes as long as its pieces together: none of another class are added to it. Of
        # those of one length, the ones whose turn it is come first.
        best = min(claims)[0]
        chosen = self._class(claims, best)
        same = [at for at, claim in enumerate(claims) if claim[0] is chosen]
        at, flooded = same[0], False
        if chosen is best:
            same, flooded = self._apart(same, chosen, pieces)
            at = self._whose_turn(same, claims, pieces, flooded)
        same.sort(key=lambda each: pieces[each][0] is not pieces[at][0])
        lengths = [len(pieces[each][1]) for each in same]
        if self._model.batched:
            share = -(-sum(lengths) // idle)
            budget = min(
                round(budget * (_FLOODED_PART if flooded else 1)), max(share, WORTH_A_LANE)
            )
        else:
            budget = 0
        batch = next(each for each in batches(lengths, budget, self._model.cost) if 0 in each)
        taken = [pieces[each] for each in sorted(same[at] for at in batch)]
        for group, window in taken:
            self._served.update(dict.fromkeys(group.places, self._taken))
            group.unread.remove(window)
            group.tokens -= len(window)
            if not group.unread:
                self.remove(group)
        return taken, dropped

    def _class(self, claims: Sequence[_Claim], best: Priority) -> Priority:
        """The class that is read next: the best one, or that of the first comer below it."""
        if self._taken % _LOWER_CLASS_EVERY == 0:
            return next((claim[0] for claim in claims if claim[0] > best), best)
        return best

    def _apart(
        self, same: list[int], chosen: Priority, pieces: Sequence[Piece]
    ) -> tuple[list[int], bool]:
        """Those of a class that are read next to each other, and whether they are a flood's."""
        texts = self._texts
        calm: list[int] = []
        for at in same:
            for place in pieces[at][0].places:
                if place[1] is chosen and texts.get(place, 0) <= _FLOOD:
                    calm.append(at)
                    self._calm[chosen] = place, self._taken
                    break
        if len(calm) == len(same) or chosen not in self._calm:
            return same, False
        place, lately = self._calm[chosen]
        if texts.get(place, 0) > _FLOOD or self._taken - lately > _CALM_BATCHES:
            return same, False  # nobody else is there to be spared
        if calm and self._taken % _FLOODED_EVERY != _FLOODS_TURN:
            return calm, False
        kept = set(calm)
        return [at for at in same if at not in kept], True

    def _whose_turn(
        self, same: Sequence[int], claims: Sequence[_Claim], pieces: Sequence[Piece], flooded: bool
    ) -> int:
        """Which piece is read next, with whatever fills up its batch."""
        if self._taken % _FIRST_COMER_EVERY == (_FLOODS_TURN if flooded else _OTHERS_TURN):
            return same[0]
        first = min(same, key=claims.__getitem__)
        best = claims[first]
        if not best[3]:
            return first
        alone = [
            at
            for at in same
            for group in [pieces[at][0]]
            if group.long
            and claims[at][:2] == best[:2]
            and all(self._texts.get(place) == 1 for place in group.places)
        ]
        return min(alone, key=lambda at: pieces[at][0].tokens) if first in alone else first

    def _turns(self) -> tuple[list[_Claim], list[Piece], list[Group]]:
        """What may be read, each piece with its claim; and the groups that nobody waits for."""
        # by place: the short texts that came before, and the long ones
        shorts: dict[_Place, int] = {}
        longs: dict[_Place, int] = {}
        texts: dict[_Place, int] = {}
        served: dict[_Place, int] = {}
        claims: list[_Claim] = []
        pieces: list[Piece] = []
        dropped: list[Group] = []
        for group in self._groups:
            found: list[_Claim] = []
            for place in group.places:
                texts[place] = texts.get(place, 0) + 1
                last = served[place] = self._served.get(place, 0)
                turn = shorts.get(place, 0)
                if group.long:  # it is not ahead of the short texts of its server
                    before = longs.get(place, 0)
                    longs[place] = before + 1
                    turn += before
                else:
                    shorts[place] = turn + 1
                found.append((place[1], turn, last, group.long))
            if not found:
                dropped.append(group)
                continue
            priority, turn, last, long = found[0] if len(found) == 1 else min(found)
            for at, window in enumerate(group.unread[:_SHOWN]):
                claims.append((priority, turn + at, last, long))
                pieces.append((group, window))
        self._texts, self._served = texts, served
        return claims, pieces, dropped
