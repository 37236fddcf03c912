from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.chat import card_upkeep
from tests.conftest import Scene

KEEPS_QUIET = discord.Permissions(
    manage_guild=True,
    manage_messages=True,
    manage_nicknames=True,
    moderate_members=True,
    view_channel=True,
    send_messages=True,
)


@pytest.fixture
def unexplained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards are edited by what a test does alone; explaining has its own tests."""
    monkeypatch.setattr(card_upkeep, "_MOST_EXPLAINED", 0)


@pytest.fixture
def mia(scene: Scene) -> Any:
    """A second moderator, whose role stands above the members' and below nobody's."""
    return scene.server.add_member("mia", permissions=KEEPS_QUIET)
