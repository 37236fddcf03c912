"""Texts → calibrated scores.

A text becomes its views, a view becomes tokens, tokens become overlapping windows of what the
network can read. Each window gets six logits, each logit its own sigmoid after its label's Platt
scaling: the labels do not exclude one another, so there is no softmax. A text's score per label is
the highest over its windows and views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bot.errors import ArtifactError, ScoringError
from bot.labels import LABELS, Label, Scores, Thresholds
from bot.screening import artifact
from bot.screening.artifact import PRESET_NAMES, Calibration, Measured, PresetName
from bot.screening.backends import (
    Backend,
    Logits,
    OnnxBackend,
    TorchBackend,
    neighbours_matter,
    try_out,
)
from bot.screening.batching import batches
from bot.screening.lanes import Lanes
from bot.screening.normalize import views

# What stands across two windows is read whole by one of them if it is no longer than this, or than
# a quarter of a window: twice that quarter judged long comments no better, and cost a third more.
OVERLAP_TOKENS = 64
# Of the model that ships, twice the longest window. Twice as many tokens at a time give 6 % more
# messages a second, but a raid's batches hold up the others longer and the network's arena grows.
BATCH_TOKENS = 256
# Tokens from which on another lane is worth its hand-over.
WORTH_A_LANE = 32
_LONGEST_VERSION = 64

Window = tuple[int, ...]
"""Token ids, special tokens included, that the network reads together."""

# A foreign checkpoint comes without measured presets. Its probabilities are taken as they are.
FOREIGN_THRESHOLDS: Mapping[PresetName, float] = {"relaxed": 0.9, "balanced": 0.75, "strict": 0.5}


@dataclass(frozen=True, slots=True)
class Prepared:
    """One text, ready for the network.

    Attributes
    ----------
    windows
        Token ids, special tokens included; at least one window, each at most the model's
        ``max_tokens`` long. Windows that occur twice are kept once.
    """

    windows: tuple[Window, ...]


class Model:
    """A network with everything it takes to get from a text to six scores.

    Several threads may call `read` at once, and one of them `prepare` meanwhile; the rest is for
    one thread alone.

    Parameters
    ----------
    backend
        Tried out already.
    tokenizer
        Set up here for windows of ``max_tokens``; nobody else may use it.
    version
        Written into the log beside every decision; cut to 64 characters.
    batched : bool
        Whether the network may get several windows at a time; see `backends.neighbours_matter`.

    Attributes
    ----------
    lanes, cost
        The backend's, see `backends.Backend`.
    """

    def __init__(
        self,
        backend: Backend,
        tokenizer: Tokenizer,
        *,
        version: str,
        max_tokens: int,
        calibration: Mapping[Label, Calibration],
        presets: Mapping[PresetName, Thresholds],
        measured: Measured | None = None,
        batched: bool = True,
    ) -> None:
        self.version = version[-_LONGEST_VERSION:]
        self.max_tokens = max_tokens
        self.presets = presets
        self.measured: Measured = measured or {}
        self.batched = batched
        self._backend = backend
        self.lanes = backend.lanes
        self.cost = backend.cost
        self._lanes = Lanes(backend.lanes)
        self._tokenizer = tokenizer
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_tokens, stride=min(OVERLAP_TOKENS, max_tokens // 4))
        self._scale = np.array([calibration[label].scale for label in LABELS])
        self._bias = np.array([calibration[label].bias for label in LABELS])

    def score(self, texts: Sequence[str]) -> list[Scores]:
        """Score texts; an empty text is scored like any other.

        Raises
        ------
        ScoringError
            The network gave something that is not a number.
        """
        return self.score_prepared(self.prepare(texts))

    def logits(self, texts: Sequence[str]) -> Logits:
        """The uncalibrated logits, (len(texts), 6): the highest over a text's windows and views.

        Platt scaling rises with the logit, so scaling these gives what `score` gives. This is what
        calibration has to be fitted on.
        """
        return self._logits(self.prepare(texts))

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Views, tokens and windows of each text."""
        text_views = [views(text) for text in texts]
        flat = [view for each in text_views for view in each]
        encoded = iter(self._tokenizer.encode_batch_fast(flat))
        return [
            Prepared(
                # dict keeps the order and drops the repeats
                tuple(
                    dict.fromkeys(
                        tuple(window.ids)
                        for _ in each
                        for encoding in (next(encoded),)
                        for window in (encoding, *encoding.overflowing)
                    )
                )
            )
            for each in text_views
        ]

    def score_prepared(self, prepared: Sequence[Prepared]) -> list[Scores]:
        """Score what `prepare` gave, in its order."""
        return self._calibrated(self._logits(prepared))

    def read(self, windows: Sequence[Window]) -> list[Scores]:
        """Score windows as one batch, on the calling thread.

        A text's scores are the highest over its windows.

        Raises
        ------
        ScoringError
            The network gave something that is not a number.
        """
        return self._calibrated(_finite(self._backend.logits(windows)))

    def cut(self, lengths: Sequence[int]) -> list[list[int]]:
        """How windows are put into batches: see `batches`.

        Batches are made smaller than they might be where that gives each of the network's lanes
        something to do.
        """
        if not self.batched:
            return list(batches(lengths, 0))
        share = -(-sum(lengths) // self.lanes)
        budget = min(BATCH_TOKENS, max(share, WORTH_A_LANE))
        return list(batches(lengths, budget, self.cost))

    def _calibrated(self, logits: Logits) -> list[Scores]:
        scaled = logits * self._scale + self._bias
        # clipped where exp would overflow; the sigmoid is 0 or 1 to ten digits long before
        probabilities = 1.0 / (1.0 + np.exp(-np.clip(scaled, -60.0, 60.0)))
        return [Scores.from_sequence(row) for row in probabilities.tolist()]

    def _logits(self, prepared: Sequence[Prepared]) -> Logits:
        if not prepared:
            return np.empty((0, len(LABELS)), dtype=np.float32)
        windows = [window for each in prepared for window in each.windows]
        found = np.empty((len(windows), len(LABELS)), dtype=np.float32)
        cut = self.cut([len(window) for window in windows])
        results = self._lanes.map(
            lambda batch: self._backend.logits([windows[at] for at in batch]), cut
        )
        for batch, logits in zip(cut, results, strict=True):
            found[batch] = logits
        _finite(found)
        starts = np.cumsum([0, *(len(each.windows) for each in prepared)])[:-1]
        highest: NDArray[np.float32] = np.maximum.reduceat(found, starts, axis=0)
        return highest


def _finite(logits: Logits) -> Logits:
    if not np.isfinite(logits).all():
        raise ScoringError("The model gave a score that is not a number.")
    return logits


def load_model(spec: str | None = None, threads: int | None = None) -> Model:
    """Load a model, and try it out.

    Parameters
    ----------
    spec
        None for the model that ships; a model directory (with ``manifest.json``); or a Hugging Face
        checkpoint, by directory or hub name. A checkpoint's probabilities are taken uncalibrated,
        and its presets are the same for all labels: relaxed 0.9, balanced 0.75, strict 0.5.
    threads
        Threads for the network; None for a choice by the number of cores.

    Raises
    ------
    ArtifactError
        There is no such model, or its parts do not fit.
    MissingExtraError
        A checkpoint was asked for and PyTorch is not installed.
    """
    directory = artifact.DEFAULT_MODEL if spec is None else Path(spec).expanduser()
    if spec is None or (directory / artifact.MANIFEST).exists():
        return _from_directory(directory, threads)
    if directory.exists() and not (directory / "config.json").is_file():
        raise ArtifactError(
            directory, f"holds neither {artifact.MANIFEST} nor a checkpoint's config.json"
        )
    if not directory.exists() and (directory.is_absolute() or spec.startswith((".", "~"))):
        raise ArtifactError(directory, "there is no such directory")
    return _from_checkpoint(str(directory) if directory.exists() else spec, threads)


def _from_directory(directory: Path, threads: int | None) -> Model:
    manifest = artifact.read(directory)
    path = directory / artifact.TOKENIZER
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise ArtifactError(path, f"tokenizers cannot read it ({type(error).__name__})") from None
    pad_ids = (tokenizer.token_to_id(token) for token in ("[PAD]", "<pad>"))
    pad_id = next((each for each in pad_ids if each is not None), 0)
    network = directory / artifact.MODEL
    backend = OnnxBackend(network, pad_id=pad_id, threads=threads)
    return Model(
        backend,
        tokenizer,
        version=manifest.model_version,
        max_tokens=manifest.max_tokens,
        calibration=manifest.calibration,
        presets={name: manifest.preset(name) for name in PRESET_NAMES},
        measured=manifest.presets,
        batched=_tried_out(backend, network, tokenizer, manifest.max_tokens),
    )


def _from_checkpoint(name: str, threads: int | None) -> Model:
    backend = TorchBackend(name, threads=threads)
    version = f"{name.rstrip('/').rsplit('/', 1)[-1]}@{backend.revision[:8]}".rstrip("@")
    return Model(
        backend,
        backend.tokenizer,
        version=version,
        max_tokens=backend.max_tokens,
        calibration={label: Calibration() for label in LABELS},
        presets={
            preset: Thresholds.from_sequence([threshold] * len(LABELS))
            for preset, threshold in FOREIGN_THRESHOLDS.items()
        },
        batched=_tried_out(backend, name, backend.tokenizer, backend.max_tokens),
    )


def _tried_out(backend: Backend, name: Path | str, tokenizer: Tokenizer, max_tokens: int) -> bool:
    """Make sure that network and tokenizer fit; whether the network may get batches."""
    highest_id = max(tokenizer.get_vocab(with_added_tokens=True).values())
    try_out(backend, name, highest_id, max_tokens)
    return not neighbours_matter(backend, highest_id, max_tokens)
