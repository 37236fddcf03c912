"""Edits of several messages that come in any order among each other, scored late or not at all."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from random import Random
from typing import Any

import pytest

from bot.errors import ScoringError
from bot.labels import Scores
from bot.screening.engine import Engine, Priority
from tests.conftest import Scene
from tests.patience import until

MESSAGES, EDITS = 6, 8
FAILING = 0.15  # share of the texts that cannot be scored


@pytest.mark.usefixtures("unexplained")
@pytest.mark.parametrize("seed", [1, 2])
async def test_each_message_is_decided_in_the_order_of_writing(
    seed: int, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever each scoring takes and whichever fails: none lost, none twice, none overtaken."""
    draw = Random(seed)
    score = Engine.score
    failed: Counter[str] = Counter()

    async def score_late(self: Engine, text: str, **options: Any) -> Scores:
        if options.get("priority") is Priority.LIVE:
            # The first ones of a message take longest, so the later ones would overtake them.
            await asyncio.sleep(draw.random() * 0.2 / (1 + int(text.split()[-1])))
            if draw.random() < FAILING:
                failed[text.split()[1]] += 1
                raise ScoringError("It is not to be.")
        return await score(self, text, **options)

    monkeypatch.setattr(Engine, "score", score_late)
    scene.settings = scene.settings.model_copy(update={"catch_up_hours": 0})
    async with scene.bot():
        posted = [await scene.ada.post(scene.general, f"idiot {n} 0") for n in range(MESSAGES)]
        turns = [n for n in range(MESSAGES) for _ in range(EDITS)]
        draw.shuffle(turns)
        written = Counter[int]()
        for n in turns:
            written[n] += 1
            await posted[n].edit(f"idiot {n} {written[n]}")
        decided = "SELECT count(*) FROM decisions"
        await until(lambda: scene.rows(decided)[0][0] + failed.total() == MESSAGES * (1 + EDITS))
    revisions = defaultdict(list)
    for message_id, revision in scene.rows(
        "SELECT message_id, revision FROM decisions ORDER BY id"
    ):
        revisions[message_id].append(revision)
    assert failed
    for n, message in enumerate(posted):
        assert len(set(revisions[message.id])) == 1 + EDITS - failed[str(n)]
        assert revisions[message.id] == sorted(revisions[message.id])
