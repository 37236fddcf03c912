"""What the bot asks for, and what it gives up when Discord says no."""

from __future__ import annotations

import discord
import pytest

from bot.chat.intents import Asked, ContentIntent, Privileged

CONTENT, MEMBERS = Privileged.MESSAGE_CONTENT, Privileged.MEMBERS


def flags(*, content: bool = False, members: bool = False) -> discord.ApplicationFlags:
    """The flags of an application of which the portal allows these intents."""
    found = discord.ApplicationFlags()
    found.embedded = True
    found.gateway_message_content_limited = content
    found.gateway_guild_members = members
    return found


def test_nothing_is_asked_for_that_is_not_needed() -> None:
    intents = Asked().intents()
    assert {name for name, on in intents if on} == {"guilds", "guild_messages", "message_content"}
    assert Asked(members=True).intents().members
    assert not Asked(ContentIntent.OFF).intents().message_content


@pytest.mark.parametrize(
    ("listed", "given_up"),
    [
        (flags(members=True), (CONTENT,)),
        (flags(content=True), (MEMBERS,)),
        (flags(), (MEMBERS, CONTENT)),
        # Discord's own words against its flags, or a server that has none: one after the other.
        (flags(content=True, members=True), (MEMBERS,)),
        (None, (MEMBERS,)),
        (discord.ApplicationFlags(), (MEMBERS,)),
    ],
)
def test_the_flags_tell_which_intent_was_meant(
    listed: discord.ApplicationFlags | None, given_up: tuple[Privileged, ...]
) -> None:
    asked = Asked(members=True)
    assert asked.give_up(listed) == given_up
    assert asked.members is (MEMBERS not in given_up)
    assert asked.message_content is (CONTENT not in given_up)
    assert asked.refused == set(given_up)


def test_it_ends_when_there_is_nothing_left() -> None:
    asked = Asked(members=True)
    assert [asked.give_up(None) for _ in range(3)] == [(MEMBERS,), (CONTENT,), ()]


def test_what_is_required_is_not_given_up() -> None:
    asked = Asked(ContentIntent.REQUIRED, members=True)
    assert asked.give_up(flags(content=True)) == (MEMBERS,)
    assert asked.give_up(flags()) == ()
    assert asked.message_content


def test_what_was_given_up_on_old_flags_is_asked_for_again() -> None:
    asked = Asked(members=True)
    assert asked.give_up(flags(content=True, members=True)) == (MEMBERS,)
    assert asked.give_up(flags(members=True)) == (CONTENT,)
    assert asked.members
    assert asked.refused == {CONTENT}
    # Refused nevertheless, it is not asked for a third time.
    assert asked.give_up(flags(members=True)) == (MEMBERS,)
    assert asked.give_up(flags(members=True)) == ()
    assert not asked.members
