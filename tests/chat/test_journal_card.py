"""A page of the log fits into an embed, whatever became of its flags."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bot.chat.journal_card import PER_PAGE, page_card
from bot.labels import LABELS, Scores, Thresholds
from bot.language import languages, speaking
from bot.rules import Mode
from bot.storage.decisions import Outcome, RecordedDecision
from bot.storage.history import DeedKind, DeedResult, GivenVerdict, History, RecordedDeed, Verdict
from bot.storage.journal import Page
from bot.storage.members import FORGOTTEN

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
BIG = 2**63 - 1
SERVER: Any = SimpleNamespace(id=BIG, get_channel_or_thread=lambda _id: None)
READER: Any = SimpleNamespace()


def history(**given: Any) -> History:
    values: dict[str, Any] = {
        "id": BIG,
        "server_id": BIG,
        "channel_id": BIG,
        "message_id": BIG,
        "author_id": BIG,
        "surface": "forward-10/description-10",
        "revision": int(NOON.timestamp() * 1000),
        "scores": Scores(*[0.99] * 6),
        "thresholds": Thresholds(*[0.9] * 6),
        "labels_over": LABELS,
        "action": "timeout",
        "model_version": "x" * 128,
        "message_created_at": NOON,
        "decided_at": NOON,
        "outcome": Outcome.MISSING_PERMISSION,
        "timeout": timedelta(seconds=59_999),
    }
    deeds = tuple(
        RecordedDeed(
            id=number,
            kind=DeedKind.TIMEOUT,
            moderator_id=BIG,
            at=NOON + timedelta(minutes=number),
            duration=timedelta(seconds=59_999),
            result=DeedResult.UNDONE,
            changed_at=NOON,
            detail=None,
        )
        for number in range(40)
    )
    verdict = GivenVerdict(Verdict.DISMISSED, BIG, NOON)
    return History(RecordedDecision(**values | given), verdict, deeds, None, NOON, NOON)


@pytest.mark.parametrize("language", languages())
def test_the_longest_page_fits(language: str) -> None:
    page = Page(tuple(history() for _ in range(PER_PAGE)), True, True)
    with speaking(language):
        card = page_card(page, SERVER, READER, NOON)
    assert len(card.fields) == PER_PAGE
    assert all(len(str(field.value)) <= 1_024 for field in card.fields)
    # The heading and what was asked for take at most 400.
    assert len(card) <= 5_600
    # Lines are left out whole.
    assert all(
        str(field.value).count("<t:")
        == str(field.value).count(":R>")
        + str(field.value).count(":f>")
        + str(field.value).count(":t>")
        for field in card.fields
    )


def test_who_was_forgotten_has_no_link_and_no_name() -> None:
    forgotten = history(author_id=FORGOTTEN, channel_id=FORGOTTEN, message_id=-5)
    card = page_card(Page((forgotten,), False, False), SERVER, READER, NOON)
    assert "asked to be forgotten" in str(card.fields[0].value)
    assert "https://" not in str(card.fields[0].value)
    assert "<@0>" not in str(card.fields[0].value)


def test_a_name_has_no_message_to_link_to() -> None:
    named = history(surface="nickname", revision=0)
    card = page_card(Page((named,), False, False), SERVER, READER, NOON)
    assert "https://" not in str(card.fields[0].value)
    assert f"<@{BIG}>" in str(card.fields[0].value)


def test_a_webhook_would_not_have_been_timed_out() -> None:
    seen = replace(history(mode=Mode.OBSERVE, outcome=Outcome.ALERTED), deeds=(), verdict=None)
    by_whom = seen, replace(seen, by_webhook=True)
    member, webhook = page_card(Page(by_whom, False, False), SERVER, READER, NOON).fields
    assert "would have been deleted and its author timed out for" in str(member.value)
    assert "Not enforced: the message would have been deleted.\n" in f"{webhook.value}\n"
    assert "timed out" not in str(webhook.value)
