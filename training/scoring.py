"""A model asked for many texts: in chunks, with a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from tqdm import tqdm

from bot.labels import LABELS, Scores
from bot.screening.model import Model
from training.calibrate import Curve
from training.data import Floats

CHUNK = 256

Score = Callable[[Sequence[str], str], Curve]
"""Texts and what they are (for the progress bar) → probabilities [texts, 6]."""


def chunks(texts: Sequence[str], what: str) -> Iterator[Sequence[str]]:
    """The texts, `CHUNK` by `CHUNK`; on a terminal a bar named ``what`` shows how far it is."""
    # disable=None: no bar where standard error is a file
    with tqdm(total=len(texts), desc=what, unit="text", disable=None, leave=False) as bar:
        for start in range(0, len(texts), CHUNK):
            chunk = texts[start : start + CHUNK]
            yield chunk
            bar.update(len(chunk))


def logits_of(model: Model, texts: Sequence[str], what: str) -> Floats:
    """The uncalibrated logits [texts, 6], as `Model.logits` gives them."""
    found = [np.empty((0, len(LABELS)), dtype=np.float32)]
    found += [model.logits(chunk) for chunk in chunks(texts, what)]
    return np.concatenate(found)


def scores_of(model: Model, texts: Sequence[str], what: str) -> list[Scores]:
    """The calibrated scores of each text, as `Model.score` gives them."""
    return [scores for chunk in chunks(texts, what) for scores in model.score(chunk)]


class Scorer:
    """Scores texts as the bot would: all views and windows of a text, calibrated.

    Parameters
    ----------
    model
        Not used elsewhere meanwhile.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._known: dict[str, tuple[float, ...]] = {}

    def __call__(self, texts: Sequence[str], what: str = "texts") -> Curve:
        """Probabilities [texts, 6]; a text that was asked for before is not scored again."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for text, scores in zip(new, scores_of(self._model, new, what), strict=True):
            self._known[text] = tuple(scores.as_dict().values())
        return np.array([self._known[text] for text in texts]).reshape(len(texts), len(LABELS))
