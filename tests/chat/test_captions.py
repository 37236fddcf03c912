"""What Discord and the bot call things, in the reader's language."""

from __future__ import annotations

from bot.chat.captions import permission_captions
from bot.language import speaking


def test_permissions_are_quoted_each_by_itself_where_a_language_quotes_them() -> None:
    both = ["manage_messages", "moderate_members"]
    assert permission_captions(both) == "Manage Messages and Timeout Members"
    with speaking("de"):
        told = permission_captions(both)
        assert told == "„Nachrichten verwalten“ und „Mitglieder im Timeout“"
        assert permission_captions(both[:1]) == "„Nachrichten verwalten“"
