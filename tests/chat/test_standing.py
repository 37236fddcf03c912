from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bot.chat.durations import in_words
from bot.chat.standing import FRESH, Click, standing
from bot.storage.history import DeedKind, DeedResult, GivenVerdict, History, RecordedDeed, Verdict
from bot.storage.members import FORGOTTEN

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MO, MIA = 11, 12
DECISION: Any = SimpleNamespace(surface="content")


def deed(kind: DeedKind, result: DeedResult = DeedResult.DONE, **given: Any) -> RecordedDeed:
    values: dict[str, Any] = {
        "id": 1,
        "kind": kind,
        "moderator_id": MO,
        "at": NOW,
        "duration": HOUR if kind is DeedKind.TIMEOUT else None,
        "result": result,
        "changed_at": NOW,
        "detail": None,
    }
    return RecordedDeed(**values | given)


def shown(**given: Any) -> Any:
    return standing(History(DECISION, **given), NOW)


UPHELD = GivenVerdict(Verdict.UPHELD, MO, NOW)
DISMISSED = GivenVerdict(Verdict.DISMISSED, MO, NOW)


def test_a_new_flag_has_all_buttons_but_undo() -> None:
    assert shown() == FRESH


@pytest.mark.parametrize(
    ("given", "words", "clicks"),
    [
        (
            {"verdict": UPHELD},
            "**Upheld** by <@11> <t:",
            [Click.DELETE, Click.TIMEOUT, Click.UNDO],
        ),
        ({"verdict": DISMISSED}, "**Dismissed as a false alarm** by <@11> <t:", [Click.UNDO]),
        (
            {"verdict": UPHELD, "deeds": (deed(DeedKind.DELETE),)},
            "**Message deleted** by <@11> <t:",
            [Click.TIMEOUT, Click.UNDO],
        ),
        (
            {"verdict": UPHELD, "deeds": (deed(DeedKind.TIMEOUT),)},
            "**Author timed out** for 1 hour by <@11> <t:",
            [Click.DELETE, Click.UNDO],
        ),
        (
            {"deleted_at": NOW},
            "Message deleted <t:",
            [Click.UPHOLD, Click.DISMISS, Click.TIMEOUT],
        ),
        (
            {"edited_at": NOW},
            "Message edited <t:",
            [Click.UPHOLD, Click.DISMISS, Click.DELETE, Click.TIMEOUT],
        ),
        # What the bot did by the rules stands in the card itself.
        (
            {"deeds": (deed(DeedKind.TIMEOUT, moderator_id=None),)},
            "",
            [Click.UPHOLD, Click.DISMISS, Click.DELETE, Click.UNDO],
        ),
    ],
)
def test_one_line_for_what_was_done_and_the_buttons_that_make_sense(
    given: dict[str, Any], words: str, clicks: list[Click]
) -> None:
    now = shown(**given)
    assert list(now.clicks) == clicks
    assert now.words.startswith(words)
    assert "\n" not in now.words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": DeedKind.DELETE}, "Message deleted <t:"),
        (
            {"kind": DeedKind.DELETE, "result": DeedResult.FAILED, "detail": "gone"},
            "Message not deleted <t:",
        ),
        ({"kind": DeedKind.TIMEOUT}, "Author timed out <t:"),
    ],
)
def test_what_the_bot_was_still_doing_when_the_card_came_is_told_above(
    given: dict[str, Any], words: str
) -> None:
    ended = deed(moderator_id=None, **given)
    kinds = frozenset({ended.kind})
    assert shown(deeds=(ended,), open_deeds=kinds).words.startswith(words)
    others = frozenset({DeedKind.DELETE, DeedKind.TIMEOUT}) - kinds
    assert shown(deeds=(ended,), open_deeds=others).words == ""


def test_a_webhook_cannot_be_timed_out() -> None:
    assert shown(by_webhook=True).clicks == (Click.UPHOLD, Click.DISMISS, Click.DELETE)


def test_a_timeout_that_is_over_can_be_given_again() -> None:
    ended = deed(DeedKind.TIMEOUT, at=NOW - HOUR, moderator_id=None)
    assert shown(deeds=(ended,)).clicks == FRESH.clicks


def test_the_story_of_a_flag_is_told_in_order() -> None:
    later = NOW + HOUR
    now = shown(
        deeds=(
            deed(DeedKind.TIMEOUT, DeedResult.UNDONE, changed_at=later),
            deed(DeedKind.UNDO, moderator_id=MIA, at=later, detail="upheld"),
        ),
        verdict=GivenVerdict(Verdict.DISMISSED, MIA, later + HOUR),
        deleted_at=NOW - HOUR,
    )
    lines = now.words.splitlines()
    assert [line.split(" <t:")[0] for line in lines] == [
        "Message deleted",
        "Author timed out for 1 hour by <@11>",
        "“Upheld” taken back by <@12>",
        "**Dismissed as a false alarm** by <@12>",
    ]
    assert now.clicks == (Click.UNDO,)


def test_what_failed_or_is_under_way_is_not_told() -> None:
    tried = (deed(DeedKind.DELETE, DeedResult.FAILED), deed(DeedKind.DELETE, DeedResult.BEGUN))
    assert shown(deeds=tried) == FRESH


def test_a_long_story_stays_within_a_message() -> None:
    deeds = tuple(
        deed(DeedKind.UNDO, moderator_id=2**63 - 1, at=NOW + n * HOUR, detail="dismissed")
        for n in range(100)
    )
    assert len(shown(deeds=deeds).words) < 2_000


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (60, "1 minute"),
        (5400, "90 minutes"),
        (7200, "2 hours"),
        (86_400, "1 day"),
        (61, "61 seconds"),
        (0, "0 seconds"),
    ],
)
def test_durations_in_words(seconds: int, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words


def test_a_moderator_who_asked_to_be_forgotten_is_not_named() -> None:
    given = GivenVerdict(Verdict.UPHELD, FORGOTTEN, NOW)
    undone = deed(DeedKind.UNDO, moderator_id=FORGOTTEN)
    deleted = deed(DeedKind.DELETE, moderator_id=FORGOTTEN, at=NOW - HOUR, changed_at=NOW - HOUR)
    lines = shown(verdict=given, deeds=(deleted, undone)).words.splitlines()
    assert len(lines) == 3
    assert all(" by a moderator <t:" in line for line in lines)
