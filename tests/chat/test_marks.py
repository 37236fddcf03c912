"""A mark never passes a message that is not dealt with, whatever order they come and end in."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.marks import Marks


class Kept:
    """Stands in for the table: the newest mark of each server, never going back."""

    def __init__(self) -> None:
        self.marks: dict[int, int] = {}

    def mark(self, server_id: int, message_id: int) -> None:
        self.marks[server_id] = max(message_id, self.marks.get(server_id, 0))


def make() -> tuple[Marks, Kept]:
    kept = Kept()
    return Marks(kept), kept  # type: ignore[arg-type]


def test_nothing_moves_before_the_absence_was_looked_into() -> None:
    marks, kept = make()
    marks.begin(1, 10)
    marks.end(1, 10)
    assert kept.marks == {}
    assert marks.is_held(1)
    marks.release(1, 5)
    assert kept.marks == {1: 10}
    marks.hold()
    marks.begin(1, 20)
    marks.end(1, 20)
    assert kept.marks == {1: 10}


def test_where_nobody_looks_for_absences_marks_just_follow() -> None:
    kept = Kept()
    marks = Marks(kept, holding=False)  # type: ignore[arg-type]
    marks.hold()
    marks.begin(1, 10)
    marks.end(1, 10)
    assert kept.marks == {1: 10}


def test_one_server_can_be_held_alone() -> None:
    marks, kept = make()
    marks.release(1, 5)
    marks.release(2, 5)
    marks.hold(1)
    for server_id in (1, 2):
        marks.begin(server_id, 9)
        marks.end(server_id, 9)
    assert kept.marks == {1: 5, 2: 9}


@settings(deadline=None)
@given(st.data())
def test_a_mark_stays_behind_what_is_under_way(data: st.DataObject) -> None:
    marks, kept = make()
    marks.release(1, 0)
    posted, under_way = 0, set[int]()
    for _ in range(data.draw(st.integers(0, 30))):
        if under_way and data.draw(st.booleans()):
            message_id = data.draw(st.sampled_from(sorted(under_way)))
            under_way.discard(message_id)
            marks.end(1, message_id)
        else:
            posted += 1
            under_way.add(posted)
            marks.begin(1, posted)
        assert all(marks.is_under_way(1, message_id) for message_id in under_way)
        assert kept.marks[1] < min(under_way, default=posted + 1)
    for message_id in list(under_way):
        marks.end(1, message_id)
    assert kept.marks[1] == posted
