"""How much may wait: for one server and altogether.

Callers are counted until they are answered, characters while a text waits or is worked on. Used by
the event loop only.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from bot.errors import Overloaded
from bot.screening.waiting import Priority

# A server that holds more than this part of its own bound stays out of the last of the room, so
# that however many flood it, there is room for those that have little waiting.
_LITTLE = 1 / 100
_LAST = 1 / 8
# A moderator's check may go over a bound by this part of it, and by one.
_CHECKS_EXTRA = 16


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what was accepted and is not answered.

    A caller whose priority is `Priority.CHECK` may go over each of them by a sixteenth and one. The
    last eighth of the bounds on all servers is for servers that have little waiting: a hundredth of
    what one server may.

    Attributes
    ----------
    most, most_per_server
        Callers that may wait.
    most_chars, most_chars_per_server
        Characters that their texts may have; a text that several callers of one server wait for
        counts once. A character takes up to four bytes.
    """

    most: int = 20_000
    most_chars: int = 4_000_000
    most_per_server: int = 2_000
    most_chars_per_server: int = 1_000_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 1:
                raise ValueError(f"Limits.{field.name} is {value!r}; at least 1 is needed")


class Room:
    """What each server holds of the engine's room."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._callers: dict[int, int] = {}
        self._chars: dict[int, int] = {}
        self.callers = 0
        self.chars = 0

    @property
    def servers(self) -> int:
        """How many servers have callers waiting."""
        return len(self._callers)

    def enter(self, server_id: int, chars: int, priority: Priority) -> None:
        """Let one caller in, with the characters of a text that does not wait yet.

        Raises
        ------
        Overloaded
            It would break a bound. Nothing was counted.
        """
        limits = self._limits
        callers, held = self._callers.get(server_id, 0), self._chars.get(server_id, 0)
        extra = priority is Priority.CHECK
        if _over(limits.most, self.callers + 1, extra) or (
            chars and _over(limits.most_chars, self.chars + chars, extra)
        ):
            raise Overloaded(self.callers)
        if _over(limits.most_per_server, callers + 1, extra) or (
            chars and _over(limits.most_chars_per_server, held + chars, extra)
        ):
            raise Overloaded(callers, server_id)
        little = (
            callers <= limits.most_per_server * _LITTLE
            and held <= limits.most_chars_per_server * _LITTLE
        )
        if not (extra or little) and (
            self.callers + 1 > limits.most - int(limits.most * _LAST)
            or (chars and self.chars + chars > limits.most_chars - int(limits.most_chars * _LAST))
        ):
            raise Overloaded(callers, server_id)
        self.callers += 1
        self._callers[server_id] = callers + 1
        if chars:
            self.chars += chars
            self._chars[server_id] = held + chars

    def leave(self, server_id: int) -> None:
        """A caller was answered or has gone away."""
        self.callers -= 1
        _take(self._callers, server_id, 1)

    def free(self, server_id: int, chars: int) -> None:
        """A text is done, or nobody of this server waits for it any more."""
        self.chars -= chars
        _take(self._chars, server_id, chars)


def _over(bound: int, wanted: int, extra: bool) -> bool:
    return wanted > (bound + bound // _CHECKS_EXTRA + 1 if extra else bound)


def _take(held: dict[int, int], server_id: int, amount: int) -> None:
    left = held.get(server_id, 0) - amount
    if left > 0:
        held[server_id] = left
    else:
        held.pop(server_id, None)
