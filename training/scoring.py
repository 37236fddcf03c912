"""A model asked for many texts: in chunks, with a progress bar, and stopped without loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from bot.labels import LABELS, Scores
from bot.screening.model import Model
from bot.screening.normalize import NORMALIZER_VERSION
from training import origins
from training.calibrate import Curve
from training.data import Floats
from training.kept import Kept

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


def kept_of(unfinished: Path, directory: Path) -> Kept:
    """Where the answers of a model lie while there are more to come.

    Parameters
    ----------
    unfinished
        Of `training.kept.until_done`.
    directory
        The checkpoint or model directory that answers.
    """
    return Kept(unfinished, origins.model_sha256(directory), str(NORMALIZER_VERSION))


def logits_of(model: Model, texts: Sequence[str], what: str, kept: Kept | None = None) -> Floats:
    """The uncalibrated logits [texts, 6], as `Model.logits` gives them.

    Parameters
    ----------
    model
        What is asked.
    texts
        What it is asked for.
    what
        They are, for the progress bar.
    kept
        Of `kept_of`, for the same model: each chunk is kept there, and one that is there already is
        not asked for again.
    """
    return _answers(lambda chunk: model.logits(chunk), texts, what, kept, "logits", np.float32)


def scores_of(
    model: Model, texts: Sequence[str], what: str, kept: Kept | None = None
) -> list[Scores]:
    """The calibrated scores of each text, as `Model.score` gives them; ``kept`` as above."""
    found = _answers(
        lambda chunk: np.array([[*one.as_dict().values()] for one in model.score(chunk)]),
        texts, what, kept, "scores", np.float64,
    )  # fmt: skip
    return [Scores.from_sequence(row) for row in found.tolist()]


class Scorer:
    """Scores texts as the bot would: all views and windows of a text, calibrated.

    Parameters
    ----------
    model
        Not used elsewhere meanwhile.
    kept
        Of `kept_of`, for the same model.
    """

    def __init__(self, model: Model, kept: Kept | None = None) -> None:
        self._model, self._kept = model, kept
        self._known: dict[str, tuple[float, ...]] = {}

    def __call__(self, texts: Sequence[str], what: str = "texts") -> Curve:
        """Probabilities [texts, 6]; a text that was asked for before is not scored again."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for text, scores in zip(new, scores_of(self._model, new, what, self._kept), strict=True):
            self._known[text] = tuple(scores.as_dict().values())
        return np.array([self._known[text] for text in texts]).reshape(len(texts), len(LABELS))


def _answers(
    ask: Callable[[Sequence[str]], npt.NDArray[Any]],
    texts: Sequence[str],
    what: str,
    kept: Kept | None,
    kind: str,
    form: type[np.floating[Any]],
) -> npt.NDArray[Any]:
    answers = [np.empty((0, len(LABELS)), dtype=form)]
    for chunk in chunks(texts, what):
        # A batch may change its texts' scores a little, so what is kept is kept by the chunk.
        found = None if kept is None else kept.get(kind, *chunk, shape=(len(chunk), len(LABELS)))
        if found is None:
            found = ask(chunk)
            if kept is not None:
                kept.put(found, kind, *chunk)
        answers.append(found)
    return np.concatenate(answers)
