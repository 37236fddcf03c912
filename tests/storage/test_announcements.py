"""Told once, and told again only after it was taken back."""

from __future__ import annotations

from bot.storage.announcements import Announcement, Announcements
from bot.storage.database import Database

REDUCED = Announcement.REDUCED


async def test_a_server_is_told_once(database: Database) -> None:
    announcements = Announcements(database)
    assert await announcements.add(1, REDUCED)
    assert not await announcements.add(1, REDUCED)
    assert await announcements.add(2, REDUCED)
    assert not await announcements.add(2, REDUCED)
    assert await announcements.remove(1, REDUCED)
    assert not await announcements.remove(1, REDUCED)
    assert await announcements.add(1, REDUCED)
