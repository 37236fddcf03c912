"""How far away Discord is, measured from the moment a heartbeat sets out."""

from __future__ import annotations

import time
from typing import Any

from discord.gateway import KeepAliveHandler


class Heartbeats(KeepAliveHandler):
    """discord.py's own, but for one thing.

    That takes the time of a heartbeat when it has been sent. By then a server nearby has answered,
    and the time since the heartbeat before is taken for the distance, with a warning each time.
    """

    def get_payload(self) -> dict[str, Any]:
        self._last_send = time.perf_counter()
        return super().get_payload()
