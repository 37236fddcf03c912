"""Servers of which Discord tells a client nothing for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import Scene


def away(scene: Scene, server: Any) -> Callable[[], None]:
    """Have a server away from the next start on, until it is called back."""
    guilds = scene.wire.world.backend.guilds
    there = guilds.pop(server.id)

    def back() -> None:
        guilds[there.id] = there
        scene.wire.announce(server, as_back=True)

    return back
