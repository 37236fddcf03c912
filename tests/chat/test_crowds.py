from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.carried import Carried, Deed, Hurdle, What
from bot.chat.crowds import Crowd, without_standing
from bot.chat.flag import Case
from bot.language import languages, speaking

NOTHING: Any = None


def case(number: int, channel_id: int = 5) -> Case:
    return Case(NOTHING, 1, channel_id, 100 + number, 200 + number, number)


def deleted(**given: Any) -> Carried:
    return Carried(deeds=(Deed(True, What.DELETE), Deed(True, What.TIMEOUT)), **given)


def stands(why: str, remedy: str | None = None) -> Carried:
    return Carried(deeds=(Deed(False, What.DELETE, why, Hurdle.FAILED, remedy),))


def told(*ends: tuple[Case, Carried]) -> Crowd:
    crowd = Crowd(ends[0][0])
    for one, carried in ends:
        crowd.add(one)
        crowd.note(one, carried)
    return crowd


def test_it_says_that_everything_was_deleted() -> None:
    words = told((case(8), deleted()), (case(7), deleted()), (case(9), deleted())).words()
    assert words == (
        "3 more messages were flagged, faster than Discord takes alerts. They are in the log of "
        "decisions, up to number 9.\nAll of them were deleted. 3 members were timed out."
    )


def test_flags_that_only_alert_are_counted_and_no_more() -> None:
    words = told((case(1), Carried()), (case(2), Carried())).words()
    assert words.count("\n") == 0
    assert "deleted" not in words


def test_what_stands_is_told_by_channel_with_the_reason_and_the_way_out() -> None:
    crowd = told(
        (case(1), deleted()),
        (case(2), stands("Discord refused it.", "Do that.")),
        (case(3), stands("Discord refused it.", "Do that.")),
        (case(4, channel_id=6), stands("I lack it.")),
        (case(5), Carried(deeds=(Deed(False, What.DELETE, "Gone.", Hurdle.GONE),))),
    )
    words = crowd.words()
    assert "1 of them was deleted. 1 of them was gone already." in words
    assert (
        "**2 flagged messages in <#5> still stand:** Discord refused it. Do that.\n"
        "**1 flagged message in <#6> still stands:** I lack it.\n"
        "To get rid of them," in words
    )
    # A click deletes more than is counted here.
    assert words.endswith("also deletes what still stands of messages with a card of their own.")


@pytest.mark.parametrize("language", languages())
def test_a_line_of_before_keeps_what_was_done_and_no_more_of_what_stands(language: str) -> None:
    with speaking(language):
        crowd = told(
            (case(1), deleted()),
            *((case(number, number), stands("Why.", "Do that.")) for number in range(2, 9)),
        )
        crowd.later.append("<@7> had 3 more messages deleted.")
        before = crowd.words()
        crowd.standing.clear()
        assert before.count("**") > 2
        assert without_standing(before) == crowd.words()


def test_what_is_not_done_yet_waits_for_the_next_start_at_a_stop() -> None:
    crowd = Crowd(case(1))
    crowd.add(case(1))
    crowd.pending += 1
    assert "1 of them is still to be dealt with." in crowd.words()
    assert "when Hexward runs again" in crowd.words(stopping=True)


@given(st.lists(st.tuples(st.integers(1, 9), st.text(max_size=200)), min_size=1, max_size=60))
def test_a_line_fits_into_a_message_and_leaves_nothing_out(found: list[tuple[int, str]]) -> None:
    crowd = told(
        *(
            (case(number, channel_id), stands(why, "x" * 160))
            for number, (channel_id, why) in enumerate(found, 1)
        )
    )
    assert len(crowd.words()) <= 2_000
    assert sum(crowd.standing.values()) == len(found)
