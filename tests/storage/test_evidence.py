"""Verdicts as thresholds are chosen by: all that is needed, without holding up the event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from bot.labels import Label, Scores, Thresholds
from bot.storage import evidence, journal
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision
from bot.storage.evidence import Evidence, JudgedFlag
from bot.storage.history import Verdict
from bot.storage.journal import Journal, Wanted
from bot.storage.verdicts import Verdicts

Make = Callable[..., NewDecision]
SCORES = Scores(0.9, 0.1, 0.2, 0.3, 0.8, 0.4)
THRESHOLDS = Thresholds(0.5, 0.6, 0.7, 0.75, 0.65, 0.55)
OVER = (Label.TOXIC, Label.INSULT)


async def fill(database: Database, make: Make) -> None:
    """Three flags, of which the last two are judged."""
    for message_id, verdict in enumerate((None, Verdict.UPHELD, Verdict.DISMISSED), start=1):
        kept = await Decisions(database).record(
            make(
                server_id=1,
                message_id=message_id,
                scores=SCORES,
                thresholds=THRESHOLDS,
                labels_over=OVER,
            )
        )
        assert kept is not None
        if verdict is not None:
            await Verdicts(database).give(kept.id, verdict, 7)


async def test_the_newest_come_first_as_they_were_judged(
    database: Database, new_decision: Make
) -> None:
    await fill(database, new_decision)
    assert await Evidence(database).judged(1) == [
        JudgedFlag(SCORES, THRESHOLDS, OVER, upheld=False),
        JudgedFlag(SCORES, THRESHOLDS, OVER, upheld=True),
    ]
    assert await Evidence(database).judged(2) == []


async def test_the_event_loop_goes_on_while_many_are_read(
    database: Database, new_decision: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_by: list[threading.Thread] = []

    def noted(*given: object) -> Scores:
        made_by.append(threading.current_thread())
        return SCORES

    await fill(database, new_decision)
    monkeypatch.setattr(evidence, "Scores", noted)
    monkeypatch.setattr(journal, "recorded", noted)
    assert len(await Evidence(database).judged(1)) == 2
    assert len(await Journal(database).rows(1, Wanted(), before=None, most=5)) == 3
    assert len(made_by) == 5
    assert threading.current_thread() not in made_by
