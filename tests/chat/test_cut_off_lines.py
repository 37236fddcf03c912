"""Every end of a click that was interrupted has its line."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.chat.cut_off_lines import cut_off_line
from bot.storage.history import CutShort, DeedKind, DeedResult, RecordedDeed

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
KINDS = (DeedKind.DELETE, DeedKind.TIMEOUT, DeedKind.RENAME)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("found", CutShort)
def test_a_line_names_who_and_when(kind: DeedKind, found: CutShort) -> None:
    duration = timedelta(hours=1) if kind is DeedKind.TIMEOUT else None
    deed = RecordedDeed(1, kind, 11, AT, duration, DeedResult.FAILED, AT, found.value)
    line = cut_off_line(deed, found, "<@11>", "<t:1:R>")
    assert " by <@11> <t:1:R> was interrupted; " in line
    assert len(line) < 200
    assert ("not known" in line) is (found not in (CutShort.NOT_DONE, CutShort.OTHER)) or (
        kind is not DeedKind.TIMEOUT and found is CutShort.OTHER
    )
    assert ("for 1 hour" in line) is (kind is DeedKind.TIMEOUT)


def test_what_failed_otherwise_was_not_cut_short() -> None:
    refused = RecordedDeed(
        1, DeedKind.DELETE, 11, AT, None, DeedResult.FAILED, AT, "missing_permission"
    )
    assert refused.cut_short is None
