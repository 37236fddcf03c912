from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.spells import Spell, resumed, summary
from bot.storage.unscreened import Reason, UnscreenedMessage

NOON = datetime(2026, 1, 31, 12, 1, tzinfo=UTC)
T = int(NOON.timestamp())
LONGEST_MESSAGE = 2_000


def spell(messages: dict[int, int], *, minutes: int = 2, away: bool = False) -> Spell:
    made = Spell(1, NOON, NOON, away=away)
    number = 0
    for channel_id, count in messages.items():
        for _ in range(count):
            made.add(channel_id, number, NOON + timedelta(minutes=minutes) * bool(number))
            number += 1
    return made


def settled(made: Spell, *, screened: int = 0, gone: int = 0, lost: int = 0) -> Spell:
    for message_id in range(screened + gone + lost):
        assert made.settle(message_id, NOON + timedelta(minutes=9))
    made.screened, made.gone, made.lost = screened, gone, lost
    return made


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            spell({7: 1240}),
            f"1,240 messages in <#7> could not be screened as they came in, between "
            f"<t:{T}:t> and <t:{T + 120}:t>. They are to be screened as soon as there is room.",
        ),
        (
            spell({7: 1}),
            f"1 message in <#7> could not be screened as it came in, at <t:{T}:t>. "
            "It is to be screened as soon as there is room.",
        ),
        (
            settled(spell({7: 3}, minutes=0), screened=3),
            f"3 messages in <#7> could not be screened as they came in, at <t:{T}:t>. "
            f"All of them were screened by <t:{T + 540}:t>.",
        ),
        (
            settled(spell({7: 1, 8: 5, 9: 2}), screened=5, gone=1, lost=1),
            f"8 messages in <#8> and 2 other channels could not be screened as they came in, "
            f"between <t:{T}:t> and <t:{T + 120}:t>. 5 were screened since; "
            "1 was deleted before; 1 stays unscreened; "
            "1 is to be screened as soon as there is room.",
        ),
        (
            settled(spell({7: 2, 8: 1}, minutes=0, away=True), screened=3),
            f"3 messages in <#7> and 1 other channel, posted at <t:{T}:t>, went unscreened while "
            f"Hexward was away. All of them were screened by <t:{T + 540}:t>.",
        ),
        (
            settled(spell({7: 1}), screened=1),
            f"1 message in <#7> could not be screened as it came in, at <t:{T}:t>. "
            f"It was screened by <t:{T + 540}:t>.",
        ),
    ],
)
def test_the_line_says_where_when_and_what_became_of_it(made: Spell, words: str) -> None:
    assert summary(made, catching_up=True) == words


def test_at_the_stop_and_without_catching_up_it_says_so() -> None:
    made = spell({7: 2})
    assert summary(made, catching_up=True, stopping=True).endswith(
        "They are to be screened after the next start."
    )
    assert summary(made, catching_up=False).endswith(
        "Catching up is switched off, so they stay unscreened."
    )


def test_what_is_not_made_up_for_is_named_with_the_latest_moment() -> None:
    made = spell({7: 1}, away=True)
    made.left_out = {7: NOON, 8: NOON + timedelta(hours=1)}
    assert summary(made, catching_up=True).endswith(
        "While Hexward was away, more was posted in <#8> and 1 other channel than is made up for: "
        f"there, what came before <t:{T + 3600}:t> stays unscreened."
    )


def test_without_the_content_what_came_later_is_not_said_to_be_screened() -> None:
    made = spell({}, away=True)
    made.left_out, made.reduced = {7: NOON}, True
    assert summary(made, catching_up=True) == (
        "While Hexward was away, more was posted in <#7> than is looked through: there, what came "
        f"before <t:{T}:t> stays unscreened, and of what came later only messages that mention "
        "Hexward are screened."
    )


@settings(deadline=None)
@given(
    channels=st.dictionaries(st.integers(1, 2**63 - 1), st.integers(1, 30), max_size=20),
    shares=st.tuples(st.integers(0, 10), st.integers(0, 10), st.integers(0, 10)),
    away=st.booleans(),
    left_out=st.dictionaries(st.integers(1, 2**63 - 1), st.datetimes(timezones=st.just(UTC))),
    catching_up=st.booleans(),
    stopping=st.booleans(),
)
def test_whatever_happened_the_line_fits_a_message(
    channels: dict[int, int],
    shares: tuple[int, int, int],
    away: bool,
    left_out: dict[int, datetime],
    catching_up: bool,
    stopping: bool,
) -> None:
    made = spell(channels, away=away)
    made.left_out = left_out
    if made.messages >= sum(shares):
        settled(made, screened=shares[0], gone=shares[1], lost=shares[2])
    words = summary(made, catching_up=catching_up, stopping=stopping)
    assert len(words) <= LONGEST_MESSAGE
    assert bool(words) == bool(channels or left_out)
    assert made.messages == made.screened + made.gone + made.lost + len(made.waiting)


def gone_on(made: Spell, *left: tuple[int, datetime, Reason]) -> Spell:
    """A spell as the next run finds it, with these messages left to be screened."""
    line = SimpleNamespace(id=9, channel=SimpleNamespace(id=8))
    made.line = cast(discord.Message, line)
    stored = made.stored()
    assert stored is not None
    rows = [
        UnscreenedMessage(server_id=1, channel_id=10, message_id=number, at=at, reason=reason)
        for number, at, reason in left
    ]
    return resumed(stored, cast(discord.PartialMessage, line), rows)


def test_a_line_of_an_earlier_run_goes_on_with_what_was_left() -> None:
    moment = timedelta(seconds=1)
    made = Spell(1, NOON, NOON, left_out={12: NOON, 13: NOON + moment})
    for number in range(5):
        made.add(11 if number == 1 else 10, number, NOON + number * moment)
    made.settle(0, NOON)
    made.screened += 1
    again = gone_on(
        made,
        (2, NOON + 2 * moment, Reason.OVERLOADED),
        (3, NOON + 3 * moment, Reason.OVERLOADED),
        (7, NOON + 3 * moment, Reason.STOPPED),
        (8, NOON + 9 * moment, Reason.OVERLOADED),
    )
    assert again.waiting == {2, 3}
    # Two were dealt with before a crash, after the line was last remembered.
    assert (again.messages, again.screened) == (5, 3)
    words = summary(again, catching_up=True)
    assert "5 messages in <#10> and 1 other channel" in words
    assert "more was posted in <#13> and 1 other channel" in words


def test_an_old_message_that_was_edited_at_a_stop_belongs_to_the_line_of_that_time() -> None:
    moment = timedelta(seconds=1)
    posted_long_ago = discord.utils.time_snowflake(NOON - timedelta(days=400))
    posted_meanwhile = discord.utils.time_snowflake(NOON + moment)
    made = Spell(1, NOON, NOON, away=True)
    for number, after in ((posted_meanwhile, moment), (posted_long_ago, 2 * moment)):
        made.add(10, number, NOON + after)
    again = gone_on(
        made,
        (posted_meanwhile, NOON + 5 * moment, Reason.AWAY),
        (posted_long_ago, NOON + 2 * moment, Reason.STOPPED),
        (posted_long_ago + 1, NOON + 9 * moment, Reason.STOPPED),
    )
    assert again.waiting == {posted_meanwhile, posted_long_ago}
