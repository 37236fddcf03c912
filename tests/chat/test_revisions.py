from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import discord

from bot.chat.revisions import AS_POSTED, Revisions, milliseconds
from bot.chat.surfaces import Surface

POSTED = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class Message:
    """The two attributes that number a revision."""

    id: int
    edited_at: datetime | None = None


def number(revisions: Revisions, text: str, edited: datetime | None = None, id: int = 1):
    message: discord.Message = Message(id, edited)  # type: ignore[assignment]
    return revisions.next(message, [Surface("content", text)])


def test_a_posted_message_is_revision_0_and_an_edit_is_its_time() -> None:
    revisions = Revisions(10)
    edit = POSTED + timedelta(seconds=1)
    assert number(revisions, "fine") == AS_POSTED
    assert number(revisions, "not fine", edit) == milliseconds(edit)


def test_the_same_words_again_are_nothing_new() -> None:
    revisions = Revisions(10)
    number(revisions, "a link")
    assert number(revisions, "a link") is None  # the link unfolded
    edit = POSTED + timedelta(seconds=1)
    number(revisions, "another", edit)
    assert number(revisions, "another", edit) is None  # delivered again after a resume


def test_an_edit_of_a_message_never_seen_counts() -> None:
    assert number(Revisions(10), "old", POSTED) == milliseconds(POSTED)


def test_an_older_revision_that_comes_late_is_dropped() -> None:
    revisions = Revisions(10)
    number(revisions, "second", POSTED + timedelta(seconds=2))
    assert number(revisions, "first", POSTED + timedelta(seconds=1)) is None


def test_two_edits_in_one_instant_are_two_revisions() -> None:
    revisions = Revisions(10)
    first = number(revisions, "clean", POSTED)
    second = number(revisions, "not clean", POSTED)
    assert first is not None
    assert second == first + 1


def test_changed_words_without_a_time_are_a_revision_all_the_same() -> None:
    revisions = Revisions(10)
    number(revisions, "clean")
    changed = number(revisions, "changed")
    assert changed is not None
    assert changed > AS_POSTED


def test_words_moving_between_surfaces_are_a_change() -> None:
    revisions = Revisions(10)
    message: discord.Message = Message(1)  # type: ignore[assignment]
    assert revisions.next(message, [Surface("content", "ab"), Surface("forward", "c")]) == 0
    assert revisions.next(message, [Surface("content", "a"), Surface("forward", "bc")])


def test_the_oldest_messages_are_forgotten_first() -> None:
    revisions = Revisions(2)
    for id in (1, 2, 3):
        number(revisions, "x", id=id)
    assert number(revisions, "x", id=3) is None
    assert number(revisions, "x", id=1) == AS_POSTED
