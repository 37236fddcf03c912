"""Events of servers that send less than Discord."""

from typing import Any

import pytest

from bot.chat.left_out import fill_in

USER = {"id": "5", "username": "ada", "discriminator": "0", "avatar": None}


@pytest.mark.parametrize(
    ("event", "filled"),
    [
        ({"id": "5", "username": "ada"}, USER),
        (
            {"guild_id": "1", "members": [{"user": USER, "roles": ["7"]}, {"user": USER}]},
            {
                "guild_id": "1",
                "members": [{"user": USER, "roles": ["7"], "flags": 0}, {"user": USER}],
            },
        ),
        (
            {"user": USER, "joined_at": None, "roles": None, "flags": 4},
            {"user": USER, "joined_at": None, "roles": (), "flags": 4},
        ),
        (
            {"poll": {"question": {"text": "?"}, "answers": [], "expiry": None}},
            {
                "poll": {
                    "question": {"text": "?"},
                    "answers": [],
                    "expiry": "2015-01-01T00:00:00+00:00",
                    "results": {"is_finalized": False, "answer_counts": ()},
                }
            },
        ),
        (
            {"application_id": "1", "token": "t", "version": 1, "entitlements": None},
            {
                "application_id": "1",
                "token": "t",
                "version": 1,
                "entitlements": (),
                "authorizing_integration_owners": {},
                "attachment_size_limit": 10_485_760,
            },
        ),
    ],
)
def test_what_is_missing_is_filled_in(event: Any, filled: Any) -> None:
    assert fill_in(event)
    assert event == filled
    assert not fill_in(event)


@pytest.mark.parametrize("event", [None, [], "text", {"content": "hello"}, USER])
def test_what_is_whole_stays_as_it_is(event: Any) -> None:
    assert not fill_in(event)
