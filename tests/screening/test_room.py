from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Overloaded
from bot.screening.room import Limits, Room
from bot.screening.waiting import Priority

_LIMITS = st.builds(
    Limits,
    most=st.integers(1, 60),
    most_chars=st.integers(1, 600),
    most_per_server=st.integers(1, 30),
    most_chars_per_server=st.integers(1, 300),
)
_COMING = st.tuples(st.integers(1, 6), st.integers(0, 80), st.sampled_from(Priority))


def refused(room: Room, server_id: int, chars: int, priority: Priority) -> Overloaded | None:
    """Try to let a caller in."""
    try:
        room.enter(server_id, chars, priority)
    except Overloaded as error:
        return error
    return None


def filled(room: Room, server_id: int, chars: int = 1) -> int:
    """Let callers of one server in until one is refused; how many came in."""
    for number in range(1_000_000):
        if refused(room, server_id, chars, Priority.LIVE):
            return number
    raise AssertionError


@given(_LIMITS, st.lists(_COMING | st.integers(0, 200), max_size=150))
@settings(max_examples=60, deadline=None)
def test_bounds_are_never_exceeded_and_nothing_is_refused_below_them(
    limits: Limits, steps: list[tuple[int, int, Priority] | int]
) -> None:
    room = Room(limits)
    inside: list[tuple[int, int]] = []

    def over(bound: int) -> int:
        return bound + bound // 16 + 1

    for step in steps:
        if isinstance(step, int):
            if inside:
                server_id, chars = inside.pop(step % len(inside))
                room.leave(server_id)
                room.free(server_id, chars)
        else:
            server_id, chars, priority = step
            before = (room.callers, room.chars, room.servers)
            held = [each_chars for each, each_chars in inside if each == server_id]
            error = refused(room, server_id, chars, priority)
            if error is None:
                inside.append((server_id, chars))
            else:
                assert (room.callers, room.chars, room.servers) == before
                assert error.server_id in (None, server_id)
                assert error.waiting == (len(inside) if error.server_id is None else len(held))
                # whoever has nothing waiting is refused only if there is no room at all
                assert (
                    held
                    or len(inside) >= limits.most
                    or chars > limits.most_chars_per_server
                    or room.chars + chars > limits.most_chars
                )
        callers = Counter(server_id for server_id, _ in inside)
        chars_of: Counter[int] = Counter()
        for server_id, chars in inside:
            chars_of[server_id] += chars
        assert room.callers == len(inside) <= over(limits.most)
        assert room.chars == chars_of.total() <= over(limits.most_chars)
        assert room.servers == len(callers)
        assert max(callers.values(), default=0) <= over(limits.most_per_server)
        assert max(chars_of.values(), default=0) <= over(limits.most_chars_per_server)


def test_one_server_cannot_fill_the_room_of_all() -> None:
    room = Room(Limits())
    assert filled(room, 1) == 2_000
    assert filled(room, 2) == 2_000


@pytest.mark.parametrize("chars", [1, 4000])
def test_many_floods_at_once_leave_room_for_who_has_little_waiting(chars: int) -> None:
    room = Room(Limits())
    for server_id in range(1, 31):
        filled(room, server_id, chars)
    for server_id in range(100, 150):
        for _ in range(3):
            room.enter(server_id, 1000, Priority.LIVE)


def test_a_check_gets_in_where_live_messages_do_not() -> None:
    room = Room(Limits(most_chars=200, most_per_server=5))
    assert filled(room, 1) == 5
    room.enter(1, 1, Priority.CHECK)
    with pytest.raises(Overloaded, match="This server's scoring queue is full"):
        room.enter(1, 1, Priority.CHECK)


def test_all_servers_together_have_a_bound() -> None:
    room = Room(Limits(most=3))
    for server_id in range(3):
        room.enter(server_id, 10, Priority.LIVE)
    with pytest.raises(Overloaded, match=r"The scoring queue is full \(3 texts") as caught:
        room.enter(9, 10, Priority.BULK)
    assert caught.value.server_id is None


@pytest.mark.parametrize("name", ["most", "most_chars", "most_per_server", "most_chars_per_server"])
def test_a_limit_below_one_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"Limits.{name} is 0"):
        Limits(**{name: 0})
