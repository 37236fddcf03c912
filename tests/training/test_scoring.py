"""Many texts go to a model in chunks, and come back in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from bot.labels import Scores
from bot.screening.model import Model
from training.data import Floats
from training.scoring import CHUNK, Scorer, logits_of, scores_of


class Counting:
    """Scores a number by itself, over 10,000, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def score(self, texts: Sequence[str]) -> list[Scores]:
        self.asked += texts
        return [Scores(*[int(text) / 10_000] * 6) for text in texts]

    def logits(self, texts: Sequence[str]) -> Floats:
        self.asked += texts
        return np.array([[int(text)] * 6 for text in texts], dtype=np.float32)


@pytest.mark.parametrize("count", [0, 1, CHUNK, 2 * CHUNK + 3])
def test_every_text_is_answered_in_its_place(count: int) -> None:
    counting = Counting()
    model, texts = cast(Model, counting), [str(at) for at in range(count)]
    logits = logits_of(model, texts, "texts")
    assert logits.shape == (count, 6)
    assert logits.dtype == np.float32
    assert logits[:, 0].tolist() == list(range(count))
    assert [one.toxic for one in scores_of(model, texts, "texts")] == [
        at / 10_000 for at in range(count)
    ]
    assert counting.asked == texts * 2


def test_a_scorer_asks_for_a_text_once() -> None:
    counting = Counting()
    scorer = Scorer(cast(Model, counting))
    assert scorer(["1", "2", "1"])[:, 5].tolist() == [0.0001, 0.0002, 0.0001]
    assert scorer(["2", "3"])[:, 0].tolist() == [0.0002, 0.0003]
    assert scorer([]).shape == (0, 6)
    assert counting.asked == ["1", "2", "3"]


def test_there_is_no_bar_where_standard_error_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logits_of(cast(Model, Counting()), ["1"], "texts")
    assert capsys.readouterr().err == ""
