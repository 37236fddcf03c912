"""The distance to Discord, where Discord is near."""

import time
from types import SimpleNamespace
from typing import Any

from bot.chat.heartbeats import Heartbeats


def test_an_answer_that_comes_before_the_sending_has_ended_is_measured_from_its_beginning() -> None:
    ws: Any = SimpleNamespace(thread_id=0, _max_heartbeat_timeout=60.0, HEARTBEAT=1, sequence=7)
    beats = Heartbeats(ws=ws, interval=41.25)
    beats._last_send = time.perf_counter() - 41.25  # the heartbeat before
    assert beats.get_payload() == {"op": 1, "d": 7}
    beats.ack()
    assert beats.latency < 10.0
