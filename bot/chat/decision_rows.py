"""Decisions as lines of CSV: one for each, without any text of a message.

The columns and their names are part of what the bot promises, whatever language it speaks.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime

from bot.labels import LABELS
from bot.storage.decisions import RecordedDecision
from bot.storage.history import GivenVerdict
from bot.storage.members import FORGOTTEN

COLUMNS = (
    "decision",
    "decided_at",
    "posted_at",
    "channel_id",
    "message_id",
    "author_id",
    "surface",
    "revision",
    *(f"score_{label}" for label in LABELS),
    *(f"threshold_{label}" for label in LABELS),
    "labels_over",
    "mode",
    "action",
    "timeout_s",
    "outcome",
    "verdict",
    "verdict_by",
    "verdict_at",
    "model",
)

# A cell that begins so is a formula to spreadsheets.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def header() -> bytes:
    """The first line."""
    return _lines([COLUMNS])


def lines(decisions: Sequence[tuple[RecordedDecision, GivenVerdict | None]]) -> list[bytes]:
    """A line for each decision."""
    return [_lines([_row(decision, verdict)]) for decision, verdict in decisions]


def _row(decision: RecordedDecision, verdict: GivenVerdict | None) -> tuple[str, ...]:
    known = decision.author_id != FORGOTTEN
    return (
        str(decision.id),
        _time(decision.decided_at),
        _time(decision.message_created_at),
        str(decision.channel_id) if known else "",
        str(decision.message_id) if known else "",
        str(decision.author_id) if known else "",
        _plain(decision.surface),
        str(decision.revision),
        *(f"{score:.4f}" for _, score in decision.scores.items()),
        *(f"{threshold:.4f}" for _, threshold in decision.thresholds.items()),
        " ".join(decision.labels_over),
        decision.mode.value,
        decision.action,
        "" if decision.timeout is None else f"{decision.timeout.total_seconds():.0f}",
        "" if decision.outcome is None else decision.outcome.value,
        "" if verdict is None else verdict.verdict.value,
        "" if verdict is None or verdict.moderator_id == FORGOTTEN else str(verdict.moderator_id),
        "" if verdict is None else _time(verdict.at),
        _plain(decision.model_version),
    )


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _plain(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    return stream.getvalue().encode()
