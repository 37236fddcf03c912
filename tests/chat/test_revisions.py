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
    revision = revisions.next(message, [Surface("content", text)])
    return None if revision is None else revision.number


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


def test_edits_counted_up_in_an_instant_do_not_meet_the_next_instant() -> None:
    revisions = Revisions(10)
    soon = POSTED + timedelta(milliseconds=1)
    words = [("one", POSTED), ("two", POSTED), ("three", POSTED), ("four", soon), ("five", soon)]
    numbers = [number(revisions, text, at) for text, at in words]
    assert numbers == sorted(set(numbers))


def test_what_could_not_be_dealt_with_is_new_again_under_its_number() -> None:
    revisions = Revisions(10)
    first = number(revisions, "clean", POSTED)
    revisions.forget(1)
    assert 1 not in revisions
    assert number(revisions, "clean", POSTED) == first
    assert 1 in revisions
    revisions.forget(1)
    second = number(revisions, "not clean", POSTED)
    assert second is not None
    assert first is not None
    assert second > first  # or it would pass for the one that was dealt with


def test_changed_words_without_a_time_are_a_revision_all_the_same() -> None:
    revisions = Revisions(10)
    number(revisions, "clean")
    changed = number(revisions, "changed")
    assert changed is not None
    assert changed > AS_POSTED


def test_words_moving_between_surfaces_are_a_change() -> None:
    revisions = Revisions(10)
    message: discord.Message = Message(1)  # type: ignore[assignment]
    assert revisions.next(message, [Surface("content", "ab"), Surface("forward", "c")])
    assert revisions.next(message, [Surface("content", "a"), Surface("forward", "bc")])


def test_the_oldest_messages_are_forgotten_first() -> None:
    revisions = Revisions(2)
    for id in (1, 2, 3):
        number(revisions, "x", id=id)
    assert number(revisions, "x", id=3) is None
    assert number(revisions, "x", id=1) == AS_POSTED


def new_in(revisions: Revisions, edited: datetime | None = None, **texts: str) -> list[str] | None:
    """The names of what is new in a message with these texts."""
    message: discord.Message = Message(1, edited)  # type: ignore[assignment]
    parts = [Surface(name.replace("_", "-"), text) for name, text in texts.items()]
    revision = revisions.next(message, parts)
    return None if revision is None else [part.name for part in revision.parts]


def test_a_link_that_unfolds_brings_one_text_and_stays_the_same_revision() -> None:
    revisions = Revisions(10)
    assert new_in(revisions, content="a link") == ["content"]
    message: discord.Message = Message(1)  # type: ignore[assignment]
    texts = [Surface("content", "a link"), Surface("embed", "a title")]
    revision = revisions.next(message, texts)
    assert revision is not None
    assert (revision.number, revision.parts) == (AS_POSTED, (texts[1],))


def test_an_embed_that_moves_up_is_not_a_new_one() -> None:
    revisions = Revisions(10)
    new_in(revisions, content="x", embed="one", embed_2="two")
    assert new_in(revisions, content="x", embed="two") is None
    assert new_in(revisions, content="x", embed="two", embed_2="three") == ["embed-2"]


def test_an_edit_has_only_changed_texts_screened() -> None:
    revisions = Revisions(10)
    new_in(revisions, content="x", poll="who")
    edit = POSTED + timedelta(seconds=1)
    assert new_in(revisions, edit, content="y", poll="who") == ["content"]
    assert new_in(revisions, edit + timedelta(seconds=1), content="x", poll="who") == ["content"]


def test_what_an_embed_changes_to_has_a_number_of_its_own() -> None:
    revisions = Revisions(10)
    message: discord.Message = Message(1, POSTED)  # type: ignore[assignment]
    numbers = [
        revision.number
        for text in ("one", "two", "three")
        if (revision := revisions.next(message, [Surface("embed", text)]))
    ]
    assert numbers == [milliseconds(POSTED) + offset for offset in range(3)]


def test_to_ask_whether_something_is_new_makes_nothing_known() -> None:
    revisions = Revisions(10)
    edited: discord.Message = Message(1, POSTED)  # type: ignore[assignment]
    hi = [Surface("content", "hi")]
    assert revisions.is_news(edited, hi)
    assert 1 not in revisions
    assert number(revisions, "idiot") == AS_POSTED  # it was posted before that edit
    assert revisions.is_news(edited, hi)
    number(revisions, "hi", POSTED)
    assert not revisions.is_news(edited, hi)
    posted: discord.Message = Message(1)  # type: ignore[assignment]
    assert not revisions.is_news(posted, [Surface("content", "idiot")])
