"""Up to where each server's messages were dealt with, so that what came later can be asked for."""

from __future__ import annotations

from collections import OrderedDict

from bot.storage.unscreened import Unscreened


class Marks:
    """Follows the messages under way and moves each server's mark behind them.

    A message's id is a time, so one id per server says it all: every message up to it was screened,
    put down as unscreened or need not be screened. While a server is held, its mark stays where it
    is, because messages from before may be missing; a server is held until it is released.

    Parameters
    ----------
    holding
        Whether servers are held at all. If nobody looks for missing messages, marks just follow.
    """

    def __init__(self, unscreened: Unscreened, *, holding: bool = True) -> None:
        self._unscreened = unscreened
        self._holding = holding
        # In order of arrival, which is that of the ids but for moments.
        self._under_way: dict[int, OrderedDict[int, None]] = {}
        self._newest: dict[int, int] = {}
        self._released: set[int] = set()

    def begin(self, server_id: int, message_id: int) -> None:
        """A message has come."""
        self._under_way.setdefault(server_id, OrderedDict())[message_id] = None
        if message_id > self._newest.get(server_id, 0):
            self._newest[server_id] = message_id

    def end(self, server_id: int, message_id: int) -> None:
        """A message was dealt with."""
        under_way = self._under_way.get(server_id)
        if under_way is None:
            return
        under_way.pop(message_id, None)
        if not under_way:
            del self._under_way[server_id]
        self._move(server_id)

    def is_under_way(self, server_id: int, message_id: int) -> bool:
        """Whether a message has come and was not dealt with yet."""
        return message_id in self._under_way.get(server_id, ())

    def hold(self, server_id: int | None = None) -> None:
        """Leave a server's mark, or every one, where it is, until it is released again."""
        if server_id is None:
            self._released.clear()
        else:
            self._released.discard(server_id)

    def is_held(self, server_id: int) -> bool:
        """Whether messages of the server may be missing."""
        return self._holding and server_id not in self._released

    def release(self, server_id: int, up_to: int) -> None:
        """Nothing is missing up to this message and between it and those that come now."""
        self._released.add(server_id)
        self._newest[server_id] = max(up_to, self._newest.get(server_id, 0))
        self._move(server_id)

    def _move(self, server_id: int) -> None:
        if self.is_held(server_id):
            return
        under_way = self._under_way.get(server_id)
        mark = next(iter(under_way)) - 1 if under_way else self._newest[server_id]
        self._unscreened.mark(server_id, mark)
