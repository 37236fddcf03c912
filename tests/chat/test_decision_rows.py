"""The file of decisions: what its lines hold, and that no spreadsheet runs anything in it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.chat.decision_rows import COLUMNS, header, lines
from bot.labels import Label, Scores, Thresholds
from bot.rules import Mode
from bot.storage.decisions import Outcome, RecordedDecision
from bot.storage.history import GivenVerdict, Verdict
from bot.storage.members import FORGOTTEN

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DECISION = RecordedDecision(
    id=5,
    server_id=1,
    channel_id=2,
    message_id=3,
    author_id=4,
    surface="forward/embed-2",
    revision=0,
    scores=Scores(0.91, 0.02, 0.33, 0.04, 0.85, 0.06),
    thresholds=Thresholds(*[0.5] * 6),
    labels_over=(Label.TOXIC, Label.INSULT),
    action="timeout",
    model_version="1.0",
    message_created_at=NOON - timedelta(seconds=1),
    decided_at=NOON,
    mode=Mode.ENFORCE,
    timeout=timedelta(minutes=10),
    outcome=Outcome.TIMED_OUT,
)


def read(decision: RecordedDecision, verdict: GivenVerdict | None) -> dict[str, str]:
    raw = header() + b"".join(lines([(decision, verdict)]))
    (row,) = csv.DictReader(io.StringIO(raw.decode(), newline=""))
    assert tuple(row) == COLUMNS
    return row


def test_a_line_tells_a_decision_whole() -> None:
    row = read(DECISION, GivenVerdict(Verdict.UPHELD, 9, NOON + timedelta(hours=1)))
    assert row == {
        "decision": "5",
        "decided_at": "2026-01-31T12:00:00.000+00:00",
        "posted_at": "2026-01-31T11:59:59.000+00:00",
        "channel_id": "2",
        "message_id": "3",
        "author_id": "4",
        "surface": "forward/embed-2",
        "revision": "0",
        "score_toxic": "0.9100",
        "score_severe_toxic": "0.0200",
        "score_obscene": "0.3300",
        "score_threat": "0.0400",
        "score_insult": "0.8500",
        "score_identity_hate": "0.0600",
        **{f"threshold_{label}": "0.5000" for label in Label},
        "labels_over": "toxic insult",
        "mode": "enforce",
        "action": "timeout",
        "timeout_s": "600",
        "outcome": "timed_out",
        "verdict": "upheld",
        "verdict_by": "9",
        "verdict_at": "2026-01-31T13:00:00.000+00:00",
        "model": "1.0",
    }


def test_what_is_not_known_is_empty() -> None:
    row = read(replace(DECISION, outcome=None, timeout=None, mode=Mode.OBSERVE), None)
    assert {name for name, cell in row.items() if not cell} == {
        "outcome",
        "timeout_s",
        "verdict",
        "verdict_by",
        "verdict_at",
    }


def test_who_was_forgotten_is_not_named() -> None:
    forgotten = replace(DECISION, author_id=FORGOTTEN, channel_id=FORGOTTEN, message_id=-5)
    row = read(forgotten, GivenVerdict(Verdict.UPHELD, FORGOTTEN, NOON))
    assert [row[name] for name in ("author_id", "channel_id", "message_id", "verdict_by")] == [
        ""
    ] * 4
    assert row["verdict"] == "upheld"


def test_no_cell_is_a_formula() -> None:
    for start in ("=1+1", "+1", "-1", "@sum", "\tx", "\rx"):
        row = read(replace(DECISION, model_version=start), None)
        assert row["model"] == f"'{start}"
    row = read(replace(DECISION, surface="-content"), None)
    assert row["surface"] == "'-content"
