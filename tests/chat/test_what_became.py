"""What is concluded of timeouts that a stop cut off, from when the member's timeout ends."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.chat.buttons import TIMEOUTS
from bot.chat.member_deeds import in_force
from bot.chat.what_became import QUESTIONS, lifted, timed_out
from bot.storage.history import UNDER_WAY, CutShort, DeedKind, DeedResult, RecordedDeed

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)

durations = st.sampled_from(TIMEOUTS)
moments = st.timedeltas(timedelta(), timedelta(days=40)).map(lambda passed: AT + passed)


def deed(
    duration: timedelta, result: DeedResult = DeedResult.BEGUN, *, by: int | None = 11
) -> RecordedDeed:
    return RecordedDeed(1, DeedKind.TIMEOUT, by, AT, duration, result, AT + HOUR, None)


@given(durations, st.timedeltas(timedelta(), UNDER_WAY), moments)
def test_one_that_ends_when_it_was_to_end_was_given(
    duration: timedelta, later: timedelta, now: datetime
) -> None:
    became = timed_out(deed(duration), AT + later + in_force(duration), now)
    assert (became.done, became.why) == (True, None)
    assert became.at == AT + later


@given(durations, moments, moments)
def test_what_ends_at_another_time_is_not_ours(
    duration: timedelta, until: datetime, now: datetime
) -> None:
    ours = AT + in_force(duration)
    became = timed_out(deed(duration), until, now)
    assert became.done is (ours - SECOND <= until <= ours + UNDER_WAY)
    if not became.done and until > now:
        assert became.why is CutShort.OTHER


@given(durations, moments)
def test_without_a_timeout_it_was_not_given_or_would_be_over(
    duration: timedelta, now: datetime
) -> None:
    became = timed_out(deed(duration), None, now)
    assert not became.done
    assert became.why is (CutShort.OVER if now >= AT + duration else CutShort.NOT_DONE)


def test_what_the_rules_want_may_have_been_asked_for_later() -> None:
    until = AT + 2 * HOUR + timedelta(minutes=5)
    assert not timed_out(deed(HOUR), until, AT + HOUR).done
    assert timed_out(deed(HOUR, by=None), until, AT + HOUR).done


@given(durations, st.none() | moments, moments)
def test_a_lifted_timeout_does_not_run(
    duration: timedelta, until: datetime | None, now: datetime
) -> None:
    became = lifted(deed(duration, DeedResult.LIFTING), until, now)
    runs = until is not None and until > now
    if not runs:
        assert became.done
    elif became.done:
        assert became.why is CutShort.OTHER
    else:
        assert became.why is CutShort.NOT_DONE
        assert became.at is not None
        assert AT <= became.at <= AT + HOUR  # so that Undo knows it again


def test_who_or_what_ended_a_timeout() -> None:
    lifting = deed(timedelta(days=1), DeedResult.LIFTING)
    by_click = lifted(lifting, None, lifting.changed_at + HOUR)
    assert (by_click.why, by_click.at) == (None, lifting.changed_at)
    assert lifted(lifting, None, AT + timedelta(days=2)).why is CutShort.OVER
    assert lifted(lifting, AT + timedelta(days=1), AT + timedelta(days=2)).why is CutShort.OVER
    assert lifted(lifting, AT + timedelta(days=2), AT + HOUR).why is CutShort.OTHER


def test_every_deed_that_can_be_cut_off_has_its_question() -> None:
    assert set(QUESTIONS) == set(DeedKind) - {DeedKind.UNDO}
