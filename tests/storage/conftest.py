from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.labels import Label, Scores, Thresholds
from bot.storage.database import Database
from bot.storage.decisions import NewDecision
from bot.storage.members import Members
from bot.storage.privacy import Privacy
from bot.storage.retention import Retention
from tests.storage.keeping import Clock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "hexward.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
async def database(url: str, path: Path, migrated: Path) -> AsyncIterator[Database]:
    path.parent.mkdir()
    shutil.copy(migrated, path)
    async with await Database.open(url, lock_wait_s=0.2) as database:
        yield database


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def privacy(database: Database) -> Privacy:
    return Privacy(database)


@pytest.fixture
def retention(database: Database, privacy: Privacy, clock: Clock) -> Retention:
    return Retention(database, privacy, Members(database, clock=clock), clock=clock)


@pytest.fixture
def new_decision() -> Callable[..., NewDecision]:
    """Makes decisions; every value can be given."""

    def make(**given: Any) -> NewDecision:
        values: dict[str, Any] = {
            "server_id": 100,
            "channel_id": 200,
            "message_id": 300,
            "author_id": 400,
            "surface": "content",
            "revision": 0,
            "scores": Scores(0.91, 0.02, 0.33, 0.04, 0.85, 0.06),
            "thresholds": Thresholds(0.5, 0.6, 0.7, 0.8, 0.55, 0.65),
            "labels_over": (Label.TOXIC, Label.INSULT),
            "action": "alert",
            "model_version": "0.1.0+abc",
            "message_created_at": datetime(2026, 1, 31, 11, 59, 58, 123000, UTC),
            "decided_at": datetime(2026, 1, 31, 12, 0, 0, 456789, UTC),
        }
        return NewDecision(**values | given)

    return make
