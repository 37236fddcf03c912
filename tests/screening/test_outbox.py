from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

from bot.errors import ScoringError
from bot.labels import Scores
from bot.screening.observing import Counts
from bot.screening.outbox import Outbox
from bot.screening.waiting import Job, Priority, Ticket

SCORES = Scores.from_sequence([0.25] * 6)


def ticket(callers: int, server_id: int = 0, priority: Priority = Priority.LIVE) -> Ticket:
    made = Ticket(Job("", b""), server_id, priority, 0.0)
    loop = asyncio.get_running_loop()
    for _ in range(callers):
        made.callers[loop.create_future()] = None
    return made


async def test_thousands_are_answered_over_many_turns_of_the_loop() -> None:
    outbox = Outbox(asyncio.get_running_loop(), Counts(None))
    crowd = ticket(3000)
    outbox.put(crowd, SCORES, "scored")
    outbox.send()
    turns: list[int] = []
    while not turns or turns[-1] < 3000:
        outbox.send()  # does not bring the next slice forward
        turns.append(sum(answer.done() for answer in crowd.callers))
        await asyncio.sleep(0)
    steps = [after - before for before, after in pairwise(turns)]
    assert max(steps) <= 64
    assert len(turns) > 40
    assert all(answer.result() is SCORES for answer in crowd.callers)


async def test_checks_and_other_servers_do_not_wait_for_a_crowd() -> None:
    outbox = Outbox(asyncio.get_running_loop(), Counts(None))
    crowd, other, check = ticket(3000, 1), ticket(2, 2), ticket(1, 1, Priority.CHECK)
    for each in (crowd, other, check):
        outbox.put(each, SCORES, "scored")
    outbox.send()
    assert all(answer.done() for answer in [*other.callers, *check.callers])
    assert not all(answer.done() for answer in crowd.callers)
    outbox.flush()
    assert all(answer.done() for answer in crowd.callers)


async def test_how_each_caller_was_answered_is_counted() -> None:
    counts = Counts(None)
    outbox = Outbox(asyncio.get_running_loop(), counts)
    some, gone, failing = ticket(3), ticket(2), ticket(2)
    next(iter(gone.callers)).cancel()
    outbox.put(some, SCORES, "cache")
    outbox.put(gone, SCORES, "scored")
    outbox.put(failing, ScoringError("why"), "scored")
    outbox.flush()
    assert counts.by_how == Counter(cache=1, joined=3, scored=0)
    assert counts.failures == 2
    errors = [answer.exception() for answer in failing.callers]
    assert [str(error) for error in errors] == ["why", "why"]
    assert errors[0] is not errors[1]
