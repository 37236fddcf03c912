"""Many texts go to a model in chunks, and come back in order."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from bot.labels import Scores
from bot.screening.model import Model
from training.data import Floats
from training.kept import Kept
from training.scoring import CHUNK, Scorer, kept_of, logits_of, scores_of


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


class Stopping(Counting):
    """Is stopped before it answers for the text ``last``."""

    def __init__(self, last: str) -> None:
        super().__init__()
        self._last = last

    def logits(self, texts: Sequence[str]) -> Floats:
        if self._last in texts:
            raise KeyboardInterrupt
        return super().logits(texts)

    def score(self, texts: Sequence[str]) -> list[Scores]:
        if self._last in texts:
            raise KeyboardInterrupt
        return super().score(texts)


@pytest.mark.parametrize("ask", [logits_of, scores_of])
def test_what_is_stopped_goes_on_with_the_chunk_that_it_was_at(
    ask: Callable[..., Any], tmp_path: Path
) -> None:
    kept, texts = Kept(tmp_path, "model"), [str(at) for at in range(3 * CHUNK + 5)]
    with pytest.raises(KeyboardInterrupt):
        ask(cast(Model, Stopping(str(2 * CHUNK))), texts, "texts", kept)
    counting = Counting()
    found = ask(cast(Model, counting), texts, "texts", kept)
    assert counting.asked == texts[2 * CHUNK :]
    whole = ask(cast(Model, Counting()), texts, "texts")
    assert np.array_equal(np.asarray(found), np.asarray(whole))
    # a damaged chunk is asked for again
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes()[:-1])
    again = Counting()
    assert np.array_equal(np.asarray(ask(cast(Model, again), texts, "", kept)), np.asarray(whole))
    assert 0 < len(again.asked) <= CHUNK


def test_another_model_or_kind_of_answer_is_asked_anew(tmp_path: Path) -> None:
    texts = ["1", "2"]
    logits_of(cast(Model, Counting()), texts, "texts", Kept(tmp_path, "model"))
    counting = Counting()
    logits_of(cast(Model, counting), texts, "texts", Kept(tmp_path, "other"))
    scores_of(cast(Model, counting), texts, "texts", Kept(tmp_path, "model"))
    assert counting.asked == texts * 2


def test_a_model_is_known_by_all_that_it_is_loaded_from(checkpoint: Path, tmp_path: Path) -> None:
    def known(model: Path) -> bool:
        return kept_of(tmp_path / "kept", model).get("a", shape=(1,)) is not None

    kept_of(tmp_path / "kept", checkpoint).put(np.zeros(1), "a")
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    (copy / "optimizer.pt").write_bytes(b"not the model")
    assert known(copy)
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content + b" ")
        assert not known(copy)
        (copy / name).write_bytes(content)
    assert known(copy)
