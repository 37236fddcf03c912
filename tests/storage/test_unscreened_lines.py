"""Lines about unscreened messages, over restarts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.storage.database import Database
from bot.storage.unscreened_lines import UnscreenedLine, UnscreenedLines

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LINE = UnscreenedLine(
    line_id=2**60,
    server_id=1,
    channel_id=3,
    first_at=NOON,
    last_at=NOON + timedelta(minutes=2),
    away=False,
    messages=41,
    place_id=2**61,
    places=2,
    left_out_id=5,
    left_out_places=1,
    left_out_since=NOON,
    screened=7,
    gone=1,
    lost=2,
)


async def test_a_line_comes_back_as_it_was_last(url: str) -> None:
    async with await Database.open(url) as database:
        lines = UnscreenedLines(database)
        await lines.put(LINE)
        await lines.put(replace(LINE, screened=9))
        await lines.put(replace(LINE, line_id=5, server_id=2))
    async with await Database.open(url) as database:
        lines = UnscreenedLines(database)
        assert await lines.of(1) == [replace(LINE, screened=9)]
        await lines.drop(LINE.line_id)
        assert await lines.of(1) == []
        assert len(await lines.of(2)) == 1
